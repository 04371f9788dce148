//! What the person meant, whatever key it was.

/// A command to the walk. Each makes sense everywhere; where it has no meaning, nothing happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cmd {
    /// To the line above.
    Up,
    /// To the line below.
    Down,
    /// To the next question or button.
    Next,
    /// To the one before.
    Previous,
    /// Take what is selected and go on.
    Enter,
    /// To the page before, or out of what is open.
    Back,
    /// To the next page.
    Forward,
    /// A character of an answer.
    Type(char),
    /// The character before the cursor goes.
    Erase,
    /// The character under the cursor goes.
    Delete,
    /// The word before the cursor goes.
    EraseWord,
    /// All that was said here goes; the default holds again.
    Clear,
    /// The cursor goes one character left.
    Left,
    /// The cursor goes one character right; on an empty line it takes the default to be changed.
    Right,
    /// To the beginning of the line or list.
    Home,
    /// To the end of the line or list.
    End,
    /// Text from the clipboard.
    Paste(String),
    /// The next of few choices.
    Toggle,
    /// All keys, and all there is to know about the question.
    Help,
    /// Ask everything, or only what most people decide.
    Advanced,
    /// Leave; everything is kept.
    Leave,
    /// The selected text goes to the clipboard.
    Copy,
    /// Try again.
    Retry,
    /// The selected step is done by hand in the Console.
    ByHand,
    /// Something that exists takes the place of the selected step.
    Adopt,
    /// Go to the answer that caused the trouble.
    Change,
    /// Go on without this.
    Skip,
    /// Take back what was made.
    RollBack,
    /// The log of the selected step, or the list of steps.
    Log,
    /// The text above.
    ScrollUp,
    /// The text below.
    ScrollDown,
    /// Give the terminal back to the shell for a while.
    Suspend,
}

/// How keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Characters are text.
    Typing,
    /// Characters are commands.
    Moving,
}

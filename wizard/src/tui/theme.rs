//! How things look, by what they mean. Nothing is said by colour alone.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Any.
    Full,
    /// The sixteen that every terminal has, as its owner set them.
    Sixteen,
    /// None (`NO_COLOR`).
    None,
}

/// How things look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// Colours.
    pub colour: Colour,
    /// Whether only ASCII is drawn.
    pub ascii: bool,
}

/// What a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Account and Region: must not be overlooked.
    Loud,
    /// The practice account: nothing can be broken.
    Calm,
    /// A heading.
    Title,
    /// Anything else.
    Text,
    /// Less important than the rest.
    Muted,
    /// Where the focus is.
    Selected,
    /// In order.
    Good,
    /// Works, but somebody should act.
    Warning,
    /// Wrong, or cannot be taken back.
    Bad,
    /// At work.
    Busy,
    /// A key to press.
    Key,
    /// What the operator said.
    Answer,
}

/// A sign in front of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// As wanted.
    Done,
    /// Was so already.
    Unchanged,
    /// Works, but.
    Warning,
    /// Failed or wrong.
    Failed,
    /// Not reached.
    Skipped,
    /// At work.
    Running,
    /// Not begun.
    Ahead,
    /// The focus.
    Here,
    /// The chosen of few.
    On,
    /// The others.
    Off,
    /// Hangs under the line above.
    Branch,
}

impl Theme {
    /// The style of a text.
    pub fn style(&self, meaning: Meaning) -> Style {
        let plain = Style::new();
        let (style, full, sixteen) = match meaning {
            Meaning::Loud => {
                (plain.add_modifier(Modifier::BOLD | Modifier::REVERSED), (230, 120, 60), Color::Yellow)
            }
            Meaning::Calm => {
                (plain.add_modifier(Modifier::BOLD | Modifier::REVERSED), (110, 180, 220), Color::Cyan)
            }
            Meaning::Title | Meaning::Busy => {
                (plain.add_modifier(Modifier::BOLD), (130, 190, 235), Color::Cyan)
            }
            Meaning::Text => return plain,
            Meaning::Muted => return plain.add_modifier(Modifier::DIM),
            Meaning::Selected => return plain.add_modifier(Modifier::REVERSED),
            Meaning::Good => (plain, (120, 200, 120), Color::Green),
            Meaning::Warning => (plain.add_modifier(Modifier::BOLD), (230, 190, 80), Color::Yellow),
            Meaning::Bad => (plain.add_modifier(Modifier::BOLD), (240, 100, 100), Color::Red),
            Meaning::Key => (plain.add_modifier(Modifier::BOLD), (200, 200, 140), Color::Yellow),
            Meaning::Answer => return plain.add_modifier(Modifier::BOLD),
        };
        match self.colour {
            Colour::Full => style.fg(Color::Rgb(full.0, full.1, full.2)),
            Colour::Sixteen => style.fg(sixteen),
            Colour::None => style,
        }
    }

    /// A sign.
    pub fn mark(&self, mark: Mark) -> &'static str {
        let (ascii, unicode) = match mark {
            Mark::Done => ("+", "\u{2714}"),
            Mark::Unchanged => ("=", "="),
            Mark::Warning => ("!", "!"),
            Mark::Failed => ("x", "\u{2716}"),
            Mark::Skipped => ("-", "-"),
            Mark::Running => ("*", "\u{25cf}"),
            Mark::Ahead => (".", "\u{b7}"),
            Mark::Here => (">", "\u{25b8}"),
            Mark::On => ("(*)", "(\u{2022})"),
            Mark::Off => ("( )", "( )"),
            Mark::Branch => ("`- ", "\u{2514}\u{2500} "),
        };
        if self.ascii { ascii } else { unicode }
    }

    /// The line around a pane.
    pub fn border(&self) -> border::Set<'static> {
        if !self.ascii {
            return border::PLAIN;
        }
        border::Set {
            top_left: "+",
            top_right: "+",
            bottom_left: "+",
            bottom_right: "+",
            vertical_left: "|",
            vertical_right: "|",
            horizontal_top: "-",
            horizontal_bottom: "-",
        }
    }

    /// How far something is, in so many columns.
    pub fn bar(&self, done: usize, of: usize, width: usize) -> String {
        let filled = done.saturating_mul(width).checked_div(of).unwrap_or(0).min(width);
        let (full, empty) = if self.ascii { ("=", ".") } else { ("\u{2501}", "\u{2500}") };
        format!("[{}{}]", full.repeat(filled), empty.repeat(width.saturating_sub(filled)))
    }
}

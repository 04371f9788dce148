//! From keys to what was meant.

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::walk::{Cmd, Mode};

/// What an event of the terminal means; none where it means nothing to us.
pub fn event(event: &Event, mode: Mode) -> Option<Cmd> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => self::key(*key, mode),
        Event::Paste(text) => Some(Cmd::Paste(text.clone())),
        _ => None,
    }
}

/// What a key means.
pub fn key(key: KeyEvent, mode: Mode) -> Option<Cmd> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return control(key.code);
    }
    let is_alt = key.modifiers.contains(KeyModifiers::ALT);
    match (key.code, mode) {
        (KeyCode::Char(character), Mode::Typing) if !is_alt => Some(Cmd::Type(character)),
        (KeyCode::Char(character), Mode::Moving) if !is_alt => letter(character),
        (KeyCode::Left, Mode::Typing) => Some(Cmd::Left),
        (KeyCode::Right, Mode::Typing) => Some(Cmd::Right),
        (KeyCode::Backspace, Mode::Typing) if is_alt => Some(Cmd::EraseWord),
        (KeyCode::Left, Mode::Moving) => Some(Cmd::Back),
        (KeyCode::Right, Mode::Moving) => Some(Cmd::Forward),
        (code, _) => anywhere(code),
    }
}

fn control(code: KeyCode) -> Option<Cmd> {
    let cmd = match code {
        KeyCode::Char('c') => Cmd::Leave,
        KeyCode::Char('z') => Cmd::Suspend,
        KeyCode::Char('u') => Cmd::Clear,
        KeyCode::Char('w' | 'h') | KeyCode::Backspace => Cmd::EraseWord,
        KeyCode::Char('a') => Cmd::Home,
        KeyCode::Char('e') => Cmd::End,
        KeyCode::Char('d') => Cmd::Delete,
        KeyCode::Char('n') | KeyCode::Right => Cmd::Forward,
        KeyCode::Char('p') | KeyCode::Left => Cmd::Back,
        KeyCode::Char('y') => Cmd::Copy,
        KeyCode::Char('t') => Cmd::Adopt,
        _ => return None,
    };
    Some(cmd)
}

/// Letters, where none is typed.
fn letter(character: char) -> Option<Cmd> {
    let cmd = match character {
        'k' => Cmd::Up,
        'j' => Cmd::Down,
        'h' => Cmd::Back,
        'l' => Cmd::Forward,
        'g' => Cmd::Home,
        'G' => Cmd::End,
        ' ' => Cmd::Toggle,
        '?' => Cmd::Help,
        'a' => Cmd::Advanced,
        'y' => Cmd::Copy,
        'r' => Cmd::Retry,
        'b' => Cmd::ByHand,
        'o' => Cmd::Adopt,
        'c' => Cmd::Change,
        's' => Cmd::Skip,
        'u' => Cmd::RollBack,
        'v' => Cmd::Log,
        'q' => Cmd::Leave,
        _ => return None,
    };
    Some(cmd)
}

fn anywhere(code: KeyCode) -> Option<Cmd> {
    let cmd = match code {
        KeyCode::Up => Cmd::Up,
        KeyCode::Down => Cmd::Down,
        KeyCode::Tab => Cmd::Next,
        KeyCode::BackTab => Cmd::Previous,
        KeyCode::Enter => Cmd::Enter,
        KeyCode::Esc => Cmd::Back,
        KeyCode::Home => Cmd::Home,
        KeyCode::End => Cmd::End,
        KeyCode::PageUp => Cmd::ScrollUp,
        KeyCode::PageDown => Cmd::ScrollDown,
        KeyCode::Backspace => Cmd::Erase,
        KeyCode::Delete => Cmd::Delete,
        KeyCode::F(1) => Cmd::Help,
        KeyCode::F(2) => Cmd::Advanced,
        _ => return None,
    };
    Some(cmd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(code: KeyCode, modifiers: KeyModifiers, mode: Mode) -> Option<Cmd> {
        event(&Event::Key(KeyEvent::new(code, modifiers)), mode)
    }

    #[test]
    fn a_letter_is_text_while_typing_and_a_command_otherwise() {
        let plain = KeyModifiers::NONE;
        for (character, cmd) in [('j', Cmd::Down), ('?', Cmd::Help), (' ', Cmd::Toggle), ('h', Cmd::Back)] {
            assert_eq!(means(KeyCode::Char(character), plain, Mode::Typing), Some(Cmd::Type(character)));
            assert_eq!(means(KeyCode::Char(character), plain, Mode::Moving), Some(cmd));
        }
        assert_eq!(means(KeyCode::Left, plain, Mode::Typing), Some(Cmd::Left));
        assert_eq!(means(KeyCode::Left, plain, Mode::Moving), Some(Cmd::Back));
        assert_eq!(means(KeyCode::Char('S'), KeyModifiers::SHIFT, Mode::Typing), Some(Cmd::Type('S')));
    }

    #[test]
    fn leaving_help_and_the_way_through_the_pages_work_in_both_modes() {
        for mode in [Mode::Typing, Mode::Moving] {
            for (code, modifiers, cmd) in [
                (KeyCode::Char('c'), KeyModifiers::CONTROL, Cmd::Leave),
                (KeyCode::Char('z'), KeyModifiers::CONTROL, Cmd::Suspend),
                (KeyCode::Char('n'), KeyModifiers::CONTROL, Cmd::Forward),
                (KeyCode::Char('w'), KeyModifiers::CONTROL, Cmd::EraseWord),
                (KeyCode::Char('u'), KeyModifiers::CONTROL, Cmd::Clear),
                (KeyCode::F(1), KeyModifiers::NONE, Cmd::Help),
                (KeyCode::Esc, KeyModifiers::NONE, Cmd::Back),
                (KeyCode::Tab, KeyModifiers::NONE, Cmd::Next),
                (KeyCode::BackTab, KeyModifiers::SHIFT, Cmd::Previous),
                (KeyCode::Enter, KeyModifiers::NONE, Cmd::Enter),
            ] {
                assert_eq!(means(code, modifiers, mode), Some(cmd), "{code:?}");
            }
            assert_eq!(event(&Event::Paste("a b".to_owned()), mode), Some(Cmd::Paste("a b".to_owned())));
            assert_eq!(event(&Event::Resize(80, 24), mode), None);
        }
    }

    #[test]
    fn a_key_that_is_let_go_means_nothing() {
        let mut key = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        key.kind = KeyEventKind::Release;
        assert_eq!(event(&Event::Key(key), Mode::Moving), None);
    }
}

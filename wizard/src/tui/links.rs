//! Addresses on the screen that can be clicked (OSC 8), on terminals that say who they are and are known to take it.

use std::num::NonZeroU16;

use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout::Position;

use crate::form;
use crate::walk::State;

/// Whether the terminal takes links; by its environment, since no terminal answers that question.
///
/// What does not know them ignores them at best, so only terminals are named here that are known to show them.
/// `FORCE_HYPERLINK` overrules, as it does elsewhere.
pub fn can<'a>(variable: impl Fn(&str) -> Option<&'a str>) -> bool {
    let of = |name: &str| variable(name).unwrap_or_default();
    if let Some(forced) = variable("FORCE_HYPERLINK") {
        return forced != "0";
    }
    let term = of("TERM");
    // A multiplexer stands between, and passes on what it likes.
    if matches!(term, "" | "dumb" | "linux") || term.starts_with("screen") || term.starts_with("tmux") {
        return false;
    }
    let vte: u32 = of("VTE_VERSION").parse().unwrap_or_default();
    vte >= 5000
        || !of("WT_SESSION").is_empty()
        || !of("KONSOLE_VERSION").is_empty()
        || matches!(of("TERM_PROGRAM"), "iTerm.app" | "WezTerm" | "vscode" | "ghostty")
        || ["xterm-kitty", "alacritty", "foot", "xterm-ghostty"].iter().any(|name| term.starts_with(name))
}

/// Makes links of the addresses that the page shows.
pub(super) fn draw(buffer: &mut Buffer, state: &State) {
    for (index, address) in shown(state).iter().enumerate() {
        mark(buffer, address, index);
    }
}

/// The addresses that the page may show.
fn shown(state: &State) -> Vec<String> {
    let field = state.focus.as_deref().and_then(form::find);
    let mut all: Vec<String> = field.and_then(|field| field.link).map(str::to_owned).into_iter().collect();
    all.extend(state.run.hand.as_ref().map(|task| task.console.clone()));
    let findings = state.trouble.iter().flat_map(|trouble| &trouble.findings);
    let checked = state.verified.iter().flat_map(|verified| &verified.findings);
    all.extend(findings.chain(checked).filter_map(|finding| finding.doc.clone()));
    all.sort();
    all.dedup();
    // What could end the sequence early is no address.
    all.retain(|address| address.starts_with(SCHEME) && address.bytes().all(|byte| byte.is_ascii_graphic()));
    all
}

const SCHEME: &str = "https://";
/// The least of an address that is taken for its beginning, and for its rest on the next line.
const ENOUGH: usize = 12;
/// How much further left than its beginning the rest of an address can stand.
const INDENT: u16 = 12;

/// Makes links of all cells that show this address, whole, cut off at the end, or going on in the next line.
fn mark(buffer: &mut Buffer, address: &str, index: usize) {
    let area = buffer.area;
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            let count = matching(buffer, address, x, y);
            if count < ENOUGH.min(address.len()) || !is_edge(buffer, x.checked_sub(1), y) {
                continue;
            }
            let rest = address.get(count..).unwrap_or_default();
            link(buffer, address, index, x, y, count);
            if rest.is_empty() {
                continue;
            }
            let below = y.saturating_add(1);
            let continued = (x.saturating_sub(INDENT)..=x).rev().find(|from| {
                is_edge(buffer, from.checked_sub(1), below)
                    && matching(buffer, rest, *from, below) >= ENOUGH.min(rest.len())
            });
            if let Some(from) = continued {
                let count = matching(buffer, rest, from, below);
                link(buffer, address, index, from, below, count);
            }
        }
    }
}

/// How many characters of a text stand from here on.
fn matching(buffer: &Buffer, text: &str, x: u16, y: u16) -> usize {
    let stands = |(column, byte): &(u16, u8)| {
        buffer
            .cell(Position::new(*column, y))
            .is_some_and(|cell| cell.symbol().as_bytes() == std::slice::from_ref(byte))
    };
    (x..).zip(text.bytes()).take_while(stands).count()
}

/// Whether nothing of a word stands here.
fn is_edge(buffer: &Buffer, x: Option<u16>, y: u16) -> bool {
    let Some(cell) = x.and_then(|x| buffer.cell(Position::new(x, y))) else { return true };
    !cell.symbol().starts_with(|first: char| first.is_ascii_alphanumeric() || first == '/')
}

/// Makes a link of so many cells. Each is one by itself, so that a cell that is drawn alone later is right; the number
/// tells the terminal that they belong together.
fn link(buffer: &mut Buffer, address: &str, index: usize, x: u16, y: u16, count: usize) {
    for (column, _) in (x..).zip(0..count) {
        let Some(cell) = buffer.cell_mut(Position::new(column, y)) else { return };
        let symbol = format!("\u{1b}]8;id=sre{index};{address}\u{1b}\\{}\u{1b}]8;;\u{1b}\\", cell.symbol());
        cell.set_symbol(&symbol).set_diff_option(CellDiffOption::ForcedWidth(NonZeroU16::MIN));
    }
}

#[cfg(test)]
mod tests {
    use ratatui::backend::CrosstermBackend;
    use ratatui::layout::Rect;
    use ratatui::{Terminal, TerminalOptions, Viewport};

    use super::*;
    use crate::exchange::Input;
    use crate::form::Page;
    use crate::tui::{Colour, Theme, screens};
    use crate::walk::fixtures::{applying, state, task, tell};

    /// What goes to the terminal for a first frame.
    fn bytes(state: &State, (width, height): (u16, u16), links: bool) -> String {
        let mut written = Vec::new();
        let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
        let mut terminal =
            Terminal::with_options(CrosstermBackend::new(&mut written), TerminalOptions { viewport })
                .unwrap();
        let theme = Theme { colour: Colour::None, ascii: true };
        terminal
            .draw(|frame| {
                screens::draw(frame, state, &theme);
                if links {
                    draw(frame.buffer_mut(), state);
                }
            })
            .unwrap();
        drop(terminal);
        String::from_utf8(written).unwrap()
    }

    /// The text without any sequence, and the characters that are links, by where they lead.
    fn read(bytes: &str) -> (String, String, Option<String>) {
        let (mut text, mut linked, mut address) = (String::new(), String::new(), None);
        let mut rest = bytes;
        let mut is_open = false;
        while let Some(first) = rest.chars().next() {
            if let Some(sequence) = rest.strip_prefix("\u{1b}]8;") {
                let (head, tail) = sequence.split_once("\u{1b}\\").unwrap();
                let (_, to) = head.split_once(';').unwrap();
                is_open = !to.is_empty();
                if is_open {
                    address = Some(to.to_owned());
                }
                rest = tail;
            } else if rest.starts_with('\u{1b}') {
                rest = rest.split_once(|c: char| c.is_ascii_alphabetic()).unwrap().1;
            } else {
                text.push(first);
                if is_open {
                    linked.push(first);
                }
                rest = &rest[first.len_utf8()..];
            }
        }
        (text, linked, address)
    }

    #[test]
    fn the_page_behind_a_question_is_a_link_even_where_it_takes_two_lines() {
        let mut state = state(Page::Network, &[]);
        state.focus = Some("network.vpc_id".to_owned());
        // The address is the last of what there is to know.
        state.scroll = 100;
        let wanted = form::find("network.vpc_id").unwrap().link.unwrap();
        for size in [(80, 40), (120, 40), (60, 40)] {
            let plain = bytes(&state, size, false);
            assert!(!plain.contains("\u{1b}]8;"), "{size:?}");
            let (text, linked, address) = read(&bytes(&state, size, true));
            assert_eq!(text, read(&plain).0, "a link changes nothing that is read");
            assert_eq!((linked.as_str(), address.as_deref()), (wanted, Some(wanted)), "{size:?}");
        }
    }

    #[test]
    fn the_page_of_the_console_is_a_link_to_the_whole_of_it() {
        let mut state = applying();
        tell(&mut state, Input::Hand(Box::new(task())));
        let (_, linked, address) = read(&bytes(&state, (80, 24), true));
        assert_eq!(address, Some(task().console));
        assert!(task().console.starts_with(&linked) && linked.len() > ENOUGH, "{linked}");
    }

    #[test]
    fn only_terminals_that_are_known_to_show_links_get_them() {
        let rows: &[(&[(&str, &str)], bool)] = &[
            (&[("TERM", "xterm-256color")], false),
            (&[("TERM", "xterm-256color"), ("VTE_VERSION", "7600")], true),
            (&[("TERM", "xterm-256color"), ("VTE_VERSION", "4205")], false),
            (&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "WezTerm")], true),
            (&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "Apple_Terminal")], false),
            (&[("TERM", "xterm-kitty")], true),
            (&[("TERM", "screen-256color"), ("VTE_VERSION", "7600")], false),
            (&[("TERM", "dumb"), ("WT_SESSION", "1")], false),
            (&[("TERM", "linux"), ("KONSOLE_VERSION", "1")], false),
            (&[("TERM", "xterm"), ("FORCE_HYPERLINK", "1")], true),
            (&[("TERM", "xterm-kitty"), ("FORCE_HYPERLINK", "0")], false),
            (&[], false),
        ];
        for (variables, wanted) in rows {
            let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, to)| *to);
            assert_eq!(can(variable), *wanted, "{variables:?}");
        }
    }
}

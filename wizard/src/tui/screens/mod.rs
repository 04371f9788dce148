//! Frames: one `draw` for each family of pages. Drawing reads the state and changes nothing.

mod apply;
mod chrome;
mod ending;
mod fields;
mod hand;
mod iam;
mod overlay;
mod parts;
mod review;
mod trouble;

#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::widgets::{Paragraph, Wrap};

use super::Theme;
use crate::form::Page;
use crate::walk::{State, ways};

/// Columns below which a page cannot be read.
pub const MIN_WIDTH: u16 = 60;
/// Rows below which a page cannot be read.
pub const MIN_HEIGHT: u16 = 16;

/// Draws everything.
///
/// ```text
///  ACCOUNT 123456789012  REGION eu-central-1  REAL: changes cost money
///  sre-agent-prod   3/14 Network  [====..........]
///  ------------------------------------------------------------------
///  the page
///  why the last key did nothing
///  Enter next   Esc back   F1 help
/// ```
pub fn draw(frame: &mut Frame<'_>, state: &State, theme: &Theme) {
    let (area, theme) = (frame.area(), *theme);
    if area.width < MIN_WIDTH || area.height < MIN_HEIGHT {
        return too_small(frame, area);
    }
    let rows = [Constraint::Length(3), Constraint::Min(8), Constraint::Length(1), Constraint::Length(1)];
    let [head, body, notice, foot] = Layout::vertical(rows).areas(area);
    chrome::header(frame, head, state, theme);
    page(frame, body, state, theme);
    chrome::notice(frame, notice, state, theme);
    chrome::footer(frame, foot, state, theme);
    overlay::draw(frame, body, state, theme);
}

fn page(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    match state.page {
        page if page.holds_fields() => fields::draw(frame, area, state, theme),
        _ if !ways(state).is_empty() => trouble::draw(frame, area, state, theme),
        Page::Review => review::draw(frame, area, state, theme),
        Page::Apply if state.run.hand.is_some() => hand::draw(frame, area, state, theme),
        Page::Apply => apply::draw(frame, area, state, theme),
        _ => ending::draw(frame, area, state, theme),
    }
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let text = format!(
        "This window has {}x{} characters. {MIN_WIDTH}x{MIN_HEIGHT} are needed. Please enlarge it; everything \
         you said is saved. Ctrl-C leaves.",
        area.width, area.height
    );
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
}

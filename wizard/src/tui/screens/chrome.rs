//! What is on every page: where one is, and which keys work.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::parts::{cut, span};
use crate::form::Page;
use crate::tui::theme::Meaning;
use crate::tui::{Theme, keys};
use crate::walk::State;

/// Account, Region and whether it is real; the deployment and the page.
pub(super) fn header(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let width = usize::from(area.width);
    let rehearsal = state.is_rehearsal();
    let account = state.discovery.account_id.as_deref();
    let account = account.unwrap_or(if state.is_discovering { "..." } else { "unknown" });
    let region = state.region().unwrap_or_else(|| "unknown".to_owned());
    let kind = if rehearsal { "REHEARSAL" } else { "REAL" };
    let loud = format!(" ACCOUNT {account}  REGION {region}  {kind} ");
    let meaning = if rehearsal { Meaning::Calm } else { Meaning::Loud };
    let id = state.holds("deployment.id");
    let id = if id.is_empty() { "sre-agent-deploy".to_owned() } else { cut(&id, 32) };
    let place = Page::ALL.iter().position(|page| *page == state.page).unwrap_or(0).saturating_add(1);
    let text = format!(" {place}/{} {} ", Page::ALL.len(), state.page.title());
    let used = id.chars().count().saturating_add(text.chars().count()).saturating_add(4);
    let bar = theme.bar(place, Page::ALL.len(), width.saturating_sub(used).min(30));
    let rule = theme.border().horizontal_top.repeat(width);
    let lines = vec![
        Line::from(span(format!("{loud:<width$}"), meaning, theme)),
        Line::from(vec![
            span(format!(" {id} "), Meaning::Answer, theme),
            span(text, Meaning::Title, theme),
            span(bar, Meaning::Muted, theme),
        ]),
        Line::from(span(rule, Meaning::Muted, theme)),
    ];
    frame.render_widget(Paragraph::new(lines), area);
}

/// Why the last command did not do what was meant.
pub(super) fn notice(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let (text, meaning) = match &state.notice {
        Some(notice) => (notice.clone(), Meaning::Warning),
        None if state.run.is_stopping => (
            "Stopping at the next safe point; everything is saved. Ctrl-C leaves now.".to_owned(),
            Meaning::Warning,
        ),
        None => return,
    };
    let text = cut(&format!(" {text}"), usize::from(area.width));
    frame.render_widget(Paragraph::new(span(text, meaning, theme)), area);
}

/// The keys that work here, as many as fit; help is never left out.
pub(super) fn footer(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let length = |(key, what): &keys::Key| key.len().saturating_add(what.len()).saturating_add(4);
    let mut here = keys::here(state);
    let last = here.pop();
    let mut room = usize::from(area.width).saturating_sub(last.as_ref().map_or(0, length));
    let fits = here.into_iter().take_while(|key| {
        let fits = length(key) <= room;
        room = room.saturating_sub(length(key));
        fits
    });
    let shown: Vec<keys::Key> = fits.chain(last).collect();
    let spans = shown.into_iter().flat_map(|(key, what)| {
        [span(format!(" {key} "), Meaning::Key, theme), span(format!("{what}  "), Meaning::Text, theme)]
    });
    frame.render_widget(Paragraph::new(spans.collect::<Line<'_>>()), area);
}

//! The picture of lifetimes: a bar from the first to the last second of each certificate, and the moment of judgement.
//!
//! SVG without a script; colours are classes of the page around it. Whole pixels are enough.

use std::fmt::Write as _;

use super::escape::{self, markup_line};
use super::{Style, words};
use crate::cert::judge::Policy;
use crate::report::CertificateSummary;
use crate::{CheckReport, CheckResult, Moment};

const DAY: i64 = 86_400;
/// A mean month, for the grid.
const MONTH: i64 = 2_629_746;
/// No further than this before and after the moment of judgement; longer bars are cut and marked.
const MOST: i64 = DAY * 420;
/// And no less, so that a month can be told from a day.
const LEAST: i64 = DAY * 7;
/// Bars in one picture. More is no picture.
const BARS: usize = 60;

const WIDTH: i64 = 960;
const LABELS: i64 = 280;
const RIGHT: i64 = 24;
const TOP: i64 = 44;
const ROW: i64 = 26;

/// What a policy allows of a lifetime, in seconds.
type Seconds = fn(&Policy, i64) -> i64;

/// From where to where.
struct Scale {
    start: i64,
    end: i64,
}

impl Scale {
    /// The whole of what is shown, with a little air.
    fn of(shown: &[(&CheckResult, &CertificateSummary)], now: i64) -> Self {
        let seconds = |of: fn(&CertificateSummary) -> Option<Moment>| {
            shown.iter().filter_map(move |(_, certificate)| of(certificate)).map(Moment::as_second)
        };
        let low = seconds(|certificate| certificate.not_before).min().unwrap_or(now);
        let high = seconds(|certificate| certificate.not_after).max().unwrap_or(now);
        let start = low.clamp(now.saturating_sub(MOST), now.saturating_sub(LEAST));
        let end = high.clamp(now.saturating_add(LEAST), now.saturating_add(MOST));
        let air = end.saturating_sub(start).div_euclid(40);
        Self { start: start.saturating_sub(air), end: end.saturating_add(air) }
    }

    /// Where a moment is, in pixels from the left. What is outside is at the edge.
    fn x(&self, second: i64) -> i64 {
        let room = WIDTH.saturating_sub(LABELS).saturating_sub(RIGHT);
        let span = self.end.saturating_sub(self.start).max(1);
        let offset = second.clamp(self.start, self.end).saturating_sub(self.start);
        LABELS.saturating_add(offset.saturating_mul(room).checked_div(span).unwrap_or_default())
    }

    fn has(&self, second: i64) -> bool {
        (self.start..=self.end).contains(&second)
    }
}

/// The picture; nothing where no certificate says from when to when it is valid.
pub(super) fn timeline(report: &CheckReport, style: &Style) -> String {
    let now = words::now(report).as_second();
    let all: Vec<(&CheckResult, &CertificateSummary)> = words::by_urgency(report)
        .into_iter()
        .filter_map(|result| words::main(result).map(|certificate| (result, certificate)))
        .filter(|(_, certificate)| certificate.not_before.is_some() && certificate.not_after.is_some())
        .collect();
    let shown = all.get(..BARS.min(all.len())).unwrap_or_default();
    if shown.is_empty() {
        return String::new();
    }
    let scale = Scale::of(shown, now);
    let rows = i64::try_from(shown.len()).unwrap_or_default();
    let bottom = rows.saturating_mul(ROW).saturating_add(TOP);
    let height = bottom.saturating_add(10);
    let mut out = format!(
        "<figure>\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"lifetimes\">\n\
         <title id=\"lifetimes\">Lifetimes of {} certificates; the table below has the same dates</title>\n",
        shown.len()
    );
    grid(&mut out, &scale, bottom);
    let mut y = TOP;
    for (result, certificate) in shown {
        bar(&mut out, &scale, result, certificate, y, now, style);
        y = y.saturating_add(ROW);
    }
    let checked = report.checked_at.as_second();
    if report.judged_as_of.is_some() && scale.has(checked) {
        mark(&mut out, &scale, checked, bottom, "then", "looked at");
    }
    let word = if report.judged_as_of.is_some() { "judged as of" } else { "now" };
    mark(&mut out, &scale, now, bottom, "now", word);
    out.push_str("</svg>\n<figcaption>");
    out.push_str(
        "<span class=\"key ok\"></span>ok <span class=\"key warning\"></span>warning \
         <span class=\"key critical\"></span>critical <span class=\"key unknown\"></span>unknown. \
         Pale: the part of the lifetime that has passed. Ticks: from there on a warning, and critical. \
         A slanted end goes on beyond the picture.",
    );
    if all.len() > shown.len() {
        let _ = write!(out, " The {} most urgent of {} are shown.", shown.len(), all.len());
    }
    out.push_str("</figcaption>\n</figure>\n");
    out
}

/// The months, as many as can be read.
fn grid(out: &mut String, scale: &Scale, bottom: i64) {
    let span = scale.end.saturating_sub(scale.start);
    let step = [1, 7, 14]
        .into_iter()
        .map(|days: i64| days.saturating_mul(DAY))
        .chain([1, 2, 3, 6].into_iter().map(|months: i64| months.saturating_mul(MONTH)))
        .find(|step| span.checked_div(*step).unwrap_or_default() <= 10)
        .unwrap_or(MONTH.saturating_mul(6));
    for second in ticks(scale, step) {
        let x = scale.x(second);
        let text = Moment::from_second(second).to_string();
        let text = text.get(..if step < MONTH { 10 } else { 7 }).unwrap_or_default();
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{x}\" y1=\"{TOP}\" x2=\"{x}\" y2=\"{bottom}\"/>\
             <text class=\"axis\" x=\"{x}\" y=\"{}\">{text}</text>",
            TOP.saturating_sub(8)
        );
    }
}

/// Round moments on the scale: midnights, or first days of months.
fn ticks(scale: &Scale, step: i64) -> Vec<i64> {
    let mut ticks = Vec::new();
    if step < MONTH {
        let mut second = scale.start.div_euclid(step).saturating_add(1).saturating_mul(step);
        while second <= scale.end {
            ticks.push(second);
            second = second.saturating_add(step);
        }
        return ticks;
    }
    let months = step.div_euclid(MONTH);
    // Every day is looked at: it is a first, or it is not.
    let mut day = scale.start.div_euclid(DAY).saturating_add(1);
    while day.saturating_mul(DAY) <= scale.end {
        let text = Moment::from_second(day.saturating_mul(DAY)).to_string();
        let month: i64 = text.get(5..7).and_then(|month| month.parse().ok()).unwrap_or_default();
        if text.get(8..10) == Some("01") && month.saturating_sub(1).rem_euclid(months) == 0 {
            ticks.push(day.saturating_mul(DAY));
        }
        day = day.saturating_add(1);
    }
    ticks
}

fn bar(
    out: &mut String,
    scale: &Scale,
    result: &CheckResult,
    certificate: &CertificateSummary,
    y: i64,
    now: i64,
    style: &Style,
) {
    let (Some(from), Some(to)) = (certificate.not_before, certificate.not_after) else { return };
    let (from, to) = (from.as_second(), to.as_second());
    let name = &result.subject.name;
    let moment = Moment::from_second(now);
    let whole = format!(
        "{name}: {}, {}, {}",
        result.status.as_str(),
        words::names(&certificate.names, 3),
        words::remaining(certificate, moment)
    );
    let _ = writeln!(
        out,
        "<g class=\"{}\"><title>{}</title><text class=\"name\" x=\"{}\" y=\"{}\">{}</text>",
        result.status.as_str(),
        markup_line(&whole),
        LABELS.saturating_sub(10),
        y.saturating_add(17),
        markup_line(&tail(name))
    );
    let (left, right, middle) = (scale.x(from), scale.x(to), scale.x(now.clamp(from, to.max(from))));
    let (top, low) = (y.saturating_add(5), y.saturating_add(ROW).saturating_sub(5));
    let mut piece = |class: &str, left: i64, right: i64, open_left: bool, open_right: bool| {
        // A moment is still something.
        let right = right.max(left.saturating_add(1));
        let slant = |is_open: bool| if is_open { 6_i64 } else { 0 };
        let _ = writeln!(
            out,
            "<polygon class=\"{class}\" points=\"{left},{top} {right},{top} {},{low} {},{low}\"/>",
            right.saturating_sub(slant(open_right)),
            left.saturating_add(slant(open_left))
        );
    };
    if middle > left {
        piece("past", left, middle, from < scale.start, false);
    }
    if right > middle {
        piece("left", middle, right, false, to > scale.end);
    }
    let limits: [(&str, Seconds); 2] =
        [("warning", Policy::warn_seconds), ("critical", Policy::critical_seconds)];
    for (class, seconds) in limits {
        let policy = style.policy.as_ref().zip(certificate.lifetime_seconds);
        let at = policy.map(|(policy, lifetime)| to.saturating_sub(seconds(policy, lifetime)));
        if let Some(at) = at.filter(|at| scale.has(*at)) {
            let x = scale.x(at);
            let _ = writeln!(
                out,
                "<line class=\"tick {class}\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{}\"/>",
                y.saturating_add(2),
                y.saturating_add(ROW).saturating_sub(2)
            );
        }
    }
    out.push_str("</g>\n");
}

/// The end of a name says more of it than its beginning.
fn tail(name: &str) -> String {
    const LONGEST: usize = 34;
    let name = escape::plain(name);
    let length = name.chars().count();
    if length <= LONGEST {
        return name;
    }
    format!("…{}", name.chars().skip(length.saturating_sub(LONGEST).saturating_add(1)).collect::<String>())
}

fn mark(out: &mut String, scale: &Scale, second: i64, bottom: i64, class: &str, word: &str) {
    let x = scale.x(second);
    let _ = writeln!(
        out,
        "<line class=\"{class}\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{bottom}\"/>\
         <text class=\"mark {class}\" x=\"{x}\" y=\"14\">{word}</text>",
        20
    );
}

//! Shows problems to a person: code, message, the marked place, and what to do.

use std::fmt::{self, Write as _};

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};

use super::{
    mask::{IsSecret, mask},
    problem::{Origin, Problem, Span},
    secret_names,
    source::{self, SourceText},
};

/// How the text may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderStyle {
    /// Whether to use ANSI colours. Everything can be read without them.
    pub colour: bool,
    /// Columns of the screen.
    pub width: usize,
    /// Whether characters beyond ASCII may be used for lines and marks.
    pub unicode: bool,
}

/// Lines beyond this length are not shown; a file on one line would fill the screen with every problem.
const LONGEST_LINE: usize = 400;
/// More problems than this are counted and not shown.
const MOST_PROBLEMS: usize = 200;

/// The text for all problems, with a count at the end; empty where there are none.
pub fn render(problems: &[Problem], file: Option<&SourceText<'_>>, style: RenderStyle) -> String {
    render_masked(problems, file, style, |name, _| secret_names::is_secret(name))
}

/// The same where other names than those of [`is_secret`](secret_names::is_secret) hold secrets; their values are not
/// shown.
pub fn render_masked(
    problems: &[Problem],
    file: Option<&SourceText<'_>>,
    style: RenderStyle,
    is_secret: IsSecret,
) -> String {
    let excerpt = file.map(|file| Excerpt::new(file, is_secret));
    let handler = handler(style);
    let mut out = String::new();
    for problem in problems.iter().take(MOST_PROBLEMS) {
        let place = excerpt.as_ref().and_then(|excerpt| Some((excerpt, excerpt.mark(problem.span?)?)));
        let report = Report { problem, place };
        if handler.render_report(&mut out, &report).is_err() {
            // The handler only fails on a source that it cannot read; the line itself is always there.
            out.push_str(&report.to_string());
            out.push('\n');
        }
        out.push('\n');
    }
    if let Some(hidden) = problems.len().checked_sub(MOST_PROBLEMS).filter(|hidden| *hidden > 0) {
        // Writing into a string cannot fail.
        let _ = writeln!(out, "and {hidden} more problems");
    }
    if !problems.is_empty() {
        let errors = problems.iter().filter(|problem| problem.is_error()).count();
        let warnings = problems.len().saturating_sub(errors);
        let _ = writeln!(out, "{}, {}", counted(errors, "error"), counted(warnings, "warning"));
    }
    out
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn handler(style: RenderStyle) -> GraphicalReportHandler {
    let theme = GraphicalTheme {
        characters: if style.unicode { ThemeCharacters::unicode() } else { ThemeCharacters::ascii() },
        styles: if style.colour { ThemeStyles::ansi() } else { ThemeStyles::none() },
    };
    GraphicalReportHandler::new_themed(theme)
        .with_width(style.width.max(40))
        .with_links(false)
        .with_context_lines(1)
}

/// One problem in the form that the handler draws.
struct Report<'a> {
    problem: &'a Problem,
    place: Option<(&'a Excerpt, SourceSpan)>,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { path, message, origin, span, .. } = self.problem;
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        f.write_str(message)?;
        match (origin, span) {
            (Origin::Flag | Origin::Environment { .. }, _) => write!(f, " ({origin})"),
            (_, Some(span)) if self.place.is_none() => {
                write!(f, " (line {}, column {})", span.line, span.column)
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Report<'_> {}

impl Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.problem.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(if self.problem.is_error() { miette::Severity::Error } else { miette::Severity::Warning })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let Problem { suggestion, example, .. } = self.problem;
        let text = match (suggestion, example) {
            (Some(suggestion), Some(example)) => format!("{suggestion}\nexample: {example}"),
            (Some(suggestion), None) => suggestion.clone(),
            (None, Some(example)) => format!("example: {example}"),
            (None, None) => return None,
        };
        Some(Box::new(text))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.map(|(excerpt, _)| excerpt as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (_, span) = self.place?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some("here".to_owned()), span))))
    }
}

/// The file's text, without secrets, with its lines found once.
struct Excerpt {
    name: String,
    bytes: Vec<u8>,
    starts: Vec<usize>,
    /// Length of the byte order mark that was cut off.
    skipped: usize,
}

impl Excerpt {
    fn new(file: &SourceText<'_>, is_secret: IsSecret) -> Self {
        let skipped = source::byte_order_mark_length(file.bytes);
        let masked =
            if file.bytes.len() > source::MAX_BYTES { Vec::new() } else { mask(file.bytes, is_secret) };
        let bytes = printable(masked.get(skipped..).unwrap_or_default());
        let breaks = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let starts = std::iter::once(0).chain(breaks.map(|(index, _)| index.saturating_add(1))).collect();
        Self { name: file.name.to_owned(), bytes, starts, skipped }
    }

    /// The marked part of a place: what stands on its first line. Nothing where that line cannot be shown.
    fn mark(&self, span: Span) -> Option<SourceSpan> {
        let start = span.start.checked_sub(self.skipped)?;
        let line = self.line_of(start);
        let shown = line.saturating_sub(1)..=line.saturating_add(1);
        if self.bytes.is_empty() || shown.into_iter().any(|line| self.line(line).len() > LONGEST_LINE) {
            return None;
        }
        let line_end = self.start(line).saturating_add(self.line(line).trim_ascii_end().len()).max(start);
        let end = span.end.saturating_sub(self.skipped).clamp(start, line_end);
        Some(SourceSpan::from((start, end.saturating_sub(start))))
    }

    fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    fn start(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.bytes.len())
    }

    fn line(&self, line: usize) -> &[u8] {
        self.bytes.get(self.start(line)..self.start(line.saturating_add(1))).unwrap_or_default()
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let first = self.line_of(span.offset());
        let last = self.line_of(span.offset().saturating_add(span.len().saturating_sub(1)));
        let from = first.saturating_sub(before);
        let to = last.saturating_add(after).saturating_add(1);
        // Without context the handler asks where the span itself begins, with context for whole lines.
        let start = if before == 0 { span.offset() } else { self.start(from) };
        let end = self.start(to).max(start);
        let data = self.bytes.get(start..end).ok_or(MietteError::OutOfBounds)?;
        let column = self
            .bytes
            .get(self.start(first)..start)
            .map_or(0, |text| String::from_utf8_lossy(text).chars().count());
        let span = SourceSpan::from((start, data.len()));
        let contents = MietteSpanContents::new_named(
            self.name.clone(),
            data,
            span,
            from,
            column,
            to.saturating_sub(from),
        );
        Ok(Box::new(contents))
    }
}

/// The same number of bytes as valid UTF-8 without control characters, which could command a terminal.
fn printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_control() && !matches!(c, '\n' | '\t' | '\r') {
                out.extend(std::iter::repeat_n(b'?', c.len_utf8()));
            } else {
                out.extend(c.encode_utf8(&mut [0; 4]).bytes());
            }
        }
        out.extend(std::iter::repeat_n(b'?', chunk.invalid().len()));
    }
    out
}

//! Screens as a picture: an SVG that shows one after the other, for a README.

use std::fmt::Write as _;

use crate::terminal::Terminal;

const CELL_WIDTH: f64 = 8.4;
const LINE_HEIGHT: f64 = 18.0;
const MARGIN: f64 = 12.0;
const BACKGROUND: &str = "#16181d";
const FOREGROUND: &str = "#d7dae0";
/// The sixteen colours of terminals, in their order.
const COLOURS: [&str; 16] = [
    "#3b4048", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0", "#7f848e",
    "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#ffffff",
];

/// Screens in the order in which they were seen.
#[derive(Debug, Default)]
pub struct Film {
    frames: Vec<(String, f64)>,
    columns: u16,
    rows: u16,
}

impl Film {
    /// Takes what is on a terminal now, to be shown for so many seconds.
    pub fn take(&mut self, terminal: &Terminal, seconds: f64) {
        terminal.with_screen(|screen| {
            (self.rows, self.columns) = screen.size();
            self.frames.push((frame(screen), seconds));
        });
    }

    /// The film as an SVG that repeats. Where animation is switched off, the last screen stays.
    pub fn svg(&self) -> String {
        let width = f64::from(self.columns) * CELL_WIDTH + 2.0 * MARGIN;
        let height = f64::from(self.rows) * LINE_HEIGHT + 2.0 * MARGIN;
        let whole: f64 = self.frames.iter().map(|(_, seconds)| seconds).sum();
        let mut out = String::new();
        let _ = writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"ui-monospace, Menlo, Consolas, monospace\" \
             font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n<style>"
        );
        let mut from = 0.0;
        for (index, (_, seconds)) in self.frames.iter().enumerate() {
            let (begin, end) = (100.0 * from / whole, 100.0 * (from + seconds) / whole);
            let _ = writeln!(
                out,
                "@keyframes f{index} {{ 0%, {begin:.2}% {{ visibility: hidden }} {begin:.2}%, {end:.2}% \
                 {{ visibility: visible }} {end:.2}%, 100% {{ visibility: hidden }} }}\n\
                 #f{index} {{ animation: f{index} {whole:.1}s step-end infinite }}"
            );
            from += seconds;
        }
        let last = self.frames.len().saturating_sub(1);
        let _ = writeln!(
            out,
            "@media (prefers-reduced-motion) {{ g {{ animation: none !important; visibility: hidden }} \
             #f{last} {{ visibility: visible }} }}\n</style>"
        );
        for (index, (text, _)) in self.frames.iter().enumerate() {
            let _ = writeln!(out, "<g id=\"f{index}\">\n{text}</g>");
        }
        out.push_str("</svg>\n");
        out
    }
}

/// One screen: runs of cells that look the same, a text element each.
fn frame(screen: &vt100::Screen) -> String {
    let mut out = String::new();
    let (rows, columns) = screen.size();
    for row in 0..rows {
        let mut runs: Vec<(u16, String, Look)> = Vec::new();
        for column in 0..columns {
            let Some(cell) = screen.cell(row, column) else { continue };
            if cell.is_wide_continuation() {
                continue;
            }
            let text = if cell.has_contents() { cell.contents() } else { " " };
            let look = Look::of(cell);
            match runs.last_mut() {
                Some((_, run, same)) if *same == look => run.push_str(text),
                _ => runs.push((column, text.to_owned(), look)),
            }
        }
        for (column, text, look) in runs {
            write_run(&mut out, row, column, &text, &look);
        }
    }
    out
}

/// How a cell looks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    colour: String,
    background: Option<String>,
    is_bold: bool,
    is_underlined: bool,
}

impl Look {
    fn of(cell: &vt100::Cell) -> Self {
        let (mut colour, mut background) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
        if cell.inverse() {
            let behind = background.take().unwrap_or_else(|| BACKGROUND.to_owned());
            background = Some(colour.take().unwrap_or_else(|| FOREGROUND.to_owned()));
            colour = Some(behind);
        }
        let mut colour = colour.unwrap_or_else(|| FOREGROUND.to_owned());
        if cell.dim() {
            COLOURS[8].clone_into(&mut colour);
        }
        Self { colour, background, is_bold: cell.bold(), is_underlined: cell.underline() }
    }
}

fn colour(colour: vt100::Color) -> Option<String> {
    match colour {
        vt100::Color::Default => None,
        vt100::Color::Idx(index) => {
            Some((*COLOURS.get(usize::from(index)).unwrap_or(&FOREGROUND)).to_owned())
        }
        vt100::Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
    }
}

fn write_run(out: &mut String, row: u16, column: u16, text: &str, look: &Look) {
    let x = MARGIN + f64::from(column) * CELL_WIDTH;
    let top = MARGIN + f64::from(row) * LINE_HEIGHT;
    let cells = text.chars().count();
    #[expect(clippy::cast_precision_loss, reason = "a line has some hundred cells")]
    let width = cells as f64 * CELL_WIDTH;
    if let Some(background) = &look.background {
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{LINE_HEIGHT}\" fill=\"{background}\"/>"
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let escaped = text.trim_end().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    #[expect(clippy::cast_precision_loss, reason = "a line has some hundred cells")]
    let length = text.trim_end().chars().count() as f64 * CELL_WIDTH;
    let bold = if look.is_bold { " font-weight=\"bold\"" } else { "" };
    let line = if look.is_underlined { " text-decoration=\"underline\"" } else { "" };
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{length:.1}\" fill=\"{}\"{bold}{line} xml:space=\"preserve\">{escaped}</text>",
        top + 13.5,
        look.colour
    );
}

//! The report as text: for people, for spreadsheets, for programs.

use std::{borrow::Cow, fmt::Write as _};

use serde::Serialize;

use super::{By, Row, total};

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns with a line of totals.
    Table,
    /// RFC 4180, without totals.
    Csv,
    /// One object with `schema_version`.
    Json,
}

/// The report in that form, ending with a line break.
pub fn render(rows: &[Row], by: By, format: Format) -> String {
    match format {
        Format::Table => table(rows, by),
        Format::Csv => csv(rows, by),
        Format::Json => json(rows, by),
    }
}

const COLUMNS: [&str; 8] =
    ["REQUESTS", "FAILED", "ABANDONED", "ESTIMATED", "INPUT", "CACHE READ", "CACHE WRITE", "OUTPUT"];

fn numbers(row: &Row) -> [u64; 8] {
    [
        row.requests,
        row.failed,
        row.abandoned,
        row.estimated,
        row.usage.input_tokens,
        row.usage.cache_read_tokens,
        row.usage.cache_write_tokens,
        row.usage.output_tokens,
    ]
}

fn table(rows: &[Row], by: By) -> String {
    if rows.is_empty() {
        return "No usage in this period.\n".to_owned();
    }
    let sum = total(rows);
    let first = match by {
        By::User => "USER",
        By::Model => "MODEL",
        By::Day => "DAY (UTC)",
    };
    let head = std::iter::once(first).chain(COLUMNS).chain(["USD"]).map(str::to_owned).collect();
    let mut lines: Vec<Vec<String>> = vec![head];
    for row in rows.iter().chain([&sum]) {
        let mut line = vec![printable(&row.key)];
        line.extend(numbers(row).map(|number| number.to_string()));
        line.push(price_cell(row));
        lines.push(line);
    }
    let mut widths = vec![0; COLUMNS.len().saturating_add(2)];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let rule_at = lines.len().saturating_sub(1);
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        if index == rule_at {
            let rule = widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>();
            push_line(&mut text, &rule, &widths);
        }
        push_line(&mut text, line, &widths);
    }
    notes(&mut text, &sum);
    text
}

fn push_line(text: &mut String, cells: &[String], widths: &[usize]) {
    for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
        // Writing into memory cannot fail.
        let _ = if index == 0 { write!(text, "{cell:<width$}") } else { write!(text, "  {cell:>width$}") };
    }
    text.push('\n');
}

fn notes(text: &mut String, sum: &Row) {
    if sum.estimated > 0 {
        text.push_str("\nESTIMATED: the stream ended before the upstream said how many tokens it used.\n");
    }
    if sum.not_priced > 0 {
        let _ = writeln!(
            text,
            "\n{} of {} requests are not priced: the price list has no rate for their model or for a kind of their \
             tokens. Their cost is in no sum.",
            sum.not_priced, sum.requests
        );
    }
}

/// A sum without all of its parts is a lower bound and says so.
fn price_cell(row: &Row) -> String {
    if row.not_priced == 0 {
        micro_usd(row.nano_usd)
    } else if row.not_priced >= row.requests {
        "not priced".to_owned()
    } else {
        format!(">={}", micro_usd(row.nano_usd))
    }
}

/// USD with six decimals, rounded half up.
fn micro_usd(nano_usd: u64) -> String {
    let micro = nano_usd.saturating_add(500).checked_div(1000).unwrap_or(0);
    decimal(micro, 6)
}

/// `digits` with this many of them behind the point.
fn decimal(digits: u64, decimals: usize) -> String {
    let text = format!("{digits:0>width$}", width = decimals.saturating_add(1));
    let (whole, part) = text.split_at(text.len().saturating_sub(decimals));
    format!("{whole}.{part}")
}

/// Names come from tokens; a control character in one must not reach the terminal.
fn printable(key: &str) -> String {
    key.chars().map(|char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char }).collect()
}

fn csv(rows: &[Row], by: By) -> String {
    let mut text = format!(
        "{},requests,failed,abandoned,estimated,input_tokens,cache_read_tokens,cache_write_tokens,output_tokens,\
         usd,not_priced\r\n",
        by.as_str()
    );
    for row in rows {
        text.push_str(&csv_cell(&row.key));
        for number in numbers(row) {
            let _ = write!(text, ",{number}");
        }
        let _ = write!(text, ",{},{}\r\n", exact_usd(row).unwrap_or_default(), row.not_priced);
    }
    text
}

/// Quoted where RFC 4180 wants it; with an apostrophe where a spreadsheet would take the name for a formula.
fn csv_cell(key: &str) -> String {
    let formula = key.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let key = if formula { Cow::Owned(format!("'{key}")) } else { Cow::Borrowed(key) };
    if key.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", key.replace('"', "\"\""))
    } else {
        key.into_owned()
    }
}

/// All nine decimals; absent where nothing of the row is priced.
fn exact_usd(row: &Row) -> Option<String> {
    (row.not_priced < row.requests).then(|| decimal(row.nano_usd, 9))
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    by: &'a str,
    rows: Vec<Group<'a>>,
    total: Group<'a>,
}

#[derive(Serialize)]
struct Group<'a> {
    key: &'a str,
    requests: u64,
    failed: u64,
    abandoned: u64,
    estimated: u64,
    input_tokens: u64,
    cache_read_tokens: u64,
    cache_write_tokens: u64,
    output_tokens: u64,
    /// A string, since a double cannot hold it exactly. `null`: not priced.
    usd: Option<String>,
    not_priced: u64,
}

impl<'a> Group<'a> {
    fn of(row: &'a Row) -> Self {
        Self {
            key: &row.key,
            requests: row.requests,
            failed: row.failed,
            abandoned: row.abandoned,
            estimated: row.estimated,
            input_tokens: row.usage.input_tokens,
            cache_read_tokens: row.usage.cache_read_tokens,
            cache_write_tokens: row.usage.cache_write_tokens,
            output_tokens: row.usage.output_tokens,
            usd: if row.requests == 0 { Some(decimal(0, 9)) } else { exact_usd(row) },
            not_priced: row.not_priced,
        }
    }
}

fn json(rows: &[Row], by: By) -> String {
    let sum = total(rows);
    let document = Document {
        schema_version: 1,
        by: by.as_str(),
        rows: rows.iter().map(Group::of).collect(),
        total: Group::of(&sum),
    };
    // Serialising text and numbers into memory cannot fail.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

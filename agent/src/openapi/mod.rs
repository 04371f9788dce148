//! The OpenAPI schemas of the four backends, as a gateway reads them.
//!
//! Written from a table and not from the sample's templates, so that the domain is in them from the start and no
//! placeholder can be left behind.

mod table;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use model::agent::{API_KEY_HEADER, Backend};

use table::{Answer, Kind, Operation, Parameter, Place};

/// The answers of an operation besides the good one, with what each means.
const REFUSALS: [(u16, &str); 5] = [
    (400, "A parameter makes no sense"),
    (401, "The API key is missing or wrong"),
    (422, "A parameter is missing or of the wrong type"),
    (429, "Too many requests"),
    (500, "The backend failed"),
];

/// The schema of a backend that answers at `domain`: OpenAPI 3.0.3 in YAML.
///
/// The first server is the public one, which the gateway calls; the second tells the sample's server which port it has.
///
/// The key is described under `components.securitySchemes`, and there is no `security` at the top: the target's
/// credential provider puts the key into the header, and a gateway that finds both meets two wishes for one header.
pub fn schema(backend: Backend, domain: &str) -> String {
    let mut out = String::new();
    let title = backend.title();
    let port = backend.port();
    line(&mut out, 0, "openapi: 3.0.3");
    line(&mut out, 0, "info:");
    line(&mut out, 1, &format!("title: {}", quoted(&format!("SRE agent: {title}"))));
    line(&mut out, 1, "version: \"1.0.0\"");
    line(
        &mut out,
        1,
        &format!("description: {}", quoted(&format!("What the SRE agent can ask about {title}"))),
    );
    line(&mut out, 0, "servers:");
    line(&mut out, 1, &format!("- url: {}", quoted(&format!("https://{domain}:{port}"))));
    line(&mut out, 1, &format!("- url: {}", quoted(&format!("http://localhost:{port}"))));
    line(&mut out, 0, "components:");
    line(&mut out, 1, "securitySchemes:");
    line(&mut out, 2, "apiKey:");
    line(&mut out, 3, "type: apiKey");
    line(&mut out, 3, "in: header");
    line(&mut out, 3, &format!("name: {API_KEY_HEADER}"));
    line(&mut out, 0, "paths:");
    for operation in table::operations(backend) {
        write_operation(&mut out, operation);
    }
    out
}

/// The port that the sample's server takes from its schema: that of the second server's URL.
///
/// # Errors
///
/// Why it takes none.
pub fn own_port(schema: &str) -> Result<u16, String> {
    let mut urls = schema.lines().filter_map(|line| line.trim().strip_prefix("- url:"));
    let url = urls.nth(1).ok_or("it names no second server, whose port the backend takes")?;
    let url = url.trim().trim_matches(['"', '\'']);
    let port = url.trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse().ok());
    port.ok_or_else(|| format!("its second server, `{url}`, has no port"))
}

fn write_operation(out: &mut String, operation: &Operation) {
    line(out, 1, &format!("{}:", operation.path));
    line(out, 2, "get:");
    line(out, 3, &format!("operationId: {}", operation.id));
    line(out, 3, &format!("summary: {}", quoted(operation.summary)));
    line(out, 3, &format!("description: {}", quoted(operation.summary)));
    line(out, 3, "parameters:");
    for parameter in operation.parameters {
        write_parameter(out, parameter);
    }
    line(out, 3, "responses:");
    line(out, 4, "\"200\":");
    line(out, 5, &format!("description: {}", quoted(operation.summary)));
    line(out, 5, "content:");
    line(out, 6, "application/json:");
    line(out, 7, "schema:");
    line(out, 8, "type: object");
    if let Answer::List(member) = operation.answer {
        line(out, 8, "properties:");
        line(out, 9, &format!("{member}:"));
        line(out, 10, "type: array");
        line(out, 10, "items:");
        line(out, 11, "type: object");
    }
    for (status, meaning) in REFUSALS {
        write_refusal(out, status, meaning);
    }
    // Only what is asked for by its id can be missing.
    if operation.parameters.iter().any(|one| one.place == Place::Path) {
        write_refusal(out, 404, "There is nothing of this id");
    }
}

fn write_refusal(out: &mut String, status: u16, meaning: &str) {
    line(out, 4, &format!("\"{status}\":"));
    line(out, 5, &format!("description: {}", quoted(meaning)));
}

fn write_parameter(out: &mut String, parameter: &Parameter) {
    let Parameter { name, place, required, kind, about } = parameter;
    line(out, 4, &format!("- name: {name}"));
    line(
        out,
        5,
        match place {
            Place::Query => "in: query",
            Place::Path => "in: path",
        },
    );
    line(out, 5, &format!("required: {required}"));
    line(out, 5, &format!("description: {}", quoted(about)));
    line(out, 5, "schema:");
    match kind {
        Kind::Text => line(out, 6, "type: string"),
        Kind::Time => {
            line(out, 6, "type: string");
            line(out, 6, "format: date-time");
        }
        Kind::OneOf(values) => {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            line(out, 6, "type: string");
            line(out, 6, &format!("enum: [{}]", values.join(", ")));
        }
        Kind::Integer { least, most, usual } => {
            line(out, 6, "type: integer");
            line(out, 6, &format!("minimum: {least}"));
            if let Some(most) = most {
                line(out, 6, &format!("maximum: {most}"));
            }
            line(out, 6, &format!("default: {usual}"));
        }
        Kind::Percentile { usual } => {
            line(out, 6, "type: number");
            line(out, 6, "minimum: 0");
            line(out, 6, "maximum: 100");
            line(out, 6, &format!("default: {usual}"));
        }
    }
}

fn line(out: &mut String, depth: usize, text: &str) {
    let width = depth.saturating_mul(2);
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{:width$}{text}", "");
}

/// A text that stays a text and cannot end its line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

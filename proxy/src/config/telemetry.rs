//! `telemetry:`

use std::net::SocketAddr;

use http::{HeaderName, HeaderValue};
use model::{
    Secret,
    document::{Flaw, Problem, Value, codes as common},
};

use super::{
    Journal, LogFormat, Security, Syslog, Telemetry,
    grammar::{self, Plain},
    parse::optional,
    reader::{Found, Reader, Section},
};

pub(super) fn telemetry(reader: &mut Reader, file: &mut Section) -> Option<Telemetry> {
    let mut section = reader.subsection(file, "telemetry")?;
    let log = reader.subsection(&mut section, "log").and_then(|mut log| {
        let log = &mut log;
        let level = reader.value(log, "level").and_then(|found| reader.parsed(found, grammar::log_level));
        let formats = [("json", LogFormat::Json), ("text", LogFormat::Text)];
        let format = reader.value(log, "format").and_then(|found| reader.choice(found, &formats));
        let prompts = reader.value(log, "prompts").and_then(|found| reader.boolean(found));
        Some((level?, format?, prompts?))
    });
    let metrics_address = reader.subsection(&mut section, "metrics").and_then(|mut metrics| {
        reader.value(&mut metrics, "address").and_then(|found| reader.parsed(found, address_or_off))
    });
    let otlp = optional(&mut section, "otlp", |found| otlp(reader, found));
    let emf_namespace = optional(&mut section, "emf", |found| {
        let mut emf = reader.section(found)?;
        reader.value(&mut emf, "namespace").and_then(|found| reader.parsed(found, grammar::namespace))
    });
    let security = reader.subsection(&mut section, "security").and_then(|mut security| {
        let journal = reader.value(&mut security, "journal").and_then(|found| reader.parsed(found, journal));
        let syslog = reader.value(&mut security, "syslog").and_then(|found| reader.parsed(found, syslog));
        Some(Security { journal: journal?, syslog: syslog? })
    });
    let (log_level, log_format, log_prompts) = log?;
    let (otlp_endpoint, otlp_headers) = match otlp? {
        Some((endpoint, headers)) => (Some(endpoint), headers),
        None => (None, Vec::new()),
    };
    Some(Telemetry {
        log_level,
        log_format,
        log_prompts,
        metrics_address: metrics_address?,
        otlp_endpoint,
        otlp_headers,
        emf_namespace: emf_namespace?,
        security: security?,
    })
}

fn journal(text: &str) -> Result<Journal, Flaw> {
    match text {
        "auto" => Ok(Journal::Auto),
        "off" => Ok(Journal::Off),
        path if path.starts_with('/') => Ok(Journal::Socket(path.into())),
        _ => Err(Flaw::new(common::NOT_A_CHOICE, "this is neither `auto`, `off` nor the path of a socket")
            .example("auto")),
    }
}

fn syslog(text: &str) -> Result<Option<Syslog>, Flaw> {
    match text {
        "off" => Ok(None),
        path if path.starts_with('/') => Ok(Some(Syslog::Unix(path.into()))),
        _ => grammar::address(text).map(|address| Some(Syslog::Udp(address))),
    }
}

fn address_or_off(text: &str) -> Result<Option<SocketAddr>, Flaw> {
    if text == "off" { Ok(None) } else { grammar::address(text).map(Some) }
}

type Headers = Vec<(String, Secret<String>)>;

fn otlp(reader: &mut Reader, found: Found) -> Option<(http::Uri, Headers)> {
    let mut section = reader.section(found)?;
    let endpoint = reader
        .value(&mut section, "endpoint")
        .and_then(|found| reader.parsed(found, |text| grammar::url(text, Plain::Anywhere)));
    let headers = match section.take("headers") {
        Some(found) => headers(reader, found),
        None => Some(Headers::new()),
    };
    Some((endpoint?, headers?))
}

/// Names and values of headers. No problem repeats a value.
fn headers(reader: &mut Reader, found: Found) -> Option<Headers> {
    let entries = reader.named(found)?;
    let count = entries.len();
    let mut headers = Headers::with_capacity(count);
    for (name, Found { node, place, .. }) in entries {
        let Value::Scalar(scalar) = node.value else {
            let node = model::document::Node { value: node.value, span: node.span };
            let _: Option<()> = reader.wrong_type(&node, &place, "text", "\"...\"");
            continue;
        };
        let fine =
            HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(&scalar.text).is_ok();
        if !fine {
            let message = "this is no name and value of an HTTP header";
            reader.report(
                Problem::error(common::INVALID_IDENTIFIER, &place, message).example("x-tenant: \"...\""),
            );
            continue;
        }
        headers.push((name.to_ascii_lowercase(), Secret::new(scalar.text)));
    }
    (headers.len() == count).then_some(headers)
}

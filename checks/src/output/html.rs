//! One page that can be handed on: it needs no network, runs no script, and holds everything that was found.

use std::fmt::Write as _;

use model::{Finding, Severity};

use super::escape::{markup, markup_line};
use super::{Style, timeline, words};
use crate::report::CertificateSummary;
use crate::{CheckReport, CheckResult, Moment, Status};

/// Colours for light and dark, and for paper.
const LOOK: &str = include_str!("page.css");

/// The page.
pub fn html(report: &CheckReport, style: &Style) -> String {
    let title = format!("{}: {}", words::title(report), report.overall.as_str());
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{LOOK}</style>\n</head>\n\
         <body>\n<main>\n"
    );
    head(&mut out, report, style);
    out.push_str(&timeline::timeline(report, style));
    table(&mut out, report);
    let has_details = |result: &&CheckResult| !result.findings.is_empty() || !result.certificates.is_empty();
    if report.results.iter().any(|result| has_details(&result)) {
        out.push_str("<h2>Findings</h2>\n");
    }
    for (index, result) in report.results.iter().enumerate() {
        details(&mut out, report, result, index, style);
    }
    let _ = writeln!(
        out,
        "<footer>{} checks passed. Made by {}. Schema version {} of the report.</footer>\n</main>\n</body>\n</html>",
        words::passed(report),
        markup_line(&style.by),
        report.schema_version
    );
    out
}

fn head(out: &mut String, report: &CheckReport, style: &Style) {
    let overall = report.overall.as_str();
    let _ = writeln!(
        out,
        "<header>\n<h1>{} <span class=\"badge {overall}\">{overall}</span></h1>\n<p>{}</p>\n<dl>",
        words::title(report),
        markup_line(&words::counts(report))
    );
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(out, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    };
    fact("Looked at", &time(Moment::from(report.checked_at)));
    if let Some(moment) = report.judged_as_of {
        fact("Judged as of", &time(Moment::from(moment)));
    }
    fact("By", &markup_line(&style.by));
    if let Some(policy) = &style.policy {
        let (warn, critical) = policy.described();
        fact("Warning when less is left than", &markup_line(&warn));
        fact("Critical when less than", &markup_line(&critical));
    }
    if !report.ignored.is_empty() {
        let codes: Vec<&str> = report.ignored.iter().map(String::as_str).collect();
        fact("Ignored, as asked", &markup_line(&codes.join(", ")));
    }
    out.push_str("</dl>\n</header>\n");
}

fn time(moment: Moment) -> String {
    let text = moment.to_string();
    format!("<time datetime=\"{text}\">{}</time>", text.replace('T', " ").replace('Z', " UTC"))
}

fn table(out: &mut String, report: &CheckReport) {
    let now = words::now(report);
    out.push_str(
        "<h2>Results</h2>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Status</th>\
         <th scope=\"col\">Subject</th><th scope=\"col\">Names</th><th scope=\"col\">Issuer</th>\
         <th scope=\"col\">Valid from</th><th scope=\"col\">Until</th><th scope=\"col\">Remaining</th></tr></thead>\n<tbody>\n",
    );
    for (index, result) in report.results.iter().enumerate() {
        let status = result.status.as_str();
        let _ = write!(
            out,
            "<tr><td><span class=\"badge {status}\">{status}</span></td>\
             <th scope=\"row\"><a href=\"#r{index}\">{}</a><small>{}</small></th>",
            markup_line(&result.subject.name),
            result.subject.kind.as_str()
        );
        match words::main(result) {
            Some(certificate) => {
                let _ = write!(
                    out,
                    "<td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>",
                    markup_line(&words::names(&certificate.names, 4)),
                    markup_line(&certificate.issuer),
                    day(certificate.not_before),
                    day(certificate.not_after),
                    markup_line(&words::remaining(certificate, now))
                );
            }
            None => {
                let _ = write!(out, "<td colspan=\"5\">{}</td>", markup_line(&words::summary(result, now)));
            }
        }
        out.push_str("</tr>\n");
    }
    if report.results.is_empty() {
        out.push_str("<tr><td colspan=\"7\">Nothing was checked.</td></tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
}

fn day(moment: Option<Moment>) -> String {
    let Some(moment) = moment else { return "cannot be read".to_owned() };
    let text = moment.to_string();
    let day = text.split('T').next().unwrap_or_default();
    format!("<time datetime=\"{text}\">{day}</time>")
}

fn details(out: &mut String, report: &CheckReport, result: &CheckResult, index: usize, style: &Style) {
    let status = result.status.as_str();
    let _ = writeln!(
        out,
        "<section id=\"r{index}\" class=\"{status}\">\n<h3><span class=\"badge {status}\">{status}</span> {}</h3>",
        markup_line(&result.subject.name)
    );
    if result.findings.is_empty() {
        let _ = writeln!(out, "<p>{}</p>", markup_line(&words::summary(result, words::now(report))));
    }
    let (passed, told): (Vec<&Finding>, Vec<&Finding>) =
        result.findings.iter().partition(|finding| finding.severity == Severity::Ok);
    for finding in told {
        write_finding(out, finding, style);
    }
    if !passed.is_empty() {
        let is_open = if result.status == Status::Ok { "" } else { " open" };
        let _ = writeln!(out, "<details{is_open}><summary>{} passed</summary>\n<ul>", passed.len());
        for finding in passed {
            let _ = writeln!(
                out,
                "<li><code>{}</code> {}</li>",
                markup_line(&finding.code),
                markup_line(&finding.message)
            );
        }
        out.push_str("</ul></details>\n");
    }
    certificates(out, &result.certificates);
    out.push_str("</section>\n");
}

fn write_finding(out: &mut String, finding: &Finding, style: &Style) {
    let severity = words::severity(finding.severity);
    let _ = writeln!(
        out,
        "<article class=\"{severity}\"><h4><span class=\"severity\">{severity}</span> <code>{}</code> {}</h4>",
        markup_line(&finding.code),
        markup(&finding.message)
    );
    if let Some(evidence) = &finding.evidence {
        let _ = writeln!(out, "<p class=\"label\">Seen</p><pre>{}</pre>", markup(evidence));
    }
    if let Some(hint) = &finding.hint {
        let _ = writeln!(out, "<p class=\"label\">What to do</p><pre>{}</pre>", markup(hint));
    }
    if let Some(doc) = &finding.doc {
        let text = markup_line(doc);
        let _ = if doc.starts_with("https://") {
            writeln!(out, "<p><a rel=\"noreferrer\" href=\"{text}\">{text}</a></p>")
        } else {
            writeln!(out, "<p>{text}</p>")
        };
    }
    if finding.severity >= Severity::Warning {
        let (program, code) = (markup_line(&style.program), markup_line(&finding.code));
        let _ = writeln!(out, "<p class=\"docs\"><code>{program} explain {code}</code></p>");
    }
    out.push_str("</article>\n");
}

fn certificates(out: &mut String, certificates: &[CertificateSummary]) {
    if certificates.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "<details><summary>{} certificate{}</summary>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">#</th>\
         <th scope=\"col\">Names</th><th scope=\"col\">Issuer</th><th scope=\"col\">Serial</th>\
         <th scope=\"col\">Valid from</th><th scope=\"col\">Until</th></tr></thead>\n<tbody>",
        certificates.len(),
        if certificates.len() == 1 { "" } else { "s" }
    );
    let whole = |moment: Option<Moment>| moment.map_or_else(|| "cannot be read".to_owned(), time);
    for certificate in certificates {
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            certificate.position,
            markup_line(&words::names(&certificate.names, 50)),
            markup_line(&certificate.issuer),
            markup_line(&certificate.serial),
            whole(certificate.not_before),
            whole(certificate.not_after)
        );
    }
    out.push_str("</tbody></table></div></details>\n");
}

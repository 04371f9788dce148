//! A textfile for the node exporter's textfile collector.
//!
//! Families stay whatever happens to a certificate: an alert on one that expired or cannot be read must not resolve
//! because its series went away. Names: <https://prometheus.io/docs/practices/naming/>.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{escape, nagios, words};
use crate::report::CertificateSummary;
use crate::{CheckReport, CheckResult};

/// A family: series by their labels. A collector refuses a file that has a series twice.
struct Family {
    name: &'static str,
    help: &'static str,
    series: BTreeMap<String, i64>,
}

impl Family {
    fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, series: BTreeMap::new() }
    }

    /// Adds a value; where the series is there already, this decides between the two.
    fn put(&mut self, labels: &[(&str, &str)], value: i64, choose: impl Fn(i64, i64) -> i64) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", label(value))).collect();
        let key = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        self.series.entry(key).and_modify(|known| *known = choose(*known, value)).or_insert(value);
    }

    fn write(&self, out: &mut String) {
        let _ = writeln!(out, "# HELP {} {}\n# TYPE {} gauge", self.name, self.help, self.name);
        for (labels, value) in &self.series {
            let _ = writeln!(out, "{}{labels} {value}", self.name);
        }
    }
}

/// The text of a label's value.
fn label(text: &str) -> String {
    escape::plain(text).replace('\\', r"\\").replace('"', "\\\"")
}

/// The textfile.
pub fn prometheus(report: &CheckReport) -> String {
    let mut last_run =
        Family::new("sre_check_last_run_timestamp_seconds", "When facts were last collected, as Unix time.");
    last_run.put(&[], report.checked_at.as_second(), i64::max);
    let mut judged = Family::new(
        "sre_check_judged_as_of_timestamp_seconds",
        "The moment that validity was judged as of, as Unix time.",
    );
    judged.put(&[], words::now(report).as_second(), i64::max);
    let mut overall = Family::new(
        "sre_check_overall_status",
        "The worst status of all subjects: 0 ok, 1 warning, 2 critical, 3 unknown.",
    );
    overall.put(&[], i64::from(nagios::exit(report.overall)), i64::max);
    let mut families = Families::default();
    for result in &report.results {
        families.add(result);
    }
    let mut out = String::new();
    for family in [&last_run, &judged, &overall].into_iter().chain(families.all()) {
        family.write(&mut out);
    }
    out
}

/// What there is to say of subjects.
struct Families {
    status: Family,
    findings: Family,
    certificates: Family,
    info: Family,
    not_before: Family,
    not_after: Family,
}

impl Default for Families {
    fn default() -> Self {
        Self {
            status: Family::new(
                "sre_check_status",
                "How a subject stands: 0 ok, 1 warning, 2 critical, 3 unknown.",
            ),
            findings: Family::new("sre_check_findings", "Findings of a subject, by code and severity."),
            certificates: Family::new(
                "sre_check_certificates",
                "Certificates that could be read of a subject; 0 where there was none.",
            ),
            info: Family::new("sre_certificate_info", "What a certificate says of itself; always 1."),
            not_before: Family::new(
                "sre_certificate_not_before_timestamp_seconds",
                "First second of a certificate's validity, as Unix time.",
            ),
            not_after: Family::new(
                "sre_certificate_not_after_timestamp_seconds",
                "Last second of a certificate's validity, as Unix time.",
            ),
        }
    }
}

impl Families {
    fn all(&self) -> [&Family; 6] {
        [&self.status, &self.findings, &self.certificates, &self.info, &self.not_before, &self.not_after]
    }

    fn add(&mut self, result: &CheckResult) {
        let kind = result.subject.kind.as_str();
        let subject = [("kind", kind), ("subject", result.subject.name.as_str())];
        // The worse of two, by urgency and not by number: critical before unknown.
        let rank = |value: i64| [0, 1, 3, 2].iter().position(|known| *known == value);
        let worse = |one: i64, other: i64| if rank(other) > rank(one) { other } else { one };
        self.status.put(&subject, i64::from(nagios::exit(result.status)), worse);
        let count = i64::try_from(result.certificates.len()).unwrap_or(i64::MAX);
        self.certificates.put(&subject, count, i64::max);
        for finding in &result.findings {
            let severity = words::severity(finding.severity);
            let labels =
                [subject.as_slice(), &[("code", finding.code.as_str()), ("severity", severity)]].concat();
            self.findings.put(&labels, 1, i64::saturating_add);
        }
        for certificate in &result.certificates {
            self.add_certificate(&subject, certificate);
        }
    }

    fn add_certificate(&mut self, subject: &[(&str, &str)], certificate: &CertificateSummary) {
        let position = certificate.position.to_string();
        let labels = [subject, &[("position", position.as_str())]].concat();
        if let Some(moment) = certificate.not_before {
            self.not_before.put(&labels, moment.as_second(), i64::max);
        }
        if let Some(moment) = certificate.not_after {
            self.not_after.put(&labels, moment.as_second(), i64::min);
        }
        // A certificate may have ten thousand names; a label should not.
        let names = words::names(&certificate.names, 20);
        let own = [
            ("issuer", certificate.issuer.as_str()),
            ("names", names.as_str()),
            ("serial", certificate.serial.as_str()),
        ];
        self.info.put(&[labels.as_slice(), &own].concat(), 1, i64::max);
    }
}

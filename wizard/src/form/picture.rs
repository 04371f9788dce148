//! Two pictures in plain ASCII that answers alone do not give: who reaches which port, and which certificate fits.

use super::{Answers, Defaults, parsed};

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A fact.
    Plain,
    /// As it should be.
    Good,
    /// Worth a second thought.
    Warning,
    /// Not to be left so.
    Bad,
}

/// A line of a picture. Its text says everything; colour may underline it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// At most 78 characters of ASCII, unless an answer is longer.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

impl Line {
    fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone }
    }
}

/// Longer lists are cut.
const MOST_CIDRS: usize = 6;

/// Who reaches which port, and what is wrong with it.
pub fn access_picture(answers: &Answers, defaults: &Defaults) -> Vec<Line> {
    let held = |path: &str| answers.held(path, defaults);
    let adopted = held("instance.adopt_instance_id");
    if !adopted.is_empty() {
        return vec![Line::new(
            Tone::Plain,
            format!("{adopted} keeps its own security groups: nothing is opened, nothing is closed."),
        )];
    }
    let mut lines = Vec::new();
    let clients = items("network.https_cidrs", held("network.https_cidrs"));
    for cidr in clients.iter().take(MOST_CIDRS) {
        lines.push(arrow(Tone::Plain, &who(cidr), "443", "proxy over TLS; requests need a token"));
    }
    more(&mut lines, clients.len());
    if clients.is_empty() {
        lines.push(arrow(Tone::Bad, "nobody", "443", "no client could reach the endpoint"));
    }
    let is_http_01 = held("tls.source") == "acme" && held("tls.acme.challenge") == "http-01";
    if is_http_01 {
        lines.push(arrow(Tone::Warning, "everybody", "80", "answers the certificate authority"));
    }
    let ssh = items("network.ssh_cidrs", held("network.ssh_cidrs"));
    for cidr in ssh.iter().take(MOST_CIDRS) {
        let (tone, what) =
            if is_everybody(cidr) { (Tone::Bad, "SSH for the whole internet") } else { (Tone::Plain, "SSH") };
        lines.push(arrow(tone, &who(cidr), "22", what));
    }
    more(&mut lines, ssh.len());
    if ssh.is_empty() {
        lines.push(arrow(Tone::Good, "nobody", "22", "closed; use Session Manager"));
    }
    let ports = items("network.backend_ports", held("network.backend_ports"));
    if !ports.is_empty() {
        lines.push(arrow(Tone::Plain, "inside the VPC", &ranges(&ports), "backends of the SRE agent"));
    }
    lines.push(arrow(Tone::Good, "nobody", "the rest", "closed"));
    if ssh.iter().any(|cidr| is_everybody(cidr)) {
        lines.extend(about_open_ssh(held("mode")));
    }
    lines
}

fn about_open_ssh(mode: &str) -> [Line; 3] {
    let verdict = if mode == "production" { "In production this is an error." } else { "This is a warning." };
    [
        Line::new(Tone::Bad, "! 0.0.0.0/0 on port 22 lets everybody try keys and every flaw of sshd, and"),
        Line::new(
            Tone::Bad,
            "  scanners find an open port within hours. CIS and AWS both advise against it.",
        ),
        Line::new(Tone::Bad, format!("  {verdict} Leave it empty, or name your own network.")),
    ]
}

fn more(lines: &mut Vec<Line>, count: usize) {
    if let Some(more) = count.checked_sub(MOST_CIDRS).filter(|more| *more > 0) {
        lines.push(Line::new(Tone::Plain, format!("    and {more} more")));
    }
}

fn arrow(tone: Tone, who: &str, port: &str, what: &str) -> Line {
    let mark = match tone {
        Tone::Bad => '!',
        Tone::Warning => '*',
        Tone::Plain | Tone::Good => ' ',
    };
    let ends = if who == "nobody" { "--x" } else { "-->" };
    Line::new(tone, format!("{mark} {who:<22} {ends} {port:<9}  {what}"))
}

fn who(cidr: &str) -> String {
    if is_everybody(cidr) { format!("everybody ({cidr})") } else { cidr.to_owned() }
}

/// Ports that follow each other as one range: `8011-8014`.
fn ranges(ports: &[String]) -> String {
    let mut ranges: Vec<(&str, &str)> = Vec::new();
    for port in ports {
        let follows = |last: &str| {
            last.parse::<u32>()
                .ok()
                .zip(port.parse().ok())
                .is_some_and(|(a, b): (u32, u32)| a.checked_add(1) == Some(b))
        };
        match ranges.last_mut() {
            Some((_, last)) if follows(last) => *last = port,
            _ => ranges.push((port, port)),
        }
    }
    let shown = |(first, last): &(&str, &str)| {
        if first == last { (*first).to_owned() } else { format!("{first}-{last}") }
    };
    ranges.iter().map(shown).collect::<Vec<_>>().join(",")
}

fn is_everybody(cidr: &str) -> bool {
    cidr.ends_with("/0")
}

/// The items of a list, in either notation.
fn items(path: &str, text: &str) -> Vec<String> {
    let text = super::find(path).map_or_else(|| text.to_owned(), |field| parsed(field, text));
    let text = text.trim_start_matches('[').trim_end_matches(']');
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Which source of certificates fits, what each costs and needs, and the record to make.
pub fn tls_picture(answers: &Answers, defaults: &Defaults) -> Vec<Line> {
    let held = |path: &str| answers.held(path, defaults);
    let chosen = held("tls.source");
    let mut lines = vec![Line::new(
        Tone::Plain,
        format!("  {:<15} {:<23} {:<28} {}", "source", "costs", "needs", "renewed by"),
    )];
    for (source, costs, needs, by) in SOURCES {
        let (mark, tone) = if *source == chosen { ('*', Tone::Good) } else { (' ', Tone::Plain) };
        lines.push(Line::new(tone, format!("{mark} {source:<15} {costs:<23} {needs:<28} {by}")));
    }
    let clients = items("network.https_cidrs", held("network.https_cidrs"));
    let is_open =
        clients.iter().any(|cidr| is_everybody(cidr)) || !held("instance.adopt_instance_id").is_empty();
    if chosen == "acme" && held("tls.acme.challenge") == "tls-alpn-01" && !is_open {
        lines.push(Line::new(
            Tone::Warning,
            "! Port 443 is not open to everybody, so the certificate authority cannot come in:",
        ));
        lines.push(Line::new(Tone::Warning, "  choose the challenge dns-01, or acm-exportable, or files."));
    }
    let domain = held("tls.domain");
    if domain.is_empty() {
        lines.push(Line::new(Tone::Plain, "Record to make: none before there is a domain name."));
    } else {
        lines.push(Line::new(Tone::Plain, "Record to make, once the deployment says which address it has:"));
        let address = if held("instance.adopt_instance_id").is_empty() {
            "the address that will be allocated"
        } else {
            "the public address of the instance"
        };
        lines.push(Line::new(Tone::Plain, format!("  {domain}.  A  ({address})")));
    }
    lines
}

/// Source, what it costs, what it needs, who renews it.
const SOURCES: &[(&str, &str, &str, &str)] = &[
    ("acme", "nothing", "the A record; port 443 open", "the instance"),
    ("acm-exportable", "each issue and renewal", "a CNAME for ACM's check", "ACM"),
    ("files", "as your CA charges", "two files on the instance", "you"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::{Discovery, defaults};

    fn drawn(draw: fn(&Answers, &Defaults) -> Vec<Line>, answers: &[(&str, &str)]) -> String {
        let answers = Answers::of(answers);
        let lines = draw(&answers, &defaults(&Discovery::nothing(), &answers));
        for line in &lines {
            assert!(line.text.is_ascii() && line.text.len() <= 90, "{}", line.text);
        }
        let shown = |line: Line| format!("{:<8}|{}", format!("{:?}", line.tone), line.text);
        lines.into_iter().map(shown).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn who_reaches_which_port() {
        insta::assert_snapshot!(drawn(access_picture, &[]));
        insta::assert_snapshot!(drawn(
            access_picture,
            &[
                ("network.https_cidrs", "10.0.0.0/8"),
                ("network.ssh_cidrs", "0.0.0.0/0, 203.0.113.0/24"),
                ("tls.acme.challenge", "http-01"),
            ]
        ));
        assert!(drawn(access_picture, &[("network.https_cidrs", "")]).contains('!'));
        assert!(
            drawn(access_picture, &[("instance.adopt_instance_id", "i-0123456789abcdef0")])
                .contains("keeps its own")
        );
    }

    #[test]
    fn ports_that_follow_each_other_are_a_range() {
        let shown = |ports: &[&str]| ranges(&ports.iter().map(|port| (*port).to_owned()).collect::<Vec<_>>());
        assert_eq!(shown(&["8011", "8012", "8013", "9000"]), "8011-8013,9000");
        assert_eq!(shown(&["x", "1"]), "x,1");
    }

    #[test]
    fn which_certificate_fits() {
        insta::assert_snapshot!(drawn(tls_picture, &[("tls.domain", "api.corp.io")]));
        insta::assert_snapshot!(drawn(tls_picture, &[("network.https_cidrs", "10.0.0.0/8")]));
    }
}

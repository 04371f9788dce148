//! A question as it is shown and what is typed into it as it is understood, for every front end alike.

use model::Severity;
use model::config::{Fallback, Kind, Problem};

use super::{Answers, Defaults, Field, GATEWAY, Judgement, NO, YES, judge};
use crate::discovery::{Choice, Discovery, choices};

/// What kind of answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One of the choices and nothing else.
    Words,
    /// A text; where there are choices, they are proposals.
    Text,
    /// A whole number.
    Number,
    /// Texts or numbers with commas between them.
    List,
    /// `name=model` with commas between them.
    Models,
}

/// An answer that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The answer, as in [`Answers`].
    pub value: String,
    /// What tells it from the others; may be empty.
    pub note: String,
}

/// What is wrong with an answer, or risky.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The code, for `explain`.
    pub code: &'static str,
    /// Whether it must be repaired.
    pub is_error: bool,
    /// What, as a fragment.
    pub message: String,
    /// What to do instead, or what would have been accepted.
    pub hint: Option<String>,
}

/// A question with all that is shown around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Key of the configuration: `network.vpc_id`.
    pub path: &'static str,
    /// A few words.
    pub title: &'static str,
    /// Why it is asked.
    pub help: &'static str,
    /// Where there is more.
    pub link: Option<&'static str>,
    /// What is wanted.
    pub shape: Shape,
    /// What holds now, as in [`Answers`].
    pub text: String,
    /// The same for people: lists with spaces, nothing as what it means.
    pub value: String,
    /// Where that comes from, in words.
    pub source: String,
    /// Whether the operator said it.
    pub is_answered: bool,
    /// What can be chosen, or is proposed.
    pub choices: Vec<Proposal>,
    /// Something that would be accepted.
    pub example: &'static str,
    /// What is wrong with what holds now; errors first.
    pub remarks: Vec<Remark>,
    /// The flag that says the same: `--set network.vpc_id=VALUE`.
    pub flag: String,
    /// The environment variable that says the same.
    pub variable: Option<String>,
}

impl Question {
    /// Whether what holds now cannot stay.
    pub fn is_wrong(&self) -> bool {
        self.remarks.iter().any(|remark| remark.is_error)
    }

    /// The help with everything that leads further, a line each: help, link, key, flag, variable.
    pub fn explained(&self) -> Vec<String> {
        let mut lines = vec![self.help.to_owned()];
        lines.extend(self.link.map(|link| format!("more:     {link}")));
        lines.push(format!("example:  {}", self.example));
        lines.push(format!("in YAML:  {}", self.path));
        lines.push(format!("flag:     {}", self.flag));
        lines.extend(self.variable.as_ref().map(|variable| format!("variable: {variable}")));
        lines
    }
}

impl Remark {
    /// On one line: "error: it is wrong (SRE-CONF-012); hint".
    pub fn line(&self) -> String {
        let kind = if self.is_error { "error" } else { "warning" };
        let hint = self.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("{kind}: {} ({}){hint}", self.message, self.code)
    }
}

impl From<&Problem> for Remark {
    fn from(problem: &Problem) -> Self {
        let example = || problem.example.as_ref().map(|example| format!("for example {example}"));
        Self {
            code: problem.code,
            is_error: problem.severity == Severity::Error,
            message: problem.message.clone(),
            hint: problem.suggestion.clone().or_else(example),
        }
    }
}

/// The question as it stands with these answers.
pub fn shown(
    field: &'static Field,
    answers: &Answers,
    defaults: &Defaults,
    discovery: &Discovery,
) -> Question {
    shown_with(field, answers, defaults, discovery, &judge(answers, defaults))
}

/// The same where the answers have been judged already; worth it where many questions are shown at once.
pub fn shown_with(
    field: &'static Field,
    answers: &Answers,
    defaults: &Defaults,
    discovery: &Discovery,
    judgement: &Judgement,
) -> Question {
    let text = answers.held(field.path, defaults);
    // An empty answer to a question that wants one does not count.
    let is_answered = answers.get(field.path) == Some(text);
    let source = match defaults.get(field.path) {
        _ if is_answered => "your answer".to_owned(),
        Some(default) => default.source.to_string(),
        None => String::new(),
    };
    let own = |problem: &&Problem| field.path != GATEWAY || problem.path == GATEWAY;
    Question {
        path: field.path,
        title: field.title,
        help: field.help,
        link: field.link,
        shape: shape(field),
        text: text.to_owned(),
        value: readable(field, text),
        source,
        is_answered,
        choices: proposals(field, answers, defaults, discovery),
        example: example(field),
        remarks: judgement.of(field.path).filter(own).map(Remark::from).collect(),
        flag: field.flag(),
        variable: field.key().and_then(model::config::Key::variable),
    }
}

/// What kind of answer a question wants.
pub fn shape(field: &Field) -> Shape {
    match field.key().map(|key| key.kind) {
        Some(Kind::Choice(_) | Kind::Section) => Shape::Words,
        Some(Kind::Integer { .. } | Kind::Version) => Shape::Number,
        Some(Kind::Cidrs | Kind::Ports | Kind::Texts(_)) => Shape::List,
        Some(Kind::Models) => Shape::Models,
        Some(Kind::Text(_)) | None => Shape::Text,
    }
}

/// Something that would be accepted, as it is typed.
fn example(field: &Field) -> &'static str {
    match shape(field) {
        Shape::Models => "gpt-4o=amazon.nova-pro-v1:0,gpt-4o-mini=amazon.nova-lite-v1:0",
        _ if field.path == GATEWAY => YES,
        _ => field.key().map_or("", |key| key.example.trim_matches(['"', '[', ']'])),
    }
}

/// An answer for people.
fn readable(field: &Field, text: &str) -> String {
    if !text.is_empty() {
        return match shape(field) {
            Shape::List | Shape::Models if !text.trim_start().starts_with(['[', '{']) => {
                text.split(',').map(str::trim).collect::<Vec<_>>().join(", ")
            }
            _ => text.to_owned(),
        };
    }
    match field.key().map(|key| key.fallback) {
        Some(Fallback::Nothing(meaning)) => format!("none ({meaning})"),
        _ if shape(field) == Shape::List => "none".to_owned(),
        _ => String::new(),
    }
}

fn proposals(
    field: &'static Field,
    answers: &Answers,
    defaults: &Defaults,
    discovery: &Discovery,
) -> Vec<Proposal> {
    let word = |word: &&str| Proposal { value: (*word).to_owned(), note: note(field.path, word).to_owned() };
    let words: Vec<Proposal> = field.words().iter().map(word).collect();
    if !words.is_empty() {
        return words;
    }
    if field.path == "aws.profile" {
        let profile = |name: &String| Proposal { value: name.clone(), note: String::new() };
        return discovery.profiles.iter().map(profile).collect();
    }
    let found = choices(field.path, discovery, answers, defaults);
    // Names and tags may hold anything; what moves a cursor is not shown.
    let visible = |text: &str| text.chars().filter(|c| !c.is_control()).collect();
    let proposal = |found: Choice| Proposal { value: visible(&found.value), note: visible(&found.note) };
    found.into_iter().map(proposal).collect()
}

/// What a word means, for lists.
fn note(path: &str, word: &str) -> &'static str {
    match (path, word) {
        ("mode", "production") => "what is risky is refused, what is made is protected from deletion",
        ("mode", "staging") => "what is risky is a warning",
        ("mode", "rehearsal") => "an embedded practice account; nothing is made and nothing costs anything",
        ("deployment.environment", "dev") => "for the people who build",
        ("deployment.environment", "staging") => "for the people who test",
        ("deployment.environment", "prod") => "for the people who pay",
        ("instance.os", "al2023") => "Amazon Linux 2023",
        ("instance.os", "ubuntu-22.04") => "Ubuntu 22.04 LTS",
        ("host.install", "user-data") => "the instance installs itself at its first boot",
        ("host.install", "here") => "on the machine that this runs on",
        ("host.install", "none") => "only the cloud side; nothing serves yet",
        ("cognito.mfa", "off") => "people sign in with a password alone",
        ("cognito.mfa", "optional") => "people may add one",
        ("cognito.mfa", "required") => "people must have one",
        ("tls.source", "acme") => "free, renewed by the instance itself",
        ("tls.source", "acm-exportable") => "of AWS, charged at issue and at each renewal",
        ("tls.source", "files") => "yours; you keep them fresh",
        ("tls.acme.challenge", "tls-alpn-01") => "on port 443, nothing else needed",
        ("tls.acme.challenge", "http-01") => "opens port 80 to everybody",
        ("tls.acme.challenge", "dns-01") => {
            "needs write access to the zone; port 443 may stay closed to the internet"
        }
        (GATEWAY, NO) => "leave it out",
        (GATEWAY, YES) => "make one, with a target for each of the four backends",
        _ => "",
    }
}

/// Whether nothing can be an answer.
pub fn takes_nothing(field: &Field) -> bool {
    let is_nothing = matches!(field.key().map(|key| key.fallback), Some(Fallback::Nothing(_)));
    (is_nothing || shape(field) == Shape::List) && shape(field) != Shape::Words
}

/// The answer that was meant by what was typed: without space around it and around the items of a list, a word however
/// it is capitalised, `none` as nothing. What cannot be understood stays as it is, so that the judgement is about what
/// was typed.
pub fn parsed(field: &Field, typed: &str) -> String {
    let text = typed.trim();
    if takes_nothing(field) && matches!(text.to_ascii_lowercase().as_str(), "none" | "nothing" | "null") {
        return String::new();
    }
    match shape(field) {
        Shape::Words => {
            let meant = match (field.path, text.to_ascii_lowercase().as_str()) {
                (GATEWAY, "y" | "true") => YES,
                (GATEWAY, "n" | "none" | "null" | "false") => NO,
                _ => text,
            };
            let word = field.words().iter().find(|word| word.eq_ignore_ascii_case(meant));
            word.map_or_else(|| text.to_owned(), |word| (*word).to_owned())
        }
        Shape::List | Shape::Models if text.starts_with(['[', '{']) => text.to_owned(),
        // A CIDR, a port, a scope: none of them can hold a space.
        Shape::List => {
            let items = text.split([',', ' ', '\t']).filter(|item| !item.is_empty());
            items.collect::<Vec<_>>().join(",")
        }
        Shape::Models => {
            let item = |item: &str| match item.split_once('=') {
                Some((name, model)) => format!("{}={}", name.trim(), model.trim()),
                None => item.trim().to_owned(),
            };
            text.split(',').map(item).filter(|item| !item.is_empty()).collect::<Vec<_>>().join(",")
        }
        Shape::Text | Shape::Number => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::defaults;
    use crate::form::find;

    fn question(path: &str, answers: &[(&str, &str)]) -> Question {
        let (answers, discovery) = (Answers::of(answers), Discovery::nothing());
        shown(find(path).unwrap(), &answers, &defaults(&discovery, &answers), &discovery)
    }

    #[test]
    fn what_was_typed_is_what_was_meant() {
        for (path, typed, meant) in [
            ("deployment.id", "  web ", "web"),
            ("deployment.environment", "PROD", "prod"),
            ("deployment.environment", "production", "production"),
            ("network.https_cidrs", " 10.0.0.0/8 ,192.168.0.0/16", "10.0.0.0/8,192.168.0.0/16"),
            ("network.backend_ports", "8011 8012", "8011,8012"),
            ("network.ssh_cidrs", "None", ""),
            ("network.vpc_id", "none", ""),
            ("host.install", "none", "none"),
            ("deployment.id", "none", "none"),
            ("gateway", "Y", "yes"),
            ("gateway", "NO", "no"),
            ("proxy.models", "a = b.c , d=e.f,", "a=b.c,d=e.f"),
            ("proxy.models", "{a: b.c}", "{a: b.c}"),
        ] {
            assert_eq!(parsed(find(path).unwrap(), typed), meant, "{path}: {typed}");
        }
    }

    #[test]
    fn a_question_says_what_holds_and_why() {
        let lines = |path, answers: &[(&str, &str)]| {
            let question = question(path, answers);
            (question.value, question.source)
        };
        let text = |value: &str, source: &str| (value.to_owned(), source.to_owned());
        assert_eq!(lines("deployment.id", &[]), text("sre-agent-prod", "from the environment"));
        assert_eq!(lines("deployment.id", &[("deployment.id", "web")]), text("web", "your answer"));
        assert_eq!(lines("network.vpc_id", &[]), text("none (the default VPC)", ""));
        assert_eq!(
            lines("network.ssh_cidrs", &[]),
            text("none", "recommended: Session Manager gives a shell without an open port")
        );
        assert_eq!(lines("cognito.scopes", &[("cognito.scopes", "a,b")]), text("a, b", "your answer"));
        assert_eq!(
            lines("tls.domain", &[]).0,
            "none (no name yet; only with `host.install: none` or `tls.source: files`)"
        );
    }

    #[test]
    fn a_wrong_answer_says_what_would_be_right() {
        let question = question("deployment.id", &[("deployment.id", "My App")]);
        assert!(question.is_wrong());
        let lines: Vec<String> = question.remarks.iter().map(Remark::line).collect();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("error: `My App` must be 3 to 32 characters"), "{lines:?}");
        assert!(lines[0].ends_with("(SRE-CONF-012); `my-app` would do"), "{lines:?}");
    }

    #[test]
    fn help_leads_to_flag_variable_and_key() {
        insta::assert_snapshot!(question("network.ssh_cidrs", &[]).explained().join("\n"));
    }

    #[test]
    fn every_word_has_its_note_and_every_example_is_accepted() {
        for field in crate::form::FIELDS {
            for proposal in question(field.path, &[]).choices {
                assert!(!proposal.note.is_empty(), "{}: {}", field.path, proposal.value);
            }
            let rest = [
                ("gateway", "yes"),
                ("tls.source", if field.path.contains("acme") { "acme" } else { "files" }),
            ];
            let example = parsed(field, example(field));
            let answers: Vec<(&str, &str)> = rest
                .into_iter()
                .filter(|(path, _)| *path != field.path)
                .chain([(field.path, example.as_str())])
                .collect();
            let wrong = question(field.path, &answers);
            let is_accepted =
                !wrong.remarks.iter().any(|remark| remark.is_error && remark.code != "SRE-CONF-030");
            assert!(is_accepted, "{}: {:?}", field.path, wrong.remarks);
        }
    }
}

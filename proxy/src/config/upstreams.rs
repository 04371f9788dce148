//! `upstreams:`

use std::collections::BTreeMap;

use model::document::{Notation, Problem, Value, codes as common};

use super::{
    Bedrock, Facts, Guardrail, OpenAi, Role, Upstream,
    grammar::{self, Plain},
    parse::{optional, region},
    reader::{Found, Reader, Section},
};

#[expect(
    clippy::option_option,
    reason = "the outer says whether it is well-formed, the inner whether it is given"
)]
pub(super) fn role(reader: &mut Reader, section: &mut Section) -> Option<Option<Role>> {
    let arn = optional(section, "role_arn", |found| reader.parsed(found, grammar::role_arn));
    let place = section.absent("external_id");
    let external_id = optional(section, "external_id", |found| reader.text(found));
    match (arn?, external_id?) {
        (Some(arn), external_id) => Some(Some(Role { arn, external_id })),
        (None, None) => Some(None),
        (None, Some(_)) => {
            let problem = Problem::error(common::REQUIRED, &place, "an external id belongs to a role");
            reader.report(problem.suggestion("give `role_arn`, or remove it"));
            None
        }
    }
}

/// The upstreams by name; nothing for those that are wrong, so that no model is blamed for them.
pub(super) type Upstreams = BTreeMap<String, Option<Upstream>>;

pub(super) fn upstreams(reader: &mut Reader, file: &mut Section, facts: &Facts<'_>) -> Option<Upstreams> {
    let place = file.absent("upstreams");
    let Some(found) = file.take("upstreams") else {
        let problem = Problem::error(common::REQUIRED, &place, "this is required");
        reader.report(problem.example("upstreams: {bedrock: {kind: bedrock, region: us-east-1}}"));
        return None;
    };
    let place = found.place.clone();
    let entries = reader.named(found)?;
    if entries.is_empty() {
        let problem =
            Problem::error(common::REQUIRED, &place, "the mapping is empty, so nobody would answer");
        reader.report(problem.example("upstreams: {bedrock: {kind: bedrock, region: us-east-1}}"));
        return None;
    }
    let mut upstreams = Upstreams::new();
    for (name, found) in entries {
        if let Err(flaw) = grammar::name(&name) {
            reader.report(flaw.at(&found.place));
        }
        let upstream = reader.section(found).and_then(|mut section| upstream(reader, &mut section, facts));
        upstreams.insert(name, upstream);
    }
    Some(upstreams)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum UpstreamKind {
    Bedrock,
    OpenAi,
    Practice,
}

impl UpstreamKind {
    /// The keys that only this kind has, or that it has not.
    fn foreign(self) -> &'static [&'static str] {
        match self {
            Self::Bedrock => &["base_url", "secret_id"],
            Self::OpenAi => &["profile", "role_arn", "external_id", "guardrail"],
            Self::Practice => &[
                "region",
                "endpoint_url",
                "profile",
                "role_arn",
                "external_id",
                "guardrail",
                "base_url",
                "secret_id",
            ],
        }
    }
}

fn upstream(reader: &mut Reader, section: &mut Section, facts: &Facts<'_>) -> Option<Upstream> {
    let kinds = [
        ("bedrock", UpstreamKind::Bedrock),
        ("openai", UpstreamKind::OpenAi),
        ("practice", UpstreamKind::Practice),
    ];
    let kind = reader.value(section, "kind").and_then(|found| reader.choice(found, &kinds))?;
    for name in kind.foreign() {
        if let Some(found) = section.take(name) {
            let message = "an upstream of this kind has no such key";
            reader.report(
                Problem::error(common::UNKNOWN_KEY, &found.place, message)
                    .suggestion("remove it, or change `kind`"),
            );
        }
    }
    match kind {
        UpstreamKind::Practice => Some(Upstream::Practice),
        UpstreamKind::Bedrock => bedrock(reader, section, facts).map(Upstream::Bedrock),
        UpstreamKind::OpenAi => openai(reader, section, facts).map(Upstream::OpenAi),
    }
}

/// An endpoint other than the Region's own.
#[expect(
    clippy::option_option,
    reason = "the outer says whether it is well-formed, the inner whether it is given"
)]
pub(super) fn endpoint(reader: &mut Reader, section: &mut Section) -> Option<Option<http::Uri>> {
    optional(section, "endpoint_url", |found| {
        reader.parsed(found, |text| grammar::url(text, Plain::Loopback))
    })
}

fn bedrock(reader: &mut Reader, section: &mut Section, facts: &Facts<'_>) -> Option<Bedrock> {
    let region = region(reader, section, facts);
    let endpoint_url = endpoint(reader, section);
    let profile = optional(section, "profile", |found| reader.parsed(found, grammar::name));
    let role = role(reader, section);
    let guardrail = optional(section, "guardrail", |found| guardrail(reader, found));
    Some(Bedrock {
        region: region?,
        endpoint_url: endpoint_url?,
        profile: profile?,
        role: role?,
        guardrail: guardrail?,
    })
}

fn guardrail(reader: &mut Reader, found: Found) -> Option<Guardrail> {
    let mut section = reader.section(found)?;
    let id = reader.value(&mut section, "id").and_then(|found| reader.parsed(found, grammar::name));
    let version = reader.value(&mut section, "version").and_then(|mut found| {
        // A version is text to Bedrock, but nobody puts a number into quotes.
        if let Value::Scalar(scalar) = &mut found.node.value {
            scalar.notation = Notation::Quoted;
        }
        reader.parsed(found, grammar::guardrail_version)
    });
    Some(Guardrail { id: id?, version: version? })
}

fn openai(reader: &mut Reader, section: &mut Section, facts: &Facts<'_>) -> Option<OpenAi> {
    let base_url = reader
        .value(section, "base_url")
        .and_then(|found| reader.parsed(found, |text| grammar::url(text, Plain::Loopback)));
    let secret_id = reader.value(section, "secret_id").and_then(|found| reader.parsed(found, grammar::name));
    let region = region(reader, section, facts);
    let secrets_endpoint_url = endpoint(reader, section);
    Some(OpenAi {
        base_url: base_url?,
        secret_id: secret_id?,
        region: region?,
        secrets_endpoint_url: secrets_endpoint_url?,
    })
}

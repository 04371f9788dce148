//! What each step of a plan costs. A new step does not compile until it says so here.

use super::bill::{Basis, Ledger};
use super::book::Book;
use super::money::{Quantity, Spread, Usd};
use crate::plan::StepId;

/// A month as AWS counts it, in hours.
const HOURS: u64 = 730;
/// Hours of a day.
const DAY: u64 = 24;

/// The bundle is two programs and some text; its size is known only when it is put together.
const BUNDLE_GB: Quantity = Quantity::millionths(100_000);

/// What one token of an answer weighs on the wire, in millionths of a GB: a streamed event of about 300 bytes. What comes
/// in is free.
const GB_PER_TOKEN: (u64, u64) = (300, 1_000_000_000);

/// What an instance of this type costs a month in a Region, without its disk; none where the book has no one price.
pub fn month_of_instance(kind: &str, region: &str, book: &Book) -> Option<Usd> {
    match book.prices(&format!("ec2:{kind}"), region).as_slice() {
        [price] if price.unit == "hours" => Some(price.usd.times(Quantity::of(HOURS), price.per)),
        _ => None,
    }
}

/// Writes the lines of a step.
pub(super) fn write(ledger: &mut Ledger<'_>) {
    match ledger.step.id {
        StepId::SecurityGroup => ledger.free("security groups are not charged for"),
        StepId::Role | StepId::InstanceProfile | StepId::GatewayRole | StepId::RuntimeRole => {
            ledger.free("IAM is not charged for");
        }
        StepId::UserPool => ledger.free("charged for people who sign in, and only machines do"),
        StepId::ResourceServer => ledger.free("part of the user pool"),
        StepId::Domain => ledger.free("a prefix of Cognito's own domain is not charged for"),
        StepId::Bucket | StepId::SchemaBucket => ledger.free("what is in it is charged for"),
        StepId::HostProgress => ledger.free("standard parameters are not charged for"),
        StepId::AddressAssociation => ledger.free("the address is charged for, not its use"),
        StepId::Readiness | StepId::HostInstalled => ledger.free("it only looks"),
        StepId::Certificate => ledger.fixed(
            "acm:exportable-certificate",
            "exportable ACM certificate",
            "an exportable ACM certificate",
            Quantity::of(1),
        ),
        StepId::Address => {
            ledger.fixed(
                "ec2:public-ipv4",
                "public IPv4 address",
                "a public IPv4 address",
                Quantity::of(HOURS),
            );
        }
        StepId::Bundle => {
            ledger.fixed("s3:storage", "bundle in S3, at most 0.1 GB", "storage in S3", BUNDLE_GB);
        }
        StepId::Schemas => ledger.free("four files of some kilobytes"),
        StepId::CredentialProvider => ledger.free("a gateway's keys are not charged for"),
        StepId::Gateway => gateway(ledger),
        StepId::TargetK8s | StepId::TargetLogs | StepId::TargetMetrics | StepId::TargetRunbooks => {
            ledger.free("the gateway is charged for, by its use");
        }
        StepId::Memory => memory(ledger),
        StepId::Runtime => runtime(ledger),
        StepId::AppClient => app_client(ledger),
        StepId::Instance => instance(ledger),
    }
}

/// The book has no price of it either.
fn runtime(ledger: &mut Ledger<'_>) {
    let why = "the book has no price for the time and memory that the agent takes";
    ledger.not_priced(Basis::Usage, "AgentCore runtime", "the runtime's use", why);
}

fn app_client(ledger: &mut Ledger<'_>) {
    let client = ("cognito:m2m-client", "Cognito machine client", "a machine client of Cognito");
    ledger.fixed(client.0, client.1, client.2, Quantity::of(1));
    let fetches = ledger.usage.token_fetches_per_day.amount.map(a_month);
    let request = ("cognito:m2m-request", "Cognito token requests", "token requests to Cognito");
    ledger.used(request.0, request.1, request.2, fetches);
}

/// The book has no price of it.
fn gateway(ledger: &mut Ledger<'_>) {
    let why = "the book has no price for calls of tools, searches and indexed tools";
    ledger.not_priced(Basis::Usage, "AgentCore gateway", "the gateway's use", why);
}

/// The book has no price of it.
fn memory(ledger: &mut Ledger<'_>) {
    let why = "the book has no price for events, records and their retrieval";
    ledger.not_priced(Basis::Usage, "AgentCore memory", "the memory's use", why);
}

fn instance(ledger: &mut Ledger<'_>) {
    let fields = &ledger.step.fields;
    let unsaid = "the plan does not say it";
    match fields.get("type").and_then(|kind| kind.as_str()) {
        Some(kind) => {
            let (item, title) = (format!("ec2:{kind}"), format!("EC2 {kind}, Linux"));
            ledger.fixed(&item, &title, kind, Quantity::of(HOURS));
        }
        None => ledger.not_priced(Basis::Fixed, "EC2 instance", "the instance type", unsaid),
    }
    match fields.get("volume_gb").and_then(serde_json::Value::as_u64) {
        Some(size) => {
            let title = "gp3 volume, 3000 IOPS, 125 MB/s";
            ledger.fixed("ebs:gp3", title, "a gp3 volume", Quantity::of(size));
        }
        None => ledger.not_priced(Basis::Fixed, "volume", "the size of the volume", unsaid),
    }
    tokens(ledger);
    let usage = ledger.usage;
    let (part, whole) = GB_PER_TOKEN;
    let out = usage
        .requests_per_day
        .amount
        .zip(usage.tokens_out.amount, Quantity::times)
        .map(|tokens| a_month(tokens).share(part, whole));
    ledger.used("ec2:data-out", "data out to the internet", "data out to the internet", out);
}

/// What the proxy on the instance asks of Bedrock.
fn tokens(ledger: &mut Ledger<'_>) {
    let usage = ledger.usage;
    let names = usage.models.values().fold(0_u64, |sum, names| sum.saturating_add(*names));
    for (model, of_it) in &usage.models {
        let per_month = |tokens: Spread<Quantity>| {
            let all = usage.requests_per_day.amount.zip(tokens, Quantity::times);
            all.map(|tokens| a_month(tokens).share(*of_it, names))
        };
        let Some((id, region)) = called(model) else {
            let why = "an application inference profile does not say which model it leads to";
            ledger.not_priced(Basis::Usage, "tokens of an inference profile", model, why);
            continue;
        };
        let region = region.unwrap_or(ledger.region()).to_owned();
        for (side, tokens) in [("in", usage.tokens_in.amount), ("out", usage.tokens_out.amount)] {
            let item = [id, without_window(id)]
                .map(|id| format!("bedrock:{id}:{side}"))
                .into_iter()
                .find(|item| ledger.knows(item, &region))
                .unwrap_or_else(|| format!("bedrock:{id}:{side}"));
            ledger.used_in(
                &item,
                &format!("{id}, {side}"),
                &format!("tokens of {id}"),
                &region,
                per_month(tokens),
            );
        }
    }
}

/// The id of a model or inference profile, and the Region that it is called in where it says so.
fn called(model: &str) -> Option<(&str, Option<&str>)> {
    let Some(arn) = model.strip_prefix("arn:") else { return Some((model, None)) };
    let mut parts = arn.splitn(5, ':');
    let region = parts.nth(2)?;
    let (kind, id) = parts.nth(1)?.split_once('/')?;
    matches!(kind, "foundation-model" | "inference-profile").then_some((id, Some(region)))
}

/// `amazon.nova-pro-v1:0:300k` is priced as `amazon.nova-pro-v1:0`.
fn without_window(id: &str) -> &str {
    match id.rsplit_once(':') {
        Some((model, _)) if model.contains(':') => model,
        _ => id,
    }
}

/// What a month has of what a day has.
fn a_month(a_day: Quantity) -> Quantity {
    a_day.share(HOURS, DAY)
}

//! `gateway/config.yaml`, as the script would read it.

use model::Severity;
use model::agent::CREDENTIAL_PROVIDER;

use super::Findings;
use crate::formats::{EnvFile, GatewayConfig};
use crate::layout::File;
use crate::placeholder::{is_bucket, is_old_endpoint, is_placeholder};

/// Keys that the script needs a value for.
const NEEDED: [&str; 10] = [
    "account_id",
    "region",
    "role_name",
    "endpoint_url",
    "credential_provider_endpoint_url",
    "user_pool_id",
    "client_id",
    "s3_path_prefix",
    "credential_provider_name",
    "gateway_name",
];

pub(super) fn judge(findings: &mut Findings) {
    let facts = findings.facts;
    let file = File::GatewayConfig;
    let Some(text) = facts.present.text(file) else {
        if !facts.unreadable.contains_key(&file) {
            let hint = findings.files();
            findings.add(
                "SRE-AGENT-003",
                Severity::Error,
                file,
                "there is none, so no script can make a gateway",
                hint,
            );
        }
        return;
    };
    let config = GatewayConfig::parse(text);
    values(findings, &config);
    reading(findings, &config);
    bucket(findings, &config);
    region(findings, &config);
}

fn values(findings: &mut Findings, config: &GatewayConfig) {
    let value = |key: &&str| config.meant(key).unwrap_or_default();
    let missing: Vec<&str> = NEEDED.into_iter().filter(|key| value(key).is_empty()).collect();
    let shipped: Vec<&str> = NEEDED
        .into_iter()
        .chain(["provider_arn", "s3_bucket"])
        .filter(|key| is_placeholder(&value(key)))
        .collect();
    let hint = findings.files();
    if !missing.is_empty() {
        let message =
            format!("there is no value for {}, which the script does not notice", missing.join(", "));
        findings.add("SRE-AGENT-003", Severity::Error, File::GatewayConfig, message, &hint);
    }
    if !shipped.is_empty() {
        let message = format!("{} still as the sample ships it", listed(&shipped));
        findings.add("SRE-AGENT-003", Severity::Error, File::GatewayConfig, message, &hint);
    }
    if is_old_endpoint(&value(&"credential_provider_endpoint_url")) {
        let message = "credential_provider_endpoint_url names an endpoint that is no more";
        findings.add("SRE-AGENT-003", Severity::Error, File::GatewayConfig, message, &hint);
    }
    let name = value(&"credential_provider_name");
    if !name.is_empty() && name != CREDENTIAL_PROVIDER && !is_placeholder(&name) {
        let message = format!(
            "credential_provider_name is `{name}`, and the backends look only for `{CREDENTIAL_PROVIDER}`"
        );
        let hint = format!(
            "name it {CREDENTIAL_PROVIDER}, or change the name in backend/servers/retrieve_api_key.py"
        );
        findings.add("SRE-AGENT-007", Severity::Error, File::GatewayConfig, message, hint);
    }
}

fn reading(findings: &mut Findings, config: &GatewayConfig) {
    let differs: Vec<&str> = NEEDED
        .into_iter()
        .chain(["provider_arn", "s3_bucket"])
        .filter(|key| config.get(key).is_some_and(|read| Some(read) != config.meant(key)))
        .collect();
    let hint = "write each key once, its value in double quotes, with nothing behind it";
    if !differs.is_empty() {
        let message = format!(
            "the script would read something else than is meant for {}: it keeps single quotes, and two lines are one value of two lines",
            differs.join(", ")
        );
        findings.add("SRE-AGENT-004", Severity::Error, File::GatewayConfig, message, hint);
    }
    if config.is_windows() {
        let message =
            "lines end as on Windows, and the script keeps the carriage return in values without quotes";
        findings.add("SRE-AGENT-004", Severity::Warning, File::GatewayConfig, message, hint);
    }
}

fn bucket(findings: &mut Findings, config: &GatewayConfig) {
    let bucket = config.meant("s3_bucket").unwrap_or_default();
    if is_placeholder(&bucket) {
        return;
    }
    let hint = "set s3_bucket to a bucket that exists; a deployment makes one";
    if bucket.is_empty() {
        let message = "s3_bucket is empty, so the script makes another bucket each time it runs";
        findings.add("SRE-AGENT-005", Severity::Warning, File::GatewayConfig, message, hint);
    } else if !is_bucket(&bucket) {
        let message = format!(
            "s3_bucket is `{bucket}`, which is no name of a bucket but what a script printed when it could not make one"
        );
        findings.add("SRE-AGENT-005", Severity::Error, File::GatewayConfig, message, hint);
    }
}

fn region(findings: &mut Findings, config: &GatewayConfig) {
    let facts = findings.facts;
    let region = config.meant("region").unwrap_or_default();
    if region.is_empty() || is_placeholder(&region) {
        return;
    }
    let env = EnvFile::parse(facts.present.text(File::GatewayEnv).unwrap_or_default());
    if let Some(other) = env.clear("REGION").filter(|other| *other != region) {
        let message = format!(
            "REGION is `{other}`; the script sources this after gateway/config.yaml, so its `{region}` is not used"
        );
        let hint = findings.files();
        findings.add("SRE-AGENT-014", Severity::Error, File::GatewayEnv, message, hint);
    }
    for key in ["endpoint_url", "user_pool_id", "provider_arn"] {
        let value = config.meant(key).unwrap_or_default();
        let parts = || value.split(['.', ':', '_', '/']);
        if !value.is_empty()
            && !is_placeholder(&value)
            && !is_old_endpoint(&value)
            && parts().all(|part| part != region)
        {
            let message = format!("{key} is `{value}`, and region is `{region}`");
            findings.add(
                "SRE-AGENT-014",
                Severity::Warning,
                File::GatewayConfig,
                message,
                "use one Region in all values",
            );
        }
    }
    if facts.is_region_fixed && region != "us-east-1" {
        let message = format!(
            "the backends look for their key in us-east-1 only, and region is `{region}`: they end at their start"
        );
        let hint = "change the Region and the endpoint in backend/servers/retrieve_api_key.py";
        findings.add("SRE-AGENT-014", Severity::Error, File::GatewayConfig, message, hint);
    }
}

/// `a is`, or `a, b are`.
fn listed(keys: &[&str]) -> String {
    format!("{} {}", keys.join(", "), if keys.len() == 1 { "is" } else { "are" })
}

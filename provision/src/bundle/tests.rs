//! Bundles: what is composed, what is noticed.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::AccountId;
use model::config::{Config, Inputs, SourceText, load};
use proptest::prelude::*;
use systemd::{Layout, Program};

use super::*;
use crate::policy::instance_policy;

const CONFIG: &str = r#"
version: 1
deployment: {id: sre-agent-prod, environment: prod}
aws: {region: eu-central-1, account_id: "123456789012"}
tls: {domain: api.example.com, source: acme, acme: {email: ops@example.com}}
proxy:
  models: {gpt-4o: amazon.nova-pro-v1:0, gpt-4o-mini: amazon.nova-lite-v1:0}
  limits: {requests_per_minute: 60, tokens_per_hour: 20000}
"#;

fn config(text: &str) -> Config {
    let loaded = load(&Inputs {
        file: Some(SourceText { name: "config.yaml", bytes: text.as_bytes() }),
        environment: &BTreeMap::new(),
        flags: &BTreeMap::new(),
        mode: None,
    });
    loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.problems))
}

fn deployed() -> Deployed {
    Deployed {
        issuer: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI".to_owned(),
        client_id: "1example23456789".to_owned(),
        certificate_arn: None,
    }
}

fn usual() -> Bundle {
    let config = config(CONFIG);
    let programs = Program::ALL.map(|program| (program, Arc::from(program.name().as_bytes())));
    Bundle::compose(
        programs.into(),
        host_settings(&config, &deployed()).unwrap(),
        proxy_config(&config, &deployed(), &Layout::default()),
    )
}

/// What differs where the proxy runs in a rehearsal is said, and everything else is as on a host.
#[test]
fn what_the_proxy_of_a_rehearsal_is_told() {
    let site = Site {
        listen: std::net::SocketAddr::from(([127, 0, 0, 1], 8443)),
        drain_s: 1,
        cert_path: "fullchain.pem".into(),
        key_path: "privkey.pem".into(),
        names: vec!["api.example.com".to_owned(), "localhost".to_owned()],
        acme_challenges: None,
        jwks_uri: Some("http://127.0.0.1:1/jwks.json"),
        bedrock: Some("http://127.0.0.1:2"),
        ledger: None,
        has_metrics: false,
    };
    insta::assert_snapshot!("rehearsal_proxy_yaml", proxy_config_at(&config(CONFIG), &deployed(), &site));
}

#[test]
fn what_a_host_is_told() {
    let bundle = usual();
    insta::assert_snapshot!("proxy_yaml", bundle.proxy_config());
    insta::assert_snapshot!("host_json", bundle.settings_text());
    let files = CONFIG.replace(
        "source: acme, acme: {email: ops@example.com}",
        "source: files, cert_path: /opt/ssl/fullchain.pem, key_path: /opt/ssl/privkey.pem",
    );
    let config = config(&files);
    insta::assert_snapshot!("host_json_files", settings_text(&host_settings(&config, &deployed()).unwrap()));
    assert!(!proxy_config(&config, &deployed(), &Layout::default()).contains("acme_challenges"));
}

/// Where a Region does not answer to a plain id, the proxy calls an inference profile, and its role may call both that
/// and, through it, the models behind.
#[test]
fn the_role_may_call_what_the_proxy_is_told_to_call() {
    let default =
        CONFIG.replace("  models: {gpt-4o: amazon.nova-pro-v1:0, gpt-4o-mini: amazon.nova-lite-v1:0}\n", "");
    let account = AccountId::parse("123456789012").unwrap();
    for (region, geography) in [("us-east-1", ""), ("us-west-2", "us."), ("eu-central-1", "eu.")] {
        let config = config(&default.replace("eu-central-1", region));
        let policy = instance_policy(&config, &config.aws.region, &account, None).to_string();
        let yaml = proxy_config(&config, &deployed(), &Layout::default());
        let (_, models) = yaml.split_once("\nmodels:\n").unwrap();
        let called: Vec<String> = models
            .lines()
            .map_while(|line| line.strip_prefix("  ")?.split_once(": "))
            .map(|(_, model)| serde_json::from_str(model).unwrap())
            .collect();
        assert_eq!(called.len(), config.proxy.models.len(), "{yaml}");
        for model in called {
            let id = model.strip_prefix(geography).unwrap_or_else(|| panic!("{model} in {region}"));
            assert!(id.starts_with("amazon.nova-"), "{model} in {region}");
            let allowed = match geography {
                "" => vec![format!("arn:aws:bedrock:{region}::foundation-model/{id}")],
                _ => vec![
                    format!("arn:aws:bedrock:{region}:{account}:inference-profile/{model}"),
                    format!("arn:aws:bedrock:{}-*::foundation-model/{id}", geography.trim_end_matches('.')),
                ],
            };
            for arn in allowed {
                assert!(policy.contains(&format!("\"{arn}\"")), "{arn} is not in {policy}");
            }
        }
    }
}

#[test]
fn a_certificate_that_is_not_there_yet_is_named() {
    let exportable = CONFIG.replace("source: acme, acme: {email: ops@example.com}", "source: acm-exportable");
    let missing = host_settings(&config(&exportable), &deployed()).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "the state file knows no certificate: ACM certificate has not been made yet"
    );
}

#[test]
fn a_bundle_that_was_written_is_read_and_sha256sum_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = usual();
    bundle.write(folder.path()).unwrap();
    assert_eq!(Bundle::read(folder.path()).unwrap(), bundle);
    let judged = std::process::Command::new("sha256sum")
        .args(["--check", "--strict", SUMS])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
}

#[test]
fn what_is_missing_unlisted_or_leads_out_is_refused() {
    let files = usual().files();
    for path in PATHS.into_iter().chain([SUMS]) {
        let mut less = files.clone();
        less.remove(path);
        assert!(matches!(Bundle::from_files(less), Err(BundleError::Missing(named)) if named == path));
    }
    let mut more = files.clone();
    more.insert("bin/more".to_owned(), Vec::new());
    assert!(matches!(Bundle::from_files(more), Err(BundleError::Unlisted(path)) if path == "bin/more"));
    let mut out = files;
    let line = format!("{}  ../../etc/passwd\n", sha256(b""));
    out.insert(SUMS.to_owned(), line.into_bytes());
    assert!(matches!(Bundle::from_files(out), Err(BundleError::Sums { line: 1 })));
}

#[test]
fn settings_of_a_newer_version_are_refused() {
    let newer = usual().settings_text().replace("\"version\": 1", "\"version\": 2");
    assert!(parse_settings(newer.as_bytes()).unwrap_err().to_string().contains("version 2"));
}

proptest! {
    #[test]
    fn any_flipped_byte_is_noticed(file in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), by in 1..=255u8) {
        let mut files = usual().files();
        let names: Vec<String> = files.keys().cloned().collect();
        let bytes = files.get_mut(file.get(&names)).unwrap();
        let place = place.index(bytes.len());
        bytes[place] = bytes[place].wrapping_add(by);
        // A hexadecimal digit in capitals is the same digit.
        let is_same = Bundle::from_files(files.clone()).is_ok_and(|read| read == usual());
        let is_capital = file.get(&names) == SUMS && files[SUMS].to_ascii_lowercase() == usual().files()[SUMS];
        prop_assert!(!is_same || is_capital);
    }
}

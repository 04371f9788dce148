//! What the account is asked about a gateway, on a practice account that has one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use checks::Status;
use checks::gateway::standing::{self, Lookup, Wanted};
use cloud::fault::{FailNth, Failure as Fault, Matching, Recorder, When};
use cloud::port::agentcore::{
    GatewaySettings, NewCredentialProvider, NewGateway, NewMemory, NewTarget, TargetSettings,
};
use cloud::port::iam::{NewRole, RolePolicyDocument};
use cloud::port::s3::{BucketRef, NewBucket, NewObject};
use cloud::practice::{Practice, PracticeOptions};
use cloud::{Access, Cloud, ErrorKind, Hook};
use cloud_loopback::{Authority, GatewayStage, GatewayStageOptions, Issuer, IssuerOptions};
use model::agent::{API_KEY_HEADER, MEMORY};
use model::config::Mode;
use model::tags::Tags;
use serde_json::{Value, json};

use super::super::account::ask::Desk;
use super::account::{Seen as Asked, seen, wanted_memory};
use super::*;
use crate::args::{Common, ConfigArgs, Format};
use crate::io::{Io, Stream};
use crate::running::{Place, Seen};

const ISSUER: &str = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_a";
const ROLE: &str = "sre-gateway-role";
const KEY: &str = "the-key-of-the-backends";

/// Everything that a role of a gateway needs, but for the actions that a test leaves out.
fn policy(without: &str) -> Value {
    let actions = [
        "bedrock-agentcore:GetWorkloadAccessToken",
        "bedrock-agentcore:GetResourceApiKey",
        "secretsmanager:GetSecretValue",
        "s3:GetObject",
    ];
    let actions: Vec<&str> = actions.into_iter().filter(|action| *action != without).collect();
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})
}

async fn allow(cloud: &Cloud, document: Value) {
    let document = RolePolicyDocument { role: ROLE.to_owned(), policy: "calls".to_owned(), document };
    cloud.iam.put_role_policy(document).await.unwrap();
}

/// Makes a gateway with a memory as a deployment does.
async fn made(cloud: &Cloud) -> Deployed {
    let service = json!({"Service": "bedrock-agentcore.amazonaws.com"});
    let trust = json!({"Statement": [{"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole"}]});
    let role = NewRole {
        name: ROLE.to_owned(),
        path: "/".to_owned(),
        description: String::new(),
        trust,
        tags: Tags::new(),
    };
    let role_arn = cloud.iam.create_role(role).await.unwrap();
    let role_arn = cloud.iam.get_role(ROLE.to_owned()).await.unwrap().map_or(role_arn, |role| role.arn);
    allow(cloud, policy("")).await;
    let owner = cloud.sts.get_caller_identity(()).await.unwrap().account;
    let bucket = BucketRef { name: "bedrock-agentcore-gateway-schemas".to_owned(), owner: owner.clone() };
    cloud.s3.create_bucket(NewBucket { name: bucket.name.clone(), tags: Tags::new() }).await.unwrap();
    let provider = NewCredentialProvider {
        name: "sre-provider".to_owned(),
        api_key: Secret::new(KEY.to_owned()),
        tags: Tags::new(),
    };
    let provider = cloud.agentcore.create_credential_provider(provider).await.unwrap();
    let settings = GatewaySettings {
        role_arn,
        discovery_url: format!("{ISSUER}/.well-known/openid-configuration"),
        allowed_clients: ["client".to_owned()].into(),
        allowed_scopes: ["sre-agent-api/read".to_owned()].into(),
        description: String::new(),
        explains_errors: true,
    };
    let client_token = |name: &str| format!("{name:-<40}");
    let gateway = NewGateway {
        name: "sre-gateway".to_owned(),
        client_token: client_token("gateway"),
        settings,
        tags: Tags::new(),
    };
    let id = cloud.agentcore.create_gateway(gateway).await.unwrap();
    assert!(cloud.agentcore.get_gateway(id.clone()).await.unwrap().unwrap().condition.is_ready());
    for backend in Backend::ALL {
        let key = format!("sre-agent/{}", backend.schema_file());
        let text = agent::openapi::schema(backend, "api.example.com");
        let schema = NewObject {
            bucket: bucket.clone(),
            key: key.clone(),
            sha256: provision::bundle::sha256(text.as_bytes()),
            body: text.into_bytes().into(),
        };
        cloud.s3.put_object(schema).await.unwrap();
        let target = NewTarget {
            gateway_id: id.clone(),
            name: backend.target().to_owned(),
            client_token: client_token(backend.target()),
            settings: TargetSettings {
                description: String::new(),
                schema_uri: format!("s3://{}/{key}", bucket.name),
                schema_owner: owner.to_string(),
                provider_arn: provider.arn.clone(),
                header: API_KEY_HEADER.to_owned(),
                private_endpoint: None,
            },
        };
        cloud.agentcore.create_target(target).await.unwrap();
    }
    let memory = NewMemory {
        name: MEMORY.to_owned(),
        client_token: client_token("memory"),
        event_expiry_days: 90,
        tags: Tags::new(),
    };
    let memory = cloud.agentcore.create_memory(memory).await.unwrap();
    Deployed { id, url: String::new(), memory: Some(memory) }
}

fn wanted() -> Wanted {
    Wanted {
        discovery_url: format!("{ISSUER}/.well-known/openid-configuration"),
        client_id: "client".to_owned(),
        scopes: ["sre-agent-api/read".to_owned(), "sre-agent-api/write".to_owned()].into(),
        targets: Backend::ALL.to_vec(),
        provider_arn: None,
        memory: Some(wanted_memory(90)),
        domain: Some("api.example.com".to_owned()),
        lookup: Some(Lookup::OfSchema),
    }
}

fn on_practice(work: impl AsyncFnOnce(&Practice, &Deployed)) {
    let practice = Practice::in_memory(PracticeOptions::instant());
    super::super::wait_simply(async || {
        let deployed = made(&practice.cloud()).await;
        work(&practice, &deployed).await;
        Ok(())
    })
    .unwrap();
}

async fn looked(cloud: &Cloud, deployed: &Deployed) -> (Asked, CheckResult) {
    let seen = seen(&Desk::hasty(), cloud, deployed).await;
    let result = standing::judge(&seen.facts, &wanted());
    (seen, result)
}

#[test]
fn a_gateway_as_it_is_deployed_is_in_order_and_its_key_is_found() {
    on_practice(async |practice, deployed| {
        let cloud = practice.cloud();
        let (seen, result) = looked(&cloud, deployed).await;
        assert_eq!(result.status, Status::Ok, "{result:#?}");
        // Gateway, authorizer, role, memory; and each target three times.
        assert_eq!(result.findings.len(), 16, "{result:#?}");
        assert_eq!(seen.key.unwrap().expose(), KEY);
        assert_eq!(seen.takes.0, BTreeSet::from(["client".to_owned()]));
        let none = Deployed { id: "sre-gateway-0000000000".to_owned(), url: String::new(), memory: None };
        let none = looked(&cloud, &none).await.1;
        let said: Vec<&str> = none.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(said, ["the gateway is gone", "there is no memory"]);
    });
}

#[test]
fn each_action_that_the_role_lacks_is_named() {
    on_practice(async |practice, deployed| {
        let cloud = practice.cloud();
        for action in [
            "bedrock-agentcore:GetWorkloadAccessToken",
            "bedrock-agentcore:GetResourceApiKey",
            "secretsmanager:GetSecretValue",
            "s3:GetObject",
        ] {
            allow(&cloud, policy(action)).await;
            let result = looked(&cloud, deployed).await.1;
            let bad: Vec<&Finding> =
                result.findings.iter().filter(|finding| finding.severity > Severity::Info).collect();
            assert_eq!((bad.len(), bad[0].code.as_str()), (1, "SRE-GW-014"), "{bad:#?}");
            assert!(bad[0].evidence.as_ref().unwrap().contains(action), "{bad:#?}");
        }
    });
}

#[test]
fn a_call_that_fails_makes_nothing_ok_that_rests_on_it() {
    on_practice(async |practice, deployed| {
        let recorder = Arc::new(Recorder::default());
        let hook: Arc<dyn Hook> = Arc::clone(&recorder) as _;
        let well = looked(&practice.cloud().hooked(&hook), deployed).await.1;
        assert_eq!(well.status, Status::Ok);
        assert_eq!(recorder.count(Access::Write), 0, "a check changes nothing");
        let operations: BTreeSet<&'static str> =
            recorder.calls().into_iter().map(|call| call.operation).collect();
        assert_eq!(operations.len(), 9, "{operations:?}");
        let kinds = [
            Fault::answered("AccessDeniedException", "not authorized to perform this"),
            Fault::on_the_way(ErrorKind::Unsupported),
        ];
        for operation in operations {
            for kind in &kinds {
                let all =
                    FailNth::new(1, Matching::Operation(operation), When::Before, kind.clone()).times(100);
                let hook: Arc<dyn Hook> = Arc::new(all);
                let (seen, result) = looked(&practice.cloud().hooked(&hook), deployed).await;
                // These two lead to the key alone, which is looked at where it is used.
                if matches!(operation, "GetSecretValue" | "GetApiKeyCredentialProvider") {
                    assert!(seen.key.is_err(), "{operation}");
                } else {
                    assert!(result.status >= Status::Unknown, "{operation} {kind:?}: {result:#?}");
                }
            }
        }
    });
}

#[test]
fn a_token_goes_in_clear_to_this_machine_only() {
    for good in [
        "https://id.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp",
        "http://127.0.0.1:1/mcp",
        "http://localhost:1/mcp",
    ] {
        assert!(url("--url", good).is_ok(), "{good}");
    }
    for bad in ["http://id.gateway.example.com/mcp", "ftp://localhost/mcp", "localhost"] {
        assert_eq!(url("--url", bad).unwrap_err().findings[0].code, codes::NO_ENDPOINT, "{bad}");
    }
}

/// An app that says nothing to anybody.
fn app() -> App {
    let io = Io {
        input: Arc::new(Mutex::new(std::io::empty())),
        out: Stream::new(std::io::sink()),
        err: Stream::new(std::io::sink()),
        input_is_terminal: false,
        out_is_terminal: false,
        err_is_terminal: false,
    };
    let common = Common { quiet: true, ..Common::default() };
    App::new("sre-agent-deploy", BTreeMap::new(), io, Format::Text, &common)
}

/// As `verify` does it while a rehearsal runs: gateway and backends under their own names at its ports.
#[test]
fn a_gateway_that_a_rehearsal_serves_is_asked_where_it_is() {
    const DOMAIN: &str = "api.rehearsal.internal";
    const HOST: &str = "sre-0123456789.gateway.bedrock-agentcore.us-east-1.amazonaws.com";
    #[expect(clippy::disallowed_methods, reason = "certificates are of the time of the test")]
    let now = std::time::SystemTime::now();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let authority = Authority::new("A root for tests", now).unwrap();
    let pair = authority.issue(&[DOMAIN.to_owned(), HOST.to_owned()], now).unwrap();
    std::fs::write(at("ca.pem"), authority.root_pem()).unwrap();
    std::fs::write(at("config.yaml"), include_str!("../../../rehearsal.yaml")).unwrap();
    let issuer = Issuer::start(IssuerOptions::default()).unwrap();
    let options = GatewayStageOptions {
        domain: DOMAIN.to_owned(),
        pair,
        roots_pem: authority.root_pem(),
        api_key: Secret::new(KEY.to_owned()),
        allowed_clients: [issuer.clients()[0].id.clone()].into(),
        allowed_scopes: BTreeSet::new(),
    };
    let stage = GatewayStage::start(options, &issuer).unwrap();
    let ports = stage.places().into_iter().map(|(backend, place)| (backend, place.port()));
    let place = Place {
        pid: 1,
        url: format!("https://{DOMAIN}:1"),
        address: [127, 0, 0, 1].into(),
        local_url: "https://localhost:1".to_owned(),
        ca_file: at("ca.pem"),
        issuer: issuer.place(),
        token_endpoint: issuer.token_endpoint(),
        gateway: Some(GatewayPlace {
            url: format!("https://{HOST}:{}/mcp", stage.gateway.address().port()),
            backends: ports.collect(),
        }),
    };
    let app = app();
    let args =
        ConfigArgs { config: Some(at("config.yaml")), mode: Some(Mode::Rehearsal), ..ConfigArgs::default() };
    let config = crate::settings::read(&app, &args, None, None).unwrap().valid(&app).unwrap();
    let mut target = Target {
        config: Some(config),
        state: None,
        state_file: at(".deployment_state"),
        running: Seen::Serving(Box::new(place)),
    };
    let deployed =
        Deployed { id: "sre-0123456789".to_owned(), url: format!("https://{HOST}/mcp"), memory: None };
    let token = || Some(Token::Given(Secret::new(issuer.mint(&issuer.claims()))));
    let args = GatewayArgs::default();
    let asked = |target: &Target| {
        let mut results = of_deployment(&app, &args, target, &deployed, token()).unwrap();
        // Without a state file nothing is known of what the account should say.
        assert_eq!(results.remove(0).status, Status::Unknown);
        results
    };
    let results = asked(&target);
    assert_eq!(results.len(), 9, "the gateway, four backends and their certificates: {results:#?}");
    assert!(results.iter().all(|result| result.status == Status::Ok), "{results:#?}");
    let of = |code: &str| results.iter().flat_map(|one| &one.findings).filter(|one| one.code == code).count();
    let judged = results.iter().filter(|result| !result.certificates.is_empty()).count();
    assert_eq!((of("SRE-GW-007"), of("SRE-GW-008"), judged), (4, 4, 4), "{results:#?}");
    assert!(stage.backends.values().all(|backend| backend.calls() == 1));
    // Without the rehearsal nothing is asked under a name that AWS owns.
    target.running = Seen::Nothing;
    let results = asked(&target);
    let [result] = results.as_slice() else { panic!("{results:#?}") };
    assert!(
        result.findings[0].message.ends_with("skipped because the rehearsal does not run now"),
        "{result:#?}"
    );
}

//! What the account says of a gateway, changed in one place at a time.

use model::Severity;
use model::agent::{API_KEY_HEADER, Backend};
use serde_json::{Value, json};

use super::super::standing::{
    self, Facts, GatewayFacts, Lookup, MemoryFacts, RoleFacts, TargetFacts, Wanted, WantedMemory, Wiring,
};
use super::{codes, says};
use crate::account::facts::{Decision, NotTold, Simulated};

const STRATEGIES: [&str; 3] = ["user_preferences", "infrastructure_knowledge", "investigation_summaries"];

fn facts() -> (Facts, Wanted) {
    let provider =
        "arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default/apikeycredentialprovider/p";
    let target = |backend: Backend| TargetFacts {
        name: backend.target().to_owned(),
        status: "READY".to_owned(),
        reasons: Vec::new(),
        wiring: Some(Wiring {
            schema_uri: format!("s3://bucket/{}", backend.schema_file()),
            schema: Ok(Some(schema(backend))),
            header: API_KEY_HEADER.to_lowercase(),
            provider_arn: provider.to_owned(),
            routing_domain: None,
        }),
    };
    let arn = "arn:aws:bedrock-agentcore:us-east-1:123456789012:gateway/sre-0123456789";
    let needs = standing::needs(arn, provider, None, "s3://bucket/a.yaml");
    let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bedrock-agentcore-identity!default/apikey/p-000000";
    assert!(needs.iter().any(|(_, resource)| resource == secret), "{needs:?}");
    let simulated = needs.into_iter().map(|(action, resource)| Simulated {
        action,
        resource,
        decision: Decision::Allowed,
    });
    let discovery_url =
        "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_a/.well-known/openid-configuration";
    let facts = Facts {
        id: "sre-0123456789".to_owned(),
        gateway: Ok(Some(GatewayFacts {
            status: "READY".to_owned(),
            reasons: Vec::new(),
            authorizer: "CUSTOM_JWT".to_owned(),
            discovery_url: discovery_url.to_owned(),
            allowed_clients: ["client".to_owned()].into(),
            allowed_scopes: ["api/read".to_owned()].into(),
        })),
        targets: Ok(Backend::ALL.map(target).into()),
        role: Ok(Some(RoleFacts {
            name: "sre-gateway-role".to_owned(),
            trust: json!({"Statement": [{"Effect": "Allow", "Principal": {"Service": "bedrock-agentcore.amazonaws.com"}, "Action": "sts:AssumeRole"}]}),
            simulated: Ok(simulated.collect()),
        })),
        memory: Ok(Some(MemoryFacts {
            id: "sre_agent_memory-a1b2c3d4e5".to_owned(),
            status: "ACTIVE".to_owned(),
            reasons: Vec::new(),
            days: 90,
            strategies: STRATEGIES.map(|name| (name.to_owned(), "ACTIVE".to_owned())).into(),
        })),
    };
    let wanted = Wanted {
        discovery_url: discovery_url.to_owned(),
        client_id: "client".to_owned(),
        scopes: ["api/read".to_owned(), "api/write".to_owned()].into(),
        targets: Backend::ALL.to_vec(),
        provider_arn: Some(provider.to_owned()),
        memory: Some(WantedMemory { days: 90, strategies: STRATEGIES.to_vec() }),
        domain: Some("api.example.com".to_owned()),
        lookup: Some(Lookup::OfSchema),
    };
    (facts, wanted)
}

/// A schema as far as it is judged.
fn schema(backend: Backend) -> String {
    let mut text = format!(
        "openapi: 3.0.3\nservers:\n  - url: \"https://api.example.com:{0}\"\n  - url: \"http://localhost:{0}\"\npaths:\n",
        backend.port()
    );
    for (number, operation) in backend.operations().into_iter().enumerate() {
        let path = format!("  /{number}:\n    summary: one\n    get:\n      operationId: {operation}\n");
        text.push_str(&path);
    }
    text
}

fn change(facts: &mut Facts, from: &str, to: &str) {
    let Ok(Some(text)) = &mut wiring(facts).schema else { panic!("there is a schema") };
    assert!(text.contains(from), "{text}");
    *text = text.replacen(from, to, 1);
}

/// What is changed in facts that are in order.
type Change = fn(&mut Facts);
fn gateway(facts: &mut Facts) -> &mut GatewayFacts {
    facts.gateway.as_mut().unwrap().as_mut().unwrap()
}
fn target(facts: &mut Facts) -> &mut TargetFacts {
    &mut facts.targets.as_mut().unwrap()[1]
}
fn wiring(facts: &mut Facts) -> &mut Wiring {
    target(facts).wiring.as_mut().unwrap()
}
fn role(facts: &mut Facts) -> &mut RoleFacts {
    facts.role.as_mut().unwrap().as_mut().unwrap()
}
fn memory(facts: &mut Facts) -> &mut MemoryFacts {
    facts.memory.as_mut().unwrap().as_mut().unwrap()
}
fn strategy(facts: &mut Facts) -> &mut String {
    memory(facts).strategies.get_mut(STRATEGIES[1]).unwrap()
}
fn denied() -> NotTold {
    let action = "bedrock-agentcore:GetGateway".to_owned();
    NotTold { action, reason: "denied".to_owned(), is_denied: true, is_unsupported: false }
}

#[test]
fn what_the_account_says_is_judged_one_by_one() {
    let (good, wanted) = facts();
    assert_eq!(codes(&standing::judge(&good, &wanted).findings), []);
    let cases: [(Change, &str, Severity, &str); 32] = [
        (|f| f.gateway = Ok(None), "SRE-GW-010", Severity::Error, "is gone"),
        (|f| f.gateway = Err(denied()), "SRE-GW-010", Severity::Unknown, "bedrock-agentcore:GetGateway"),
        (|f| gateway(f).status = "CREATING".to_owned(), "SRE-GW-010", Severity::Unknown, "is CREATING"),
        (
            |f| (gateway(f).status, gateway(f).reasons) = ("FAILED".to_owned(), vec!["no role".to_owned()]),
            "SRE-GW-010",
            Severity::Error,
            "no role",
        ),
        (|f| gateway(f).authorizer = "NONE".to_owned(), "SRE-GW-011", Severity::Error, "authorizer is NONE"),
        (|f| gateway(f).discovery_url.clear(), "SRE-GW-011", Severity::Error, "another issuer"),
        (|f| gateway(f).allowed_clients.clear(), "SRE-GW-011", Severity::Error, "allowedClients: none"),
        (
            |f| gateway(f).allowed_scopes = ["api/admin".to_owned()].into(),
            "SRE-GW-011",
            Severity::Error,
            "allowedScopes: api/admin; the app client has api/read, api/write",
        ),
        (|f| drop(f.targets.as_mut().unwrap().remove(1)), "SRE-GW-012", Severity::Error, "no such target"),
        (
            |f| target(f).status = "UPDATE_UNSUCCESSFUL".to_owned(),
            "SRE-GW-012",
            Severity::Error,
            "no reasons were given",
        ),
        (|f| target(f).wiring = None, "SRE-GW-013", Severity::Error, "is not an OpenAPI schema"),
        (
            |f| wiring(f).header = "authorization".to_owned(),
            "SRE-GW-013",
            Severity::Error,
            "does not look at",
        ),
        (|f| wiring(f).provider_arn.push('x'), "SRE-GW-013", Severity::Error, "another provider"),
        (
            |f| wiring(f).routing_domain = Some("private.example.com".to_owned()),
            "SRE-GW-013",
            Severity::Error,
            "by private.example.com; configured is the one in its schema",
        ),
        (|f| wiring(f).schema = Ok(None), "SRE-GW-018", Severity::Error, "s3://bucket/logs_api.yaml"),
        (|f| wiring(f).schema = Err(denied()), "SRE-GW-018", Severity::Unknown, "could not check"),
        (
            |f| change(f, "https://api.example.com:8012", "https://old.example.com:8012"),
            "SRE-GW-018",
            Severity::Error,
            "leads to https://old.example.com:8012, and not to https://api.example.com:8012",
        ),
        (
            |f| change(f, "search_logs", "drop_logs"),
            "SRE-GW-018",
            Severity::Error,
            "missing: search_logs; not expected: drop_logs",
        ),
        (|f| change(f, "servers:", "others:"), "SRE-GW-018", Severity::Error, "that can be understood"),
        (|f| change(f, "paths:", "paths: ["), "SRE-GW-018", Severity::Error, "that can be understood"),
        (|f| change(f, "paths:", "servers:"), "SRE-GW-018", Severity::Error, "that can be understood"),
        (|f| role(f).trust = Value::Null, "SRE-GW-014", Severity::Error, "may not assume"),
        (
            |f| role(f).trust["Statement"][0]["Action"] = json!(["sts:TagSession"]),
            "SRE-GW-014",
            Severity::Error,
            "may not assume",
        ),
        (
            |f| role(f).simulated.as_mut().unwrap()[1].decision = Decision::ImplicitDeny,
            "SRE-GW-014",
            Severity::Error,
            "GetResourceApiKey on arn:aws:bedrock-agentcore:us-east-1:123456789012:workload-identity-directory/default/workload-identity/sre-0123456789",
        ),
        (|f| f.memory = Ok(None), "SRE-GW-015", Severity::Error, "there is no memory"),
        (|f| f.memory = Err(denied()), "SRE-GW-015", Severity::Unknown, "the memory"),
        (
            |f| memory(f).status = "CREATING".to_owned(),
            "SRE-GW-015",
            Severity::Unknown,
            "the memory is CREATING",
        ),
        (
            |f| (memory(f).status, memory(f).reasons) = ("FAILED".to_owned(), vec!["no capacity".to_owned()]),
            "SRE-GW-015",
            Severity::Error,
            "no capacity",
        ),
        (
            |f| *strategy(f) = "FAILED".to_owned(),
            "SRE-GW-015",
            Severity::Error,
            "its strategy infrastructure_knowledge is FAILED",
        ),
        (|f| *strategy(f) = "CREATING".to_owned(), "SRE-GW-015", Severity::Unknown, "knowledge is CREATING"),
        (
            |f| drop(memory(f).strategies.remove(STRATEGIES[1])),
            "SRE-GW-015",
            Severity::Error,
            "lacks its strategy infrastructure_knowledge",
        ),
        (|f| memory(f).days = 30, "SRE-GW-015", Severity::Warning, "for 30; the configuration says 90"),
    ];
    for (change, code, severity, words) in cases {
        let mut facts = good.clone();
        change(&mut facts);
        let findings = standing::judge(&facts, &wanted).findings;
        assert_eq!(codes(&findings), [(code.to_owned(), severity)], "{findings:#?}");
        says(&findings, code, words);
    }
    let (mut without, mut unasked) = (good.clone(), wanted.clone());
    (without.memory, unasked.memory) = (Ok(None), None);
    assert_eq!(codes(&standing::judge(&without, &unasked).findings), []);
    let mut foreign = good;
    let mut other = target(&mut foreign).clone();
    other.name = "other".to_owned();
    foreign.targets.as_mut().unwrap().push(other);
    assert_eq!(
        codes(&standing::judge(&foreign, &wanted).findings),
        [("SRE-GW-012".to_owned(), Severity::Warning)]
    );
}

#[test]
fn what_is_not_known_of_the_configuration_is_not_passed() {
    let (mut facts, wanted) = facts();
    let wanted = Wanted { domain: None, lookup: None, ..wanted };
    wiring(&mut facts).routing_domain = Some("private.example.com".to_owned());
    let findings = standing::judge(&facts, &wanted).findings;
    assert_eq!(codes(&findings), vec![("SRE-GW-018".to_owned(), Severity::Skipped); 4]);
    says(&findings, "SRE-GW-018", "skipped because the domain of the backends is not known here");
    change(&mut facts, "search_logs", "drop_logs");
    let findings = standing::judge(&facts, &wanted).findings;
    assert!(codes(&findings).contains(&("SRE-GW-018".to_owned(), Severity::Error)), "{findings:#?}");
    let wanted = Wanted { lookup: Some(Lookup::By("other.example.com".to_owned())), ..wanted };
    says(&standing::judge(&facts, &wanted).findings, "SRE-GW-013", "configured is other.example.com");
}

#[test]
fn a_role_of_which_nothing_was_asked_is_not_passed() {
    let (mut facts, wanted) = facts();
    role(&mut facts).simulated = Ok(Vec::new());
    let findings = standing::judge(&facts, &wanted).findings;
    let of_role: Vec<_> = findings.iter().filter(|one| one.code == "SRE-GW-014").collect();
    assert_eq!((of_role.len(), of_role[0].severity), (1, Severity::Skipped), "{findings:#?}");
    // Scopes that are not known are not compared; no scope at all lets every token in.
    gateway(&mut facts).allowed_scopes.clear();
    role(&mut facts).trust["Statement"][0]["Action"] = json!(["sts:TagSession", "sts:AssumeRole"]);
    let skipped = [("SRE-GW-014".to_owned(), Severity::Skipped)];
    assert_eq!(codes(&standing::judge(&facts, &wanted).findings), skipped);
    let unjudged = standing::unjudged("sre-0123456789", "nobody knows why");
    assert_eq!(unjudged.status, crate::Status::Unknown);
}

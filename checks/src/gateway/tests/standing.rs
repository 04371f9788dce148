//! What the account says of a gateway, changed in one place at a time.

use model::Severity;
use model::agent::{API_KEY_HEADER, Backend};
use serde_json::{Value, json};

use super::super::standing::{
    self, Facts, GatewayFacts, MemoryFacts, RoleFacts, TargetFacts, Wanted, WantedMemory, Wiring,
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
            has_schema: Ok(true),
            header: API_KEY_HEADER.to_lowercase(),
            provider_arn: provider.to_owned(),
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
        targets: Backend::ALL.to_vec(),
        provider_arn: Some(provider.to_owned()),
        memory: Some(WantedMemory { days: 90, strategies: STRATEGIES.to_vec() }),
    };
    (facts, wanted)
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
    let cases: [(Change, &str, Severity, &str); 23] = [
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
        (|f| wiring(f).has_schema = Ok(false), "SRE-GW-013", Severity::Error, "s3://bucket/logs_api.yaml"),
        (|f| role(f).trust = Value::Null, "SRE-GW-014", Severity::Error, "may not assume"),
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

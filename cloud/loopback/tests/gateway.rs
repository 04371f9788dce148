//! The gateway is judged by the client that the makers of MCP wrote.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::collections::BTreeMap;

use cloud_loopback::{
    Authority, DemoBackend, Forgery, GatewayFault, Issuer, IssuerOptions, McpGateway, McpGatewayOptions,
    Reached,
};
use model::Secret;
use model::agent::{Backend, SEARCH_TOOL};
use serde_json::Value;
use test_support::python;

const CLIENT: &str = include_str!("mcp_client.py");
const DOMAIN: &str = "api.gateway-test.internal";

struct Stage {
    issuer: Issuer,
    backends: BTreeMap<Backend, DemoBackend>,
    gateway: McpGateway,
}

/// Plain HTTP before the gateway, TLS behind it.
fn stage(is_streaming: bool) -> Stage {
    #[expect(clippy::disallowed_methods, reason = "certificates are of the time of the test")]
    let now = std::time::SystemTime::now();
    let authority = Authority::new("A root for tests", now).unwrap();
    let pair = authority.issue(&[DOMAIN.to_owned()], now).unwrap();
    let key = Secret::new("the-key-of-the-backends".to_owned());
    let start = |backend| (backend, DemoBackend::start(backend, 0, key.clone(), Some(&pair)).unwrap());
    let backends: BTreeMap<Backend, DemoBackend> = Backend::ALL.into_iter().map(start).collect();
    let reached = |(&backend, running): (&Backend, &DemoBackend)| Reached {
        backend,
        host: DOMAIN.to_owned(),
        address: running.address(),
    };
    let issuer = Issuer::start(IssuerOptions::default()).unwrap();
    let options = McpGatewayOptions {
        allowed_clients: [issuer.clients()[0].id.clone()].into(),
        allowed_scopes: ["sre-agent-api/read".to_owned()].into(),
        targets: backends.iter().map(reached).collect(),
        roots_pem: authority.root_pem(),
        is_streaming,
        ..McpGatewayOptions::new(key.clone())
    };
    let gateway = McpGateway::start(options, &issuer).unwrap();
    Stage { issuer, backends, gateway }
}

impl Stage {
    fn ask(&self, tools: &[&str]) -> Value {
        let (url, token) = (self.gateway.url(), self.issuer.mint(&self.issuer.claims()));
        let mut args = vec![url.as_str(), token.as_str()];
        args.extend(tools);
        python("mcp", CLIENT, &args, &[])
    }
}

#[test]
fn a_client_that_others_wrote_lists_and_calls_the_tools() {
    for is_streaming in [false, true] {
        let stage = stage(is_streaming);
        let proofs = Backend::ALL.map(|backend| backend.tool(backend.proof()));
        let mut tools: Vec<&str> = proofs.iter().map(String::as_str).collect();
        tools.push(SEARCH_TOOL);
        let seen = stage.ask(&tools);
        assert_eq!(seen["version"], "2025-06-18");
        assert_eq!((seen["pages"].as_u64(), seen["tools"].as_array().unwrap().len()), (Some(3), 21));
        for (backend, proof) in Backend::ALL.iter().zip(&proofs) {
            let call = &seen["calls"][proof];
            assert_eq!(call["is_error"], false, "{call}");
            assert!(call["text"].as_str().unwrap().contains(backend.target()), "{call}");
            assert_eq!(stage.backends[backend].calls(), 1);
        }
        let found = &seen["calls"][SEARCH_TOOL]["text"].as_str().unwrap();
        assert!(found.contains("get_pod_status") && !found.contains("search_runbooks"), "{found}");
    }
}

#[test]
fn a_key_that_the_backends_do_not_take_is_an_internal_error_and_nothing_more() {
    let stage = stage(false);
    stage.gateway.fault(GatewayFault::WrongKey);
    let proof = Backend::Logs.tool(Backend::Logs.proof());
    let seen = stage.ask(&[&proof]);
    assert_eq!(seen["tools"].as_array().unwrap().len(), 21, "the list is as long as ever");
    assert_eq!(seen["calls"][&proof]["is_error"], true);
    assert!(seen["calls"][&proof]["text"].as_str().unwrap().contains("internal error"));
    assert_eq!(stage.backends[&Backend::Logs].calls(), 0);
    stage.gateway.heal();
    assert_eq!(stage.ask(&[&proof])["calls"][&proof]["is_error"], false);
}

/// No client comes in with a token that is another client's, lacks the scope, or was forged.
#[test]
fn only_tokens_of_an_allowed_client_with_an_allowed_scope_open_the_door() {
    const STATUS: &str = r#"
import json, sys, urllib.error, urllib.request
url, seen = sys.argv[1], []
for token in [None, *sys.argv[2:]]:
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, b'{"jsonrpc":"2.0","id":1,"method":"ping"}', headers))
    except urllib.error.HTTPError as error:
        answer = error
    seen.append([answer.status, answer.headers.get("www-authenticate")])
print(json.dumps(seen))
"#;
    let stage = stage(false);
    let claims = stage.issuer.claims();
    let with = |name: &str, value: &str| {
        let mut other = claims.clone();
        other[name] = value.into();
        stage.issuer.mint(&other)
    };
    let mut tokens = vec![
        with("sub", "the same client"),
        with("client_id", "another"),
        with("scope", "sre-agent-api/write"),
    ];
    tokens.extend(Forgery::ALL.map(|how| stage.issuer.forge(how, &claims).unwrap()));
    let url = stage.gateway.url();
    let mut args = vec![url.as_str()];
    args.extend(tokens.iter().map(String::as_str));
    let seen = python("mcp", STATUS, &args, &[]);
    let statuses: Vec<u64> =
        seen.as_array().unwrap().iter().map(|answer| answer[0].as_u64().unwrap()).collect();
    assert_eq!((statuses[0], statuses[1]), (401, 200), "without a token, and with a good one");
    assert!(statuses[2..].iter().all(|status| *status == 401), "{statuses:?}");
    let metadata = format!("http://{}/.well-known/oauth-protected-resource", stage.gateway.address());
    assert_eq!(seen[0][1], format!("Bearer resource_metadata=\"{metadata}\""));
}

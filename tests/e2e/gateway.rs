//! A deployment with a gateway on an account over real HTTP: made as planned, kept, killed and resumed, used, taken away. What
//! moto lacks of AgentCore, the test support adds; nothing serves MCP here, and no token.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use test_support::ProxyPlan;

use crate::kill::kill_at;
use crate::workbench::Workbench;

/// A line for each part of the gateway that is wanted.
const CONFIG: &str = "\
version: 1
deployment: {id: sre-e2e, environment: staging}
aws: {region: us-east-1, account_id: \"123456789012\"}
tls: {domain: api.sre-e2e.net, source: acm-exportable}
host: {install: none}
gateway:
  name: sre-gateway
";

const BUCKET: &str = "bedrock-agentcore-gateway-123456789012-us-east-1-sre-e2e";
const PROVIDER: &str = "sre-agent-api-key-credential-provider";
const BACKENDS: [&str; 4] = ["k8s", "logs", "metrics", "runbooks"];

/// A gateway of somebody else with a target, and a secret beside that of the provider.
const OTHERS: &str = r"
import boto3
agentcore = boto3.client('bedrock-agentcore-control')
gateway = agentcore.create_gateway(name='theirs', roleArn='arn:aws:iam::123456789012:role/x', protocolType='MCP',
    authorizerType='AWS_IAM')['gatewayId']
agentcore.create_gateway_target(gatewayIdentifier=gateway, name='k8s-api',
    targetConfiguration={'mcp': {'lambda': {'lambdaArn': 'arn:aws:lambda:us-east-1:123456789012:function:x',
        'toolSchema': {'inlinePayload': []}}}},
    credentialProviderConfigurations=[{'credentialProviderType': 'GATEWAY_IAM_ROLE'}])
boto3.client('secretsmanager').create_secret(Name='theirs', SecretString='{}')
print('{}')
";

fn bench() -> Workbench {
    let bench = Workbench::with(CONFIG, "staging");
    bench.moto.python(OTHERS, &[]);
    bench
}

fn without_gateway() -> &'static str {
    CONFIG.split("gateway:").next().unwrap()
}

/// The one thing of that name.
fn named<'a>(inventory: &'a Value, kind: &str, name: &str) -> &'a Value {
    let all = inventory[kind].as_array().unwrap();
    let named: Vec<&Value> = all.iter().filter(|one| one["name"] == name).collect();
    assert_eq!(named.len(), 1, "{kind} {name}: {all:#?}");
    named[0]
}

/// What the plan says of the gateway: step, name, wanted fields.
fn planned(bench: &Workbench) -> BTreeMap<String, Value> {
    let plan = bench.run(&["plan", "--config", "config.yaml", "--format", "json"]).expect(0);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let steps = plan["steps"].as_array().unwrap_or_else(|| panic!("{plan:#}"));
    let of_gateway = steps.iter().filter(|step| step["id"].as_str().unwrap().starts_with("gateway."));
    of_gateway.map(|step| (step["id"].as_str().unwrap().to_owned(), step.clone())).collect()
}

#[test]
fn debug_plan() {
    let bench = bench();
    for (id, step) in planned(&bench) {
        println!("{id}: {step:#}");
    }
    let start = std::time::Instant::now();
    bench.deploy().expect(0);
    println!("deploy {:?}", start.elapsed());
    println!("{:#?}", bench.changes());
    println!("{:#}", bench.inventory());
    let start = std::time::Instant::now();
    bench.proxy.plan(ProxyPlan::forward());
    bench.deploy().expect(0);
    println!("second {:?} {} {:?}", start.elapsed(), bench.proxy.calls().len(), bench.changes());
    let start = std::time::Instant::now();
    bench.configure(without_gateway());
    let e = bench.deploy();
    println!("without {:?} {:?} {} {}", start.elapsed(), e.code, e.stderr, e.stdout);
    println!("{:#?}", bench.changes());
}

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
/// A loopback address that nobody serves at.
const NOBODY: &str = "127.219.40.7";
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

/// The SHA-256 of everything in a bucket.
const DIGESTS: &str = r#"
import boto3, hashlib, json, sys
s3, bucket = boto3.client("s3"), sys.argv[1]
keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
read = lambda key: s3.get_object(Bucket=bucket, Key=key)["Body"].read()
print(json.dumps({key: hashlib.sha256(read(key)).hexdigest() for key in keys}))
"#;

/// The app client's secret, and the key in the provider's.
const SECRETS: &str = r#"
import boto3, json, sys
idp, agentcore, vault = (boto3.client(n) for n in ("cognito-idp", "bedrock-agentcore-control", "secretsmanager"))
pool = idp.list_user_pools(MaxResults=60)["UserPools"][0]["Id"]
client = idp.list_user_pool_clients(UserPoolId=pool)["UserPoolClients"][0]["ClientId"]
client = idp.describe_user_pool_client(UserPoolId=pool, ClientId=client)["UserPoolClient"]["ClientSecret"]
secret = agentcore.get_api_key_credential_provider(name=sys.argv[1])["apiKeySecretArn"]["secretArn"]
key = json.loads(vault.get_secret_value(SecretId=secret)["SecretString"])["api_key_value"]
print(json.dumps({"client": client, "key": key}))
"#;

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

/// The same with its lists in one order, as an inventory has them in one of its own.
fn unordered(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(unordered).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), unordered(value))).collect()
        }
        other => other.clone(),
    }
}

/// What the plan says of the gateway's steps.
fn planned(bench: &Workbench) -> BTreeMap<String, Value> {
    let plan = bench.run(&["plan", "--config", "config.yaml", "--format", "json"]).expect(0);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let mut steps = BTreeMap::new();
    for step in plan["steps"].as_array().unwrap() {
        let id = step["id"].as_str().unwrap();
        if let Some(part) = id.strip_prefix("gateway.") {
            assert_eq!(step["change"]["action"], "create", "{step:#}");
            steps.insert(part.to_owned(), step.clone());
        }
    }
    steps
}

/// What the gateway lives on is as the plan said.
fn judge_what_it_lives_on(bench: &Workbench, whole: &Value, plan: &BTreeMap<String, Value>) {
    let bucket = named(whole, "buckets", plan["bucket"]["name"].as_str().unwrap());
    assert_eq!((&bucket["name"], &bucket["policy"]), (&json!(BUCKET), &plan["bucket"]["fields"]["policy"]));
    let mut schemas = plan["schemas"]["fields"].as_object().unwrap().clone();
    let place = schemas.remove("place").unwrap();
    let prefix = place.as_str().unwrap().strip_prefix(BUCKET).unwrap().trim_start_matches('/');
    let digests = bench.moto.python_at(&bench.proxy.endpoint(), DIGESTS, &[BUCKET]);
    let wanted: Value =
        schemas.iter().map(|(file, digest)| (format!("{prefix}/{file}"), digest.clone())).collect();
    assert_eq!((digests.as_object().map(serde_json::Map::len), &digests), (Some(4), &wanted));

    let role = named(whole, "roles", plan["role"]["name"].as_str().unwrap());
    assert_eq!(role["trust"], plan["role"]["fields"]["trust"]);
    let policies = json!({"agentcore-gateway": plan["role"]["fields"]["policy"]});
    assert_eq!(unordered(&role["policies"]), unordered(&policies));

    assert_eq!(plan["credential-provider"]["name"], PROVIDER);
    assert_eq!(whole["credential_providers"].as_array().unwrap().len(), 1);
    named(whole, "credential_providers", PROVIDER);
    let secret = named(whole, "secrets", &format!("bedrock-agentcore-identity!default/apikey/{PROVIDER}"));
    assert_eq!(secret["filled"], json!(["api_key_value"]));
}

/// The gateway and its targets are as the plan said.
fn judge_gateway(whole: &Value, plan: &BTreeMap<String, Value>) {
    let (gateway, wanted) = (named(whole, "gateways", "sre-gateway"), &plan["gateway"]["fields"]);
    assert_eq!(
        (&gateway["authorizerType"], &wanted["authorizer"]),
        (&json!("CUSTOM_JWT"), &json!("CUSTOM_JWT"))
    );
    for field in ["name", "description", "status"] {
        assert_eq!(gateway[field], wanted[field], "{gateway:#}");
    }
    assert_eq!(
        gateway["authorizerConfiguration"]["customJWTAuthorizer"],
        json!({
            "allowedClients": ["client:sre-e2e-proxy"],
            "allowedScopes": wanted["scopes"],
            "discoveryUrl":
                "https://cognito-idp.us-east-1.amazonaws.com/pool:sre-e2e-users/.well-known/openid-configuration",
        })
    );
    let role = plan["role"]["name"].as_str().unwrap();
    assert!(gateway["roleArn"].as_str().unwrap().ends_with(&format!("/{role}")), "{gateway:#}");
    assert_eq!((&gateway["exceptionLevel"], &wanted["explains_errors"]), (&json!("DEBUG"), &json!(true)));

    let targets = gateway["targets"].as_array().unwrap();
    assert_eq!(targets.len(), BACKENDS.len(), "{gateway:#}");
    for backend in BACKENDS {
        let wanted = &plan[&format!("target-{backend}")]["fields"];
        let target = named(gateway, "targets", &format!("{backend}-api"));
        assert_eq!((&target["status"], &target["description"]), (&json!("READY"), &wanted["description"]));
        assert_eq!(
            target["targetConfiguration"]["mcp"]["openApiSchema"]["s3"],
            json!({"uri": wanted["schema"], "bucketOwnerAccountId": "123456789012"})
        );
        let provider = &target["credentialProviderConfigurations"][0]["credentialProvider"];
        let provider = &provider["apiKeyCredentialProvider"];
        assert_eq!(provider["credentialParameterName"], wanted["header"]);
        assert!(provider["providerArn"].as_str().unwrap().ends_with(PROVIDER), "{target:#}");
        let endpoint = &target["privateEndpoint"]["managedVpcResource"];
        assert_eq!(endpoint["vpcIdentifier"], "vpc:default");
        assert_eq!(endpoint["securityGroupIds"], json!(["group:sre-e2e-proxy"]));
    }
}

/// The schemas lie elsewhere, and the targets, which are the same, read them there.
fn judge_moved(bench: &Workbench) {
    let (changes, moved) = (bench.changes(), bench.inventory());
    let count = |call: &str| changes.iter().filter(|change| *change == call).count();
    assert_eq!(count("bedrock-agentcore:UpdateGatewayTarget"), BACKENDS.len(), "{changes:#?}");
    assert_eq!(count("bedrock-agentcore:CreateGatewayTarget"), 0, "{changes:#?}");
    let keys = BACKENDS.map(|backend| format!("elsewhere/sre-e2e/{backend}_api.yaml"));
    assert_eq!(named(&moved, "buckets", BUCKET)["objects"], json!(keys));
    for target in named(&moved, "gateways", "sre-gateway")["targets"].as_array().unwrap() {
        let schema = &target["targetConfiguration"]["mcp"]["openApiSchema"]["s3"]["uri"];
        assert!(schema.as_str().unwrap().contains("/elsewhere/"), "{target:#}");
        assert_eq!(target["status"], "READY", "{target:#}");
    }
}

/// The files of the SRE agent, with both secrets of the account in one of them; answers the secrets.
fn judge_files(bench: &Workbench) -> [String; 2] {
    let agent = bench.path("SRE-agent");
    for folder in ["gateway", "sre_agent/config", "deployment", "backend/openapi_specs"] {
        fs::create_dir_all(agent.join(folder)).unwrap();
    }
    fs::write(agent.join("gateway/create_gateway.sh"), "#!/bin/bash\n").unwrap();
    let args = ["gateway", "files", "--dir", "SRE-agent", "--state-file", ".deployment_state"];
    let ended = bench.run(&args).expect(0);
    let secrets = bench.moto.python(SECRETS, &[PROVIDER]);
    let secrets = ["client", "key"].map(|what| secrets[what].as_str().unwrap().to_owned());
    let env = fs::read_to_string(agent.join("gateway/.env")).unwrap();
    for (name, secret) in ["COGNITO_CLIENT_SECRET", "BACKEND_API_KEY"].iter().zip(&secrets) {
        assert!(secret.len() > 20 && env.contains(&format!("{name}={secret}\n")), "{name}:\n{env}");
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "{name} is shown");
    }
    let uri = fs::read_to_string(agent.join("gateway/.gateway_uri")).unwrap();
    assert!(uri.starts_with("https://sre-gateway-") && !uri.trim().ends_with("/mcp"), "{uri}");
    assert_eq!(fs::read_dir(agent.join("backend/openapi_specs")).unwrap().count(), BACKENDS.len());
    let again = bench.run(&args).expect(0).stdout;
    assert!(again.contains("has everything already"), "{again}");
    secrets
}

/// What the account says is judged; what nobody serves here is not reached, and passes nowhere.
fn judge_check(bench: &Workbench) {
    fs::write(bench.path("token"), "t0ken.of.nobody").unwrap();
    let args = ["check", "gateway", "--format", "json", "--address", NOBODY, "--token-file", "token"];
    let report: Value = serde_json::from_str(&bench.run(&args).expect(5).stdout).unwrap();
    let (mut of_account, mut elsewhere) = (BTreeMap::new(), BTreeMap::new());
    for result in report["results"].as_array().unwrap() {
        let is_account = result["subject"]["kind"] == "account";
        let seen = if is_account { &mut of_account } else { &mut elsewhere };
        for finding in result["findings"].as_array().unwrap() {
            let code = finding["code"].as_str().unwrap();
            let severities: &mut Vec<&str> = seen.entry(code).or_default();
            severities.push(finding["severity"].as_str().unwrap());
        }
    }
    let of_each = |severity| vec![severity; BACKENDS.len()];
    // moto simulates no policies, and this is what is said of the role then.
    let wanted = [
        ("SRE-GW-010", vec!["ok"]),
        ("SRE-GW-011", vec!["ok"]),
        ("SRE-GW-012", of_each("ok")),
        ("SRE-GW-013", of_each("ok")),
        ("SRE-GW-014", vec!["unknown"]),
        ("SRE-GW-018", of_each("ok")),
    ];
    assert_eq!(of_account, wanted.into(), "{report:#}");
    let reached =
        |severities: &Vec<&str>| severities.iter().any(|one| !["error", "skipped", "unknown"].contains(one));
    assert!(!elsewhere.values().any(reached), "{report:#}");
    assert_eq!((&elsewhere["SRE-GW-001"], &elsewhere["SRE-GW-005"]), (&vec!["error"], &vec!["skipped"]));
    assert_eq!(
        (&elsewhere["SRE-GW-007"], &elsewhere["SRE-GW-008"]),
        (&of_each("skipped"), &of_each("error"))
    );
}

#[test]
fn a_gateway_is_made_as_planned_kept_used_and_taken_away() {
    let bench = bench();
    let before = bench.inventory();
    let plan = planned(&bench);
    let deployed = bench.deploy().expect(0);
    let whole = bench.inventory();
    judge_what_it_lives_on(&bench, &whole, &plan);
    judge_gateway(&whole, &plan);

    bench.proxy.plan(ProxyPlan::forward());
    bench.deploy().expect(0);
    assert_eq!(bench.changes(), Vec::<String>::new());
    assert_eq!(bench.inventory(), whole);

    bench.configure(&format!("{CONFIG}  s3_path_prefix: elsewhere\n"));
    bench.deploy().expect(0);
    judge_moved(&bench);
    bench.proxy.plan(ProxyPlan::forward());

    judge_check(&bench);
    let secrets = judge_files(&bench);
    assert_eq!(bench.changes(), Vec::<String>::new());
    let mut said = vec![deployed.stdout, deployed.stderr];
    for name in [".deployment_state", ".deployment_state.report.json", ".deployment_state.report.md"] {
        said.push(fs::read_to_string(bench.path(name)).unwrap());
    }
    assert!(secrets.iter().all(|secret| !said.iter().any(|text| text.contains(secret))));

    bench.cleanup().expect(0);
    assert_eq!(bench.inventory(), before, "with the state file");
    bench.deploy().expect(0);
    fs::remove_file(bench.path(".deployment_state")).unwrap();
    bench.cleanup().expect(0);
    assert_eq!(bench.inventory(), before, "by the deployment's id alone");
}

/// Every second changing call of what the gateway adds to a deployment, from `first` on, by turns before and after the
/// account has carried it out.
fn killed_and_resumed(first: usize) {
    let bench = bench();
    bench.configure(without_gateway());
    bench.deploy().expect(0);
    let before = bench.inventory();
    bench.configure(CONFIG);
    bench.proxy.plan(ProxyPlan::forward());
    bench.deploy().expect(0);
    let changes = bench.changes();
    assert!(changes.len() >= 19, "{changes:#?}");
    let whole = bench.inventory();
    for k in (first..=changes.len()).step_by(2) {
        bench.configure(without_gateway());
        bench.deploy().expect(0);
        bench.configure(CONFIG);
        let after = k / 2 % 2 == 0;
        kill_at(&bench, k, after);
        if k % 3 == 0 {
            // The state file is lost as well: names, paths, tags and descriptions have to do.
            fs::remove_file(bench.path(".deployment_state")).unwrap();
            bench.deploy().expect(0);
        } else {
            bench.resume().expect(0);
        }
        assert_eq!(bench.inventory(), whole, "change {k}, after: {after}");
    }
    bench.configure(without_gateway());
    bench.deploy().expect(0);
    assert_eq!(bench.inventory(), before);
}

#[test]
fn killed_at_odd_calls_of_the_gateway_it_is_resumed_without_a_second_copy() {
    killed_and_resumed(1);
}

#[test]
fn killed_at_even_calls_of_the_gateway_it_is_resumed_without_a_second_copy() {
    killed_and_resumed(2);
}

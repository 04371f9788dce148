//! AgentCore as no emulator serves it: credential providers, pages, private endpoints, its own errors. Another control
//! plane than the Region's is given here and answers from a script. What others made is read from moto.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use cloud::port::agentcore::{
    ApiKeyChange, GatewaySettings, MemoryChange, MemoryStrategy, NewCredentialProvider, NewGateway,
    NewRuntime, NewTarget, PrivateEndpoint, RuntimeChange, RuntimeSettings, TargetRef, TargetSettings,
};
use cloud::{Cloud, ErrorKind};
use cloud_aws::{ConnectOptions, connect};
use common::{block_on, on};
use model::Secret;
use model::tags::Tags;
use serde_json::{Value, json};
use test_support::{Moto, environment, rerun};

/// A request as it arrived: method, path, body.
struct Asked {
    start: String,
    body: Value,
}

/// What is answered: a status, the kind of an error, a body.
type Answer = (u16, &'static str, Value);

fn fine(body: Value) -> Answer {
    (200, "", body)
}

/// Answers so many requests and ends.
fn scripted(answers: impl IntoIterator<Item = Answer>) -> (String, JoinHandle<Vec<Asked>>) {
    let mut answers: VecDeque<Answer> = answers.into_iter().collect();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let serve = move || {
        let mut asked = Vec::new();
        while let Some(answer) = answers.pop_front() {
            asked.push(exchange(listener.accept().unwrap().0, &answer));
        }
        asked
    };
    (endpoint, std::thread::spawn(serve))
}

fn exchange(stream: TcpStream, (status, error, body): &Answer) -> Asked {
    let mut input = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        input.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let start = line().trim_end_matches(" HTTP/1.1").to_owned();
    let fields: Vec<String> = std::iter::from_fn(|| Some(line()).filter(|line| !line.is_empty())).collect();
    let length = fields.iter().find_map(|field| {
        let (name, value) = field.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    let mut bytes = vec![0; length.unwrap_or(0)];
    input.read_exact(&mut bytes).unwrap();
    let text = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nx-amzn-errortype: {error}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    let head = if error.is_empty() { head.replace("x-amzn-errortype: \r\n", "") } else { head };
    input.get_mut().write_all((head + &text).as_bytes()).unwrap();
    Asked { start, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}

/// Runs `body` against a control plane with that script; what it was asked is handed to `judge`.
fn with_script(
    test: &str,
    answers: impl IntoIterator<Item = Answer>,
    body: impl AsyncFnOnce(Cloud),
    judge: impl FnOnce(&[Asked]),
) {
    rerun(
        test,
        || (environment("http://127.0.0.1:9"), ()),
        || {
            let (endpoint, served) = scripted(answers);
            block_on(async {
                let options =
                    ConnectOptions { agentcore_endpoint: Some(endpoint), ..ConnectOptions::default() };
                body(connect(options).await.unwrap()).await;
            });
            judge(&served.join().unwrap());
        },
    );
}

const ARN: &str =
    "arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default/apikeycredentialprovider/one";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:bedrock-agentcore-identity!default/apikey/one-AbCdEf";

#[test]
fn a_credential_provider_is_made_read_rotated_and_deleted() {
    let provider = json!({
        "name": "one", "credentialProviderArn": ARN, "apiKeySecretArn": {"secretArn": SECRET},
        "createdTime": 1_767_225_600, "lastUpdatedTime": 1_767_225_600,
    });
    let tags = Tags::from([("team".to_owned(), "sre".to_owned())]);
    with_script(
        "a_credential_provider_is_made_read_rotated_and_deleted",
        [
            fine(provider.clone()),
            fine(provider.clone()),
            fine(json!({"tags": {"team": "sre"}})),
            fine(provider),
            fine(json!({})),
        ],
        async |cloud| {
            let agentcore = &cloud.agentcore;
            let new = NewCredentialProvider {
                name: "one".to_owned(),
                api_key: Secret::new("k".to_owned()),
                tags: tags.clone(),
            };
            let made = agentcore.create_credential_provider(new).await.unwrap();
            assert_eq!((made.arn.as_str(), made.secret_arn.as_str(), &made.tags), (ARN, SECRET, &tags));
            assert_eq!(agentcore.get_credential_provider("one".to_owned()).await.unwrap(), Some(made));
            let change = ApiKeyChange { name: "one".to_owned(), api_key: Secret::new("l".to_owned()) };
            agentcore.update_credential_provider(change).await.unwrap();
            agentcore.delete_credential_provider("one".to_owned()).await.unwrap();
        },
        |asked| {
            assert_eq!(asked[0].body, json!({"name": "one", "apiKey": "k", "tags": {"team": "sre"}}));
            assert!(
                asked[2].start.starts_with("GET /tags/arn%3Aaws%3Abedrock-agentcore"),
                "{}",
                asked[2].start
            );
            assert_eq!(asked[3].body, json!({"name": "one", "apiKey": "l"}));
        },
    );
}

#[test]
fn a_memory_is_told_its_days_and_only_the_strategies_that_it_lacks() {
    with_script(
        "a_memory_is_told_its_days_and_only_the_strategies_that_it_lacks",
        [fine(json!({})), fine(json!({}))],
        async |cloud| {
            for added in [BTreeSet::new(), BTreeSet::from([MemoryStrategy::Knowledge])] {
                let change = MemoryChange {
                    id: "sre_agent_memory-0123456789".to_owned(),
                    event_expiry_days: 30,
                    added,
                };
                cloud.agentcore.update_memory(change).await.unwrap();
            }
        },
        |asked| {
            for one in asked {
                assert_eq!(one.start, "PUT /memories/sre_agent_memory-0123456789/update");
                assert_eq!(one.body["eventExpiryDuration"], 30);
            }
            assert_eq!(asked[0].body.get("memoryStrategies"), None);
            let added = json!({"addMemoryStrategies": [{"semanticMemoryStrategy": {
                "name": "infrastructure_knowledge",
                "namespaceTemplates": ["/sre/infrastructure/{actorId}/{sessionId}"],
            }}]});
            assert_eq!(asked[1].body["memoryStrategies"], added);
        },
    );
}

#[test]
fn lists_are_read_to_their_last_page() {
    let gateway = |id: &str| {
        json!({"gatewayId": id, "name": id, "status": "READY", "createdAt": "2026-01-01T00:00:00Z",
               "updatedAt": "2026-01-01T00:00:00Z", "authorizerType": "CUSTOM_JWT", "protocolType": "MCP"})
    };
    let target = |id: &str| {
        json!({"targetId": id, "name": id, "status": "READY", "createdAt": "2026-01-01T00:00:00Z",
               "updatedAt": "2026-01-01T00:00:00Z"})
    };
    let provider = |name: &str| json!({"name": name, "credentialProviderArn": ARN, "createdTime": 1, "lastUpdatedTime": 1});
    with_script(
        "lists_are_read_to_their_last_page",
        [
            fine(json!({"items": [gateway("a")], "nextToken": "more"})),
            fine(json!({"items": [gateway("b")]})),
            fine(json!({"items": [target("c")], "nextToken": "more"})),
            fine(json!({"items": [target("d")]})),
            fine(json!({"credentialProviders": [provider("e")], "nextToken": "more"})),
            fine(json!({"credentialProviders": [provider("f")]})),
        ],
        async |cloud| {
            let gateways = cloud.agentcore.list_gateways(()).await.unwrap();
            assert_eq!(gateways.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
            let targets = cloud.agentcore.list_targets("a".to_owned()).await.unwrap();
            assert_eq!(targets.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["c", "d"]);
            assert_eq!(cloud.agentcore.list_credential_providers(()).await.unwrap(), ["e", "f"]);
        },
        |asked| assert!(asked[1].start.contains("nextToken=more"), "{}", asked[1].start),
    );
}

fn settings() -> GatewaySettings {
    GatewaySettings {
        role_arn: "arn:aws:iam::123456789012:role/one".to_owned(),
        discovery_url: "https://issuer.example.com/.well-known/openid-configuration".to_owned(),
        allowed_clients: BTreeSet::from(["client".to_owned()]),
        allowed_scopes: BTreeSet::new(),
        description: String::new(),
        explains_errors: true,
    }
}

#[test]
fn what_is_asked_for_is_written_as_the_service_reads_it() {
    let made = json!({
        "gatewayArn": "arn:aws:bedrock-agentcore:us-east-1:123456789012:gateway/one-0123456789",
        "gatewayId": "one-0123456789", "targetId": "0123456789", "name": "one", "status": "CREATING",
        "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z", "authorizerType": "CUSTOM_JWT",
        "protocolType": "MCP", "credentialProviderConfigurations": [],
        "targetConfiguration": {"mcp": {"openApiSchema": {"s3": {"uri": "s3://bucket/k8s_api.yaml"}}}},
    });
    let endpoint = PrivateEndpoint {
        vpc_id: "vpc-1".to_owned(),
        subnet_ids: BTreeSet::from(["subnet-1".to_owned(), "subnet-2".to_owned()]),
        security_group_ids: BTreeSet::from(["sg-1".to_owned()]),
        routing_domain: Some("public.example.com".to_owned()),
    };
    with_script(
        "what_is_asked_for_is_written_as_the_service_reads_it",
        [fine(made.clone()), fine(made)],
        async |cloud| {
            let new = NewGateway {
                name: "one".to_owned(),
                client_token: "t".repeat(33),
                settings: settings(),
                tags: Tags::new(),
            };
            assert_eq!(cloud.agentcore.create_gateway(new).await.unwrap(), "one-0123456789");
            let new = NewTarget {
                gateway_id: "one-0123456789".to_owned(),
                name: "k8s-api".to_owned(),
                client_token: "u".repeat(33),
                settings: TargetSettings {
                    description: "pods".to_owned(),
                    schema_uri: "s3://bucket/k8s_api.yaml".to_owned(),
                    schema_owner: "123456789012".to_owned(),
                    provider_arn: ARN.to_owned(),
                    header: "X-API-Key".to_owned(),
                    private_endpoint: Some(endpoint),
                },
            };
            assert_eq!(cloud.agentcore.create_target(new).await.unwrap(), "0123456789");
        },
        |asked| {
            assert_eq!(
                asked[0].body,
                json!({
                    "name": "one", "clientToken": "t".repeat(33), "roleArn": settings().role_arn,
                    "protocolType": "MCP", "protocolConfiguration": {"mcp": {"searchType": "SEMANTIC"}},
                    "authorizerType": "CUSTOM_JWT", "exceptionLevel": "DEBUG",
                    "authorizerConfiguration": {"customJWTAuthorizer": {
                        "discoveryUrl": settings().discovery_url, "allowedClients": ["client"]}},
                })
            );
            assert!(
                asked[1].start.starts_with("POST /gateways/one-0123456789/targets"),
                "{}",
                asked[1].start
            );
            assert_eq!(
                asked[1].body,
                json!({
                    "name": "k8s-api", "description": "pods", "clientToken": "u".repeat(33),
                    "targetConfiguration": {"mcp": {"openApiSchema": {"s3": {
                        "uri": "s3://bucket/k8s_api.yaml", "bucketOwnerAccountId": "123456789012"}}}},
                    "credentialProviderConfigurations": [{
                        "credentialProviderType": "API_KEY",
                        "credentialProvider": {"apiKeyCredentialProvider": {"providerArn": ARN,
                            "credentialParameterName": "X-API-Key", "credentialLocation": "HEADER"}}}],
                    "privateEndpoint": {"managedVpcResource": {"vpcIdentifier": "vpc-1",
                        "subnetIds": ["subnet-1", "subnet-2"], "endpointIpAddressType": "IPV4",
                        "securityGroupIds": ["sg-1"], "routingDomain": "public.example.com"}},
                })
            );
        },
    );
}

const RUNTIME: &str = "one-0123456789";
const RUNTIME_ARN: &str = "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/one-0123456789";

fn runtime_settings(artifact: &str) -> RuntimeSettings {
    RuntimeSettings {
        role_arn: "arn:aws:iam::123456789012:role/one".to_owned(),
        artifact: artifact.to_owned(),
        environment: BTreeMap::from([("TOKEN".to_owned(), Secret::new("s3cret".to_owned()))]),
        description: "words".to_owned(),
    }
}

#[test]
fn a_runtime_is_changed_as_a_whole_and_what_the_port_has_no_word_for_stays() {
    let code = |entry: &str| {
        json!({"codeConfiguration": {"code": {"s3": {"bucket": "b", "prefix": "a/b.zip"}},
            "runtime": "PYTHON_3_12", "entryPoint": [entry]}})
    };
    let times = json!({"createdAt": "2026-01-01T00:00:00Z", "lastUpdatedAt": "2026-01-01T00:00:00Z"});
    let with = |more: Value| {
        let mut all = json!({"agentRuntimeArn": RUNTIME_ARN, "agentRuntimeId": RUNTIME, "agentRuntimeVersion": "1",
            "status": "READY", "agentRuntimeName": "one", "roleArn": "arn:aws:iam::123456789012:role/one"});
        for more in [&times, &more] {
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        }
        all
    };
    let network = json!({"networkMode": "VPC", "networkModeConfig": {"securityGroups": ["sg-1"], "subnets": ["subnet-1"]}});
    let lifecycle = json!({"idleRuntimeSessionTimeout": 60, "maxLifetime": 3600});
    let authorizer = json!({"customJWTAuthorizer": {
        "discoveryUrl": "https://issuer.example.com/.well-known/openid-configuration", "allowedClients": ["c"]}});
    let there = with(json!({"networkConfiguration": network, "lifecycleConfiguration": lifecycle,
        "authorizerConfiguration": authorizer, "agentRuntimeArtifact": code("theirs.py"),
        "environmentVariables": {"TOKEN": "old", "OTHER": "gone"}, "failureReason": "none"}));
    with_script(
        "a_runtime_is_changed_as_a_whole_and_what_the_port_has_no_word_for_stays",
        [
            fine(with(json!({"status": "CREATING"}))),
            fine(there.clone()),
            fine(json!({"tags": {"team": "sre"}})),
            fine(there),
            fine(with(json!({"status": "UPDATING"}))),
            fine(json!({"agentRuntimes": [with(json!({"description": ""}))], "nextToken": "more"})),
            fine(json!({"agentRuntimes": []})),
        ],
        async |cloud| {
            let new = NewRuntime {
                name: "one".to_owned(),
                client_token: "t".repeat(33),
                settings: runtime_settings("s3://b/a/b.zip"),
                tags: Tags::from([("team".to_owned(), "sre".to_owned())]),
            };
            assert_eq!(cloud.agentcore.create_runtime(new).await.unwrap(), RUNTIME);
            let seen = cloud.agentcore.get_runtime(RUNTIME.to_owned()).await.unwrap().unwrap();
            assert_eq!((seen.arn.as_str(), seen.settings.artifact.as_str()), (RUNTIME_ARN, "s3://b/a/b.zip"));
            assert_eq!((seen.tags.len(), &seen.condition.reasons[..]), (1, &["none".to_owned()][..]));
            let change =
                RuntimeChange { id: RUNTIME.to_owned(), settings: runtime_settings("s3://b/a/b.zip") };
            cloud.agentcore.update_runtime(change).await.unwrap();
            let listed = cloud.agentcore.list_runtimes(()).await.unwrap();
            assert_eq!(listed.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["one"]);
        },
        |asked| {
            let environment = json!({"TOKEN": "s3cret"});
            assert!(asked[0].start.starts_with("PUT /runtimes"), "{}", asked[0].start);
            assert_eq!(
                asked[0].body,
                json!({"agentRuntimeName": "one", "clientToken": "t".repeat(33), "agentRuntimeArtifact": code("main.py"),
                    "roleArn": "arn:aws:iam::123456789012:role/one", "networkConfiguration": {"networkMode": "PUBLIC"},
                    "description": "words", "environmentVariables": environment, "tags": {"team": "sre"}})
            );
            assert!(asked[4].start.starts_with(&format!("PUT /runtimes/{RUNTIME}")), "{}", asked[4].start);
            let mut update = asked[4].body.clone();
            update.as_object_mut().unwrap().remove("clientToken");
            assert_eq!(
                update,
                json!({"agentRuntimeArtifact": code("theirs.py"), "roleArn": "arn:aws:iam::123456789012:role/one",
                    "networkConfiguration": network, "lifecycleConfiguration": lifecycle, "description": "words",
                    "authorizerConfiguration": authorizer, "environmentVariables": environment})
            );
        },
    );
}

#[test]
fn its_own_errors_keep_their_kinds() {
    let cases = [
        (402, "ServiceQuotaExceededException", "too many gateways", ErrorKind::Quota),
        (409, "ConflictException", "A gateway with name one already exists", ErrorKind::AlreadyExists),
        (409, "ConflictException", "Gateway one is not READY", ErrorKind::NotPropagated),
        (400, "ValidationException", "bad name", ErrorKind::Invalid),
        (403, "AccessDeniedException", "not authorized", ErrorKind::Denied),
        (401, "UnauthorizedException", "who are you", ErrorKind::Denied),
        (404, "ResourceNotFoundException", "no role", ErrorKind::NotFound),
        (429, "ThrottlingException", "slow down", ErrorKind::Throttled),
        (500, "InternalServerException", "oops", ErrorKind::ServerFault),
    ];
    with_script(
        "its_own_errors_keep_their_kinds",
        cases.map(|(status, code, message, _)| (status, code, json!({"message": message}))),
        async |cloud| {
            for (_, code, message, kind) in cases {
                let new = NewGateway {
                    name: "one".to_owned(),
                    client_token: "t".repeat(33),
                    settings: settings(),
                    tags: Tags::new(),
                };
                let error = cloud.agentcore.create_gateway(new).await.unwrap_err();
                assert_eq!((error.kind, error.code.as_deref()), (kind, Some(code)), "{error}");
                assert_eq!(
                    (error.message.as_str(), error.action().as_str()),
                    (message, "bedrock-agentcore:CreateGateway")
                );
            }
        },
        |asked| assert_eq!(asked.len(), cases.len(), "one attempt each"),
    );
}

/// A gateway and a target of somebody else, of other kinds than ours, and secrets.
const OTHERS: &str = r"
import boto3, json
agentcore = boto3.client('bedrock-agentcore-control')
gateway = agentcore.create_gateway(name='theirs', roleArn='arn:aws:iam::123456789012:role/x', protocolType='MCP',
    authorizerType='AWS_IAM')['gatewayId']
target = agentcore.create_gateway_target(gatewayIdentifier=gateway, name='lambda',
    targetConfiguration={'mcp': {'lambda': {'lambdaArn': 'arn:aws:lambda:us-east-1:123456789012:function:x',
        'toolSchema': {'inlinePayload': []}}}},
    credentialProviderConfigurations=[{'credentialProviderType': 'GATEWAY_IAM_ROLE'}])['targetId']
secrets = boto3.client('secretsmanager')
make = lambda name, **value: secrets.create_secret(Name=name, **value)['ARN']
here, binary, gone = make('a', SecretString='words'), make('b', SecretBinary=b'bytes'), make('c', SecretString='x')
secrets.delete_secret(SecretId=gone)
print(json.dumps(dict(gateway=gateway, target=target, here=here, binary=binary, gone=gone)))
";

#[expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the test that made the account hands its ids to the one that reads it"
)]
fn made() -> Value {
    serde_json::from_str(&std::env::var("MADE").unwrap()).unwrap()
}

#[test]
fn what_others_made_is_read_as_it_is() {
    let parts = || {
        let moto = Moto::start();
        let made = moto.python(OTHERS, &[]);
        let mut variables = moto.environment();
        variables.push(("MADE".to_owned(), made.to_string()));
        (variables, moto)
    };
    on("what_others_made_is_read_as_it_is", parts, async |cloud| {
        let made = made();
        let id = |what: &str| made[what].as_str().unwrap().to_owned();
        let gateway = cloud.agentcore.get_gateway(id("gateway")).await.unwrap().unwrap();
        assert_eq!((gateway.authorizer.as_str(), gateway.tags), ("AWS_IAM", Tags::new()));
        assert_eq!(gateway.settings.discovery_url, "");
        assert!(!gateway.settings.explains_errors && gateway.settings.allowed_clients.is_empty());
        let wanted = TargetRef { gateway_id: id("gateway"), id: id("target") };
        let target = cloud.agentcore.get_target(wanted).await.unwrap().unwrap();
        assert_eq!((target.name.as_str(), target.settings), ("lambda", None));

        let secret = cloud.secrets.get_secret_value(id("here")).await.unwrap().unwrap();
        assert_eq!(secret.expose(), "words");
        assert_eq!(cloud.secrets.get_secret_value(id("gone")).await.unwrap(), None);
        let error = cloud.secrets.get_secret_value(id("binary")).await.unwrap_err();
        assert!(error.message.contains("SecretString"), "{error}");
    });
}

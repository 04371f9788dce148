//! Tokens that somebody else has made: an emulated Cognito, over HTTP.

use http::{Request, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use test_support::Ministack;

use super::*;

struct Account {
    endpoint: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Account {
    async fn send(&self, request: Request<Full<Bytes>>) -> Bytes {
        let answer = self.client.request(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(status.is_success(), "{status} {body:?}");
        body
    }

    async fn call(&self, operation: &str, body: &Value) -> Value {
        let request = Request::post(&self.endpoint)
            .header(CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", format!("AWSCognitoIdentityProviderService.{operation}"))
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/cognito-idp/aws4_request, SignedHeaders=host, Signature=0",
            )
            .body(Full::from(body.to_string()))
            .unwrap();
        serde_json::from_slice(&self.send(request).await).unwrap()
    }

    async fn machine_token(&self, client: &Value, scope: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={scope}",
            client["ClientId"].as_str().unwrap(),
            utf8_percent_encode(client["ClientSecret"].as_str().unwrap(), NON_ALPHANUMERIC),
        );
        let request = Request::post(format!("{}/oauth2/token", self.endpoint))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(form))
            .unwrap();
        let answer: Value = serde_json::from_slice(&self.send(request).await).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }
}

#[async_trait]
impl FetchDocument for Account {
    async fn fetch(&self, url: &str) -> Result<Bytes, FetchError> {
        Ok(self.send(Request::get(url).body(Full::default()).unwrap()).await)
    }
}

#[expect(clippy::disallowed_methods, reason = "the account has a clock of its own")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[tokio::test]
async fn a_machine_token_of_cognito_is_accepted_for_its_scope_and_client() {
    let ministack = Ministack::start();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let account = Arc::new(Account { endpoint: ministack.endpoint(), client });
    let pool = account.call("CreateUserPool", &json!({"PoolName": "users"})).await;
    let pool = pool["UserPool"]["Id"].as_str().unwrap();
    let scopes: Vec<Value> =
        ["read", "write"].map(|name| json!({"ScopeName": name, "ScopeDescription": name})).to_vec();
    let server = json!({"UserPoolId": pool, "Identifier": "sre-agent-api", "Name": "api", "Scopes": scopes});
    account.call("CreateResourceServer", &server).await;
    let client = json!({
        "UserPoolId": pool, "ClientName": "machine", "GenerateSecret": true,
        "AllowedOAuthFlows": ["client_credentials"], "AllowedOAuthFlowsUserPoolClient": true,
        "AllowedOAuthScopes": ["sre-agent-api/read", "sre-agent-api/write"],
    });
    let client = account.call("CreateUserPoolClient", &client).await["UserPoolClient"].clone();
    let id = client["ClientId"].as_str().unwrap();

    let policy = |client_id: &str| Issuer {
        issuer: format!("https://cognito-idp.us-east-1.amazonaws.com/{pool}"),
        jwks_uri: Some(format!("{}/{pool}/.well-known/jwks.json", account.endpoint)),
        client_ids: vec![client_id.to_owned()],
        ..policy()
    };
    let door = Authenticator::new(&auth(vec![policy(id)]), Arc::clone(&account) as Arc<dyn FetchDocument>);
    door.ready(now()).await.unwrap();
    let token = account.machine_token(&client, "sre-agent-api/read").await;
    let caller = ask(&door, &token, now()).await.unwrap();
    assert_eq!((&*caller.id, caller.client_id.as_deref()), (format!("sub:{id}").as_str(), Some(id)));
    let token = account.machine_token(&client, "sre-agent-api/write").await;
    assert_eq!(reason(&door, &token, now()).await, "insufficient_scope");
    let other = door.renewed(&auth(vec![policy("another-client")]));
    assert_eq!(reason(&other, &token, now()).await, "wrong_client");
}

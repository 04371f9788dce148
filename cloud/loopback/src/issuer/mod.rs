//! A Cognito user pool as far as its clients see it: discovery, published keys, and the token endpoint.

mod keys;
mod request;
pub(crate) mod token;
mod verify;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use self::keys::Key;
use self::request::TokenRequest;
use self::token::Forgery;
use crate::server::{Body, Cut, ResetSwitch, Server, Site, StartError, full};

/// The pool, unless another one is named.
const POOL: &str = "us-east-1_example00";
const LARGEST_BODY_BYTES: usize = 64 * 1024;
/// A key that no issuer publishes.
const STRANGER: usize = usize::MAX;

/// What tokens are signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, as Cognito does.
    #[default]
    Rs256,
    /// ECDSA with P-256 and SHA-256.
    Es256,
}

/// An app client of the pool.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// `client_id`
    pub id: String,
    /// `client_secret`
    pub secret: String,
    /// What it may ask for, `RESOURCE_SERVER/SCOPE` each.
    pub scopes: Vec<String>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id).field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

/// How an issuer is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerOptions {
    /// The port on 127.0.0.1; 0 is any free one.
    pub port: u16,
    /// The id of the pool, which is the path of its address.
    pub pool: String,
    /// What the issuer calls itself: `iss` of its tokens. None is where it is; a name that leads elsewhere is for
    /// clients that are told where to reach it.
    pub name: Option<String>,
    /// What tokens are signed with.
    pub algorithm: Algorithm,
    /// The app clients.
    pub clients: Vec<Client>,
    /// How long access tokens are good for.
    pub lifetime: Duration,
}

impl Default for IssuerOptions {
    fn default() -> Self {
        Self {
            port: 0,
            pool: POOL.to_owned(),
            name: None,
            algorithm: Algorithm::default(),
            clients: vec![Client {
                id: "1example23456789".to_owned(),
                secret: "not-a-secret".to_owned(),
                scopes: ["read", "write"].map(|scope| format!("sre-agent-api/{scope}")).to_vec(),
            }],
            lifetime: Duration::from_hours(1),
        }
    }
}

/// A running issuer. It ends when this value does.
#[derive(Debug)]
pub struct Issuer {
    server: Server,
    state: Arc<State>,
}

impl Issuer {
    /// Starts one. The first of a process makes its keys, which takes a moment for RSA.
    pub fn start(options: IssuerOptions) -> Result<Self, StartError> {
        let keys = Keys {
            signing: Key::numbered(options.algorithm, 0)?,
            other: Key::numbered(options.algorithm, 1)?,
            made: 2,
        };
        let port = options.port;
        let mut state = State {
            options,
            base: String::new(),
            keys: Mutex::new(keys),
            jwks_fetches: AtomicU64::new(0),
            tokens_issued: AtomicU64::new(0),
            failing: AtomicBool::new(false),
        };
        let mut shared = None;
        let server = Server::start("issuer", port, |address: SocketAddr| {
            state.base = format!("http://{address}");
            let state = Arc::new(state);
            shared = Some(Arc::clone(&state));
            state
        })?;
        shared.map(|state| Self { server, state }).ok_or(StartError::Keys)
    }

    /// Makes the keys that the first issuer of a process needs, which takes a moment for RSA.
    pub fn warm(algorithm: Algorithm) {
        for number in 0..2 {
            // Who needs them meets the same failure, and says it.
            let _ = Key::numbered(algorithm, number);
        }
    }

    /// What the issuer calls itself, which is `iss` of its tokens: where it is, unless it was given a name.
    pub fn url(&self) -> String {
        self.state.issuer()
    }

    /// Where it is reached, whatever it calls itself.
    pub fn place(&self) -> String {
        self.state.place()
    }

    /// Where its keys are published.
    pub fn jwks_uri(&self) -> String {
        format!("{}/.well-known/jwks.json", self.place())
    }

    /// Where clients get tokens.
    pub fn token_endpoint(&self) -> String {
        format!("http://{}/oauth2/token", self.server.address())
    }

    /// What resources behind it need to know a token by.
    pub(crate) fn shared(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }

    /// The app clients.
    pub fn clients(&self) -> &[Client] {
        &self.state.options.clients
    }

    /// Signs with a new key from now on. The one before stays published, the one before that does not.
    pub fn rotate(&self) -> Result<(), StartError> {
        let mut keys = lock(&self.state.keys);
        let new = Key::numbered(self.state.options.algorithm, keys.made)?;
        keys.made = keys.made.saturating_add(1);
        keys.other = std::mem::replace(&mut keys.signing, new);
        Ok(())
    }

    /// How often the keys were fetched.
    pub fn jwks_fetches(&self) -> u64 {
        self.state.jwks_fetches.load(Ordering::Relaxed)
    }

    /// Whether everything but [`Issuer::mint`] fails with a 500 from now on.
    pub fn fail(&self, failing: bool) {
        self.state.failing.store(failing, Ordering::Relaxed);
    }

    /// The claims of an access token that the first client would get now with all its scopes.
    pub fn claims(&self) -> Value {
        let (id, scopes) = self
            .clients()
            .first()
            .map_or(("nobody", Vec::new()), |client| (client.id.as_str(), client.scopes.clone()));
        self.state.claims(id, &scopes)
    }

    /// A token with exactly these claims, signed as the issuer's tokens are.
    pub fn mint(&self, claims: &Value) -> String {
        token::signed(&lock(&self.state.keys).signing, claims)
    }

    /// A token with these claims that no verifier may accept.
    pub fn forge(&self, how: Forgery, claims: &Value) -> Result<String, StartError> {
        let stranger = Key::numbered(self.state.options.algorithm, STRANGER)?;
        Ok(token::forged(how, &lock(&self.state.keys).signing, &stranger, claims))
    }
}

pub(crate) struct State {
    options: IssuerOptions,
    /// `http://ADDRESS`
    base: String,
    keys: Mutex<Keys>,
    jwks_fetches: AtomicU64,
    tokens_issued: AtomicU64,
    failing: AtomicBool,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("options", &self.options)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// The two keys that are published, as Cognito publishes two.
struct Keys {
    signing: Arc<Key>,
    other: Arc<Key>,
    made: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "a verifier compares the times in a token with its own clock")]
fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl State {
    pub(crate) fn issuer(&self) -> String {
        self.options.name.clone().unwrap_or_else(|| self.place())
    }

    fn place(&self) -> String {
        format!("{}/{}", self.base, self.options.pool)
    }

    /// Claims as Cognito puts them into an access token for client credentials: no `aud`.
    fn claims(&self, client_id: &str, scopes: &[String]) -> Value {
        let now = now_unix_s();
        let number = self.tokens_issued.fetch_add(1, Ordering::Relaxed);
        json!({
            "sub": client_id,
            "token_use": "access",
            "scope": scopes.join(" "),
            "auth_time": now,
            "iss": self.issuer(),
            "exp": now.saturating_add(self.options.lifetime.as_secs()),
            "iat": now,
            "version": 2,
            "jti": format!("00000000-0000-4000-8000-{number:012x}"),
            "client_id": client_id,
        })
    }

    fn discovery(&self) -> Value {
        let issuer = self.issuer();
        let algorithm = lock(&self.keys).signing.algorithm();
        json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
            "token_endpoint": format!("{}/oauth2/token", self.base),
            "id_token_signing_alg_values_supported": [algorithm],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "response_types_supported": ["code", "token"],
            "subject_types_supported": ["public"],
        })
    }

    fn published(&self) -> Value {
        self.jwks_fetches.fetch_add(1, Ordering::Relaxed);
        let keys = lock(&self.keys);
        json!({"keys": [keys.other.jwk(), keys.signing.jwk()]})
    }

    /// Answers a request for a token, or says the error of RFC 6749, 5.2.
    fn token(&self, authorization: Option<&HeaderValue>, body: &[u8]) -> Result<Value, &'static str> {
        let request = TokenRequest::read(authorization, body)?;
        let client = self
            .options
            .clients
            .iter()
            .find(|client| client.id == request.client_id && client.secret == request.client_secret)
            .ok_or("invalid_client")?;
        if request.grant_type != "client_credentials" {
            return Err("unsupported_grant_type");
        }
        let scopes = if request.scopes.is_empty() { client.scopes.clone() } else { request.scopes };
        if scopes.iter().any(|scope| !client.scopes.contains(scope)) {
            return Err("invalid_scope");
        }
        let claims = self.claims(&client.id, &scopes);
        let token = token::signed(&lock(&self.keys).signing, &claims);
        Ok(
            json!({"access_token": token, "expires_in": self.options.lifetime.as_secs(), "token_type": "Bearer"}),
        )
    }
}

impl Site for State {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        _: ResetSwitch,
    ) -> Result<Response<Body>, Cut> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let known =
            path.strip_prefix('/').and_then(|path| path.strip_prefix(&self.options.pool)).unwrap_or(path);
        if self.failing.load(Ordering::Relaxed) {
            if known == "/.well-known/jwks.json" {
                self.jwks_fetches.fetch_add(1, Ordering::Relaxed);
            }
            return Ok(respond(StatusCode::INTERNAL_SERVER_ERROR, &json!({"message": "as ordered"})));
        }
        let answer = match (head.method.as_str(), known) {
            ("GET", "/.well-known/openid-configuration") => Ok(self.discovery()),
            ("GET", "/.well-known/jwks.json") => Ok(self.published()),
            ("POST", "/oauth2/token") => match Limited::new(body, LARGEST_BODY_BYTES).collect().await {
                Ok(body) => self.token(head.headers.get(header::AUTHORIZATION), &body.to_bytes()),
                Err(_) => Err("invalid_request"),
            },
            _ => return Ok(respond(StatusCode::NOT_FOUND, &json!({"message": "no such page"}))),
        };
        Ok(match answer {
            Ok(body) => respond(StatusCode::OK, &body),
            Err(error) => respond(StatusCode::BAD_REQUEST, &json!({"error": error})),
        })
    }
}

fn respond(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(full(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The fields of a form, `application/x-www-form-urlencoded`.
type Form = BTreeMap<String, String>;

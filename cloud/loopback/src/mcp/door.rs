//! Who may come in: `CUSTOM_JWT` of the gateway, and where it says that tokens are to be had (RFC 9728).

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{GatewayFault, JSON, METADATA, PATH, State, respond};
use crate::server::Body;

impl State {
    /// Lets in, or answers instead.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), Response<Body>> {
        if self.has(GatewayFault::OpenDoor) {
            return Ok(());
        }
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let (message, error) = match token {
            None => ("Missing Bearer token", ""),
            Some(token) if self.takes(token) => return Ok(()),
            Some(_) => ("Invalid Bearer token", ", error=\"invalid_token\""),
        };
        let body = json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32001, "message": message}});
        let mut refusal = respond(StatusCode::UNAUTHORIZED, JSON, body.to_string());
        let challenge = format!("Bearer resource_metadata=\"{}{METADATA}\"{error}", self.base(headers));
        if let Ok(challenge) = HeaderValue::from_str(&challenge)
            && !self.has(GatewayFault::NoChallenge)
        {
            refusal.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        Err(refusal)
    }

    /// Whether a token is the issuer's, of an allowed client, with an allowed scope.
    fn takes(&self, token: &str) -> bool {
        let Some(claims) = self.issuer.verified(token) else { return false };
        let claim = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let options = &self.options;
        let is_of_client =
            options.allowed_clients.is_empty() || options.allowed_clients.contains(claim("client_id"));
        let has_scope = options.allowed_scopes.is_empty()
            || claim("scope").split(' ').any(|scope| options.allowed_scopes.contains(scope));
        is_of_client && has_scope
    }

    pub(super) fn metadata(&self, headers: &HeaderMap) -> Response<Body> {
        let issuer = if self.has(GatewayFault::ForeignIssuer) {
            "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_other0000".to_owned()
        } else {
            self.issuer.issuer()
        };
        let metadata = json!({
            "resource": format!("{}{PATH}", self.base(headers)),
            "authorization_servers": [issuer],
        });
        respond(StatusCode::OK, JSON, metadata.to_string())
    }
}

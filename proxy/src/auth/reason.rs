//! Why a credential is refused: one closed list, with what each reason means to the client.

use http::StatusCode;
use model::security::Kind;

use crate::{ApiError, ErrorType};

/// Why a credential is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reason {
    /// No `Authorization` header.
    Missing,
    /// A header that is not `Bearer` and one credential.
    BadHeader,
    /// Longer than any token may be.
    TooLarge,
    /// Neither a known API key nor of the form of a token.
    UnknownKey,
    /// Three parts, but not a JWT: base64, JSON, types or a member that is there twice.
    Malformed,
    /// `alg` is neither RS256 nor ES256, or not the one of the key.
    BadAlgorithm,
    /// The header has `crit`.
    Critical,
    /// `typ` of something that is no access token.
    WrongType,
    /// No `kid`.
    MissingKid,
    /// The issuer has no such key.
    UnknownKid,
    /// `iss` is none of the configured issuers.
    WrongIssuer,
    /// The signature does not fit.
    BadSignature,
    /// `exp` has passed.
    Expired,
    /// No `exp`.
    MissingExpiry,
    /// `nbf` or `iat` is still to come.
    NotYetValid,
    /// No usable `sub`.
    MissingSubject,
    /// An id token, or `token_use` is not the configured one.
    WrongTokenUse,
    /// `client_id` or `azp` is not allowed.
    WrongClient,
    /// `aud` is not allowed.
    WrongAudience,
    /// A required scope is missing.
    InsufficientScope,
    /// The keys of the issuer cannot be fetched.
    IssuerUnavailable,
}

impl Reason {
    /// All of them, in the order of the filter that is shipped for fail2ban.
    #[cfg(test)]
    pub(super) const ALL: [Self; 21] = [
        Self::Missing,
        Self::BadHeader,
        Self::TooLarge,
        Self::UnknownKey,
        Self::Malformed,
        Self::BadAlgorithm,
        Self::Critical,
        Self::WrongType,
        Self::MissingKid,
        Self::UnknownKid,
        Self::WrongIssuer,
        Self::BadSignature,
        Self::Expired,
        Self::MissingExpiry,
        Self::NotYetValid,
        Self::MissingSubject,
        Self::WrongTokenUse,
        Self::WrongClient,
        Self::WrongAudience,
        Self::InsufficientScope,
        Self::IssuerUnavailable,
    ];

    /// The word in the security log.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing_credential",
            Self::BadHeader => "bad_header",
            Self::TooLarge => "too_large",
            Self::UnknownKey => "unknown_key",
            Self::Malformed => "malformed",
            Self::BadAlgorithm => "bad_algorithm",
            Self::Critical => "critical_header",
            Self::WrongType => "wrong_type",
            Self::MissingKid => "missing_kid",
            Self::UnknownKid => "unknown_kid",
            Self::WrongIssuer => "wrong_issuer",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::MissingExpiry => "missing_exp",
            Self::NotYetValid => "not_yet_valid",
            Self::MissingSubject => "missing_sub",
            Self::WrongTokenUse => "wrong_token_use",
            Self::WrongClient => "wrong_client",
            Self::WrongAudience => "wrong_audience",
            Self::InsufficientScope => "insufficient_scope",
            Self::IssuerUnavailable => "issuer_unavailable",
        }
    }

    /// The event that it is.
    pub(super) fn event(self) -> Kind {
        match self {
            Self::InsufficientScope => Kind::AuthzFail,
            _ => Kind::AuthnLoginFail,
        }
    }

    /// What the client hears: enough for whoever holds an honest token that is out of date or for elsewhere; nothing
    /// that helps to make one up.
    pub(super) fn error(self) -> ApiError {
        let message = match self {
            Self::Missing => {
                "You did not provide an API key or access token. Send it as `Authorization: Bearer TOKEN`."
            }
            Self::BadHeader => "The Authorization header is not of the form `Bearer TOKEN`.",
            Self::Expired => "The access token has expired.",
            Self::NotYetValid => "The access token is not valid yet.",
            Self::WrongTokenUse | Self::WrongType => {
                "This is not an access token. Id tokens are not accepted."
            }
            Self::WrongIssuer => "The issuer of the access token is not trusted here.",
            Self::WrongClient => "The client of the access token is not allowed here.",
            Self::WrongAudience => "The access token is for another audience.",
            Self::InsufficientScope => "The access token lacks a scope that is required here.",
            Self::IssuerUnavailable => {
                "The access token cannot be verified at the moment, because its issuer cannot be reached."
            }
            Self::TooLarge
            | Self::UnknownKey
            | Self::Malformed
            | Self::BadAlgorithm
            | Self::Critical
            | Self::MissingKid
            | Self::UnknownKid
            | Self::BadSignature
            | Self::MissingExpiry
            | Self::MissingSubject => "The API key or access token is invalid.",
        };
        match self {
            Self::InsufficientScope => ApiError::new(StatusCode::FORBIDDEN, ErrorType::Permission, message)
                .code("insufficient_scope"),
            Self::IssuerUnavailable => {
                ApiError::server(StatusCode::SERVICE_UNAVAILABLE, "issuer_unavailable", message)
            }
            _ => ApiError::new(StatusCode::UNAUTHORIZED, ErrorType::InvalidRequest, message)
                .code("invalid_api_key"),
        }
    }
}

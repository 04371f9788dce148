//! Why an upstream has no answer, where it did not say so itself.

use http::StatusCode;

use super::{Refusal, client::SendError};
use crate::{
    ApiError,
    chain::chain,
    mapping::rescue::{self, TransportFailure},
};

/// The code that `rescue` gives to such an answer.
pub(super) const AUTH_ERROR: &str = "upstream_auth_error";

/// No answer over the network.
pub(super) fn unreachable(error: SendError) -> Refusal {
    let log = chain(&error);
    rescue::from_transport(match error {
        SendError::Connect(cause) if is_about_tls(cause.as_ref()) => TransportFailure::Tls(log),
        SendError::Connect(_) => TransportFailure::Connect(log),
        SendError::Broken(_) => TransportFailure::Reset(log),
    })
}

/// Whether TLS is among the causes; it hides in IO errors.
fn is_about_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>()
        || inner.is_some_and(|inner| is_about_tls(inner))
        || error.source().is_some_and(is_about_tls)
}

/// Our own credentials are missing or refused. Nothing that the same target would answer better in a moment.
pub(super) fn unauthorized(log: impl Into<String>) -> Refusal {
    let message = "The upstream does not accept the proxy's own credentials.";
    let error = ApiError::server(StatusCode::BAD_GATEWAY, AUTH_ERROR, message).log(log);
    Refusal { error, retryable: true, unwell: false }
}

//! Which paths there are, and what may be done with them.

use http::Method;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint<'a> {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `GET /v1/models`
    Models,
    /// `GET /v1/models/{id}`; the id as it stands in the path, still percent-encoded.
    Model(&'a str),
    /// `GET /health/live`
    Live,
    /// `GET /health/ready`
    Ready,
}

/// What becomes of a method and a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Routed<'a> {
    /// Somebody answers it.
    To(Endpoint<'a>),
    /// The path exists, the method does not; what `allow` says.
    MethodNotAllowed(&'static str),
    /// No such path.
    NotFound,
}

impl Endpoint<'_> {
    /// The name in metrics and logs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat.completions",
            Self::Embeddings => "embeddings",
            Self::Models | Self::Model(_) => "models",
            Self::Live | Self::Ready => "health",
        }
    }

    /// Whether it answers anybody. Everything else needs a caller.
    #[cfg(test)]
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Live | Self::Ready)
    }

    /// What `allow` says: `HEAD` and `OPTIONS` are answered wherever something else is.
    pub(super) fn methods(self) -> &'static str {
        match self {
            Self::Chat | Self::Embeddings => "POST, OPTIONS",
            Self::Models | Self::Model(_) | Self::Live | Self::Ready => "GET, HEAD, OPTIONS",
        }
    }
}

/// The endpoint of a path. `/api/v1` is what users of the archived sample gateway have in their configurations.
pub(super) fn endpoint(path: &str) -> Option<Endpoint<'_>> {
    match path {
        "/health/live" => return Some(Endpoint::Live),
        "/health/ready" => return Some(Endpoint::Ready),
        _ => {}
    }
    let rest = path.strip_prefix("/v1/").or_else(|| path.strip_prefix("/api/v1/"))?;
    match rest {
        "chat/completions" => Some(Endpoint::Chat),
        "embeddings" => Some(Endpoint::Embeddings),
        "models" => Some(Endpoint::Models),
        // Ids of inference profiles may hold slashes.
        _ => rest.strip_prefix("models/").filter(|id| !id.is_empty()).map(Endpoint::Model),
    }
}

/// Where a request goes. `OPTIONS` is not for here: it is answered before.
pub(super) fn route<'a>(method: &Method, path: &'a str) -> Routed<'a> {
    let Some(endpoint) = endpoint(path) else { return Routed::NotFound };
    let posted = matches!(endpoint, Endpoint::Chat | Endpoint::Embeddings);
    let allowed =
        if posted { method == Method::POST } else { method == Method::GET || method == Method::HEAD };
    if allowed { Routed::To(endpoint) } else { Routed::MethodNotAllowed(endpoint.methods()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_their_endpoints_under_both_prefixes() {
        for prefix in ["/v1", "/api/v1"] {
            for (path, method, expected) in [
                ("/chat/completions", Method::POST, Routed::To(Endpoint::Chat)),
                ("/embeddings", Method::POST, Routed::To(Endpoint::Embeddings)),
                ("/models", Method::GET, Routed::To(Endpoint::Models)),
                ("/models/gpt-4o", Method::GET, Routed::To(Endpoint::Model("gpt-4o"))),
                ("/models/a/b", Method::HEAD, Routed::To(Endpoint::Model("a/b"))),
                ("/models/", Method::GET, Routed::NotFound),
                ("/chat/completions", Method::GET, Routed::MethodNotAllowed("POST, OPTIONS")),
                ("/models", Method::DELETE, Routed::MethodNotAllowed("GET, HEAD, OPTIONS")),
                ("/chat/completions/", Method::POST, Routed::NotFound),
                ("/completions", Method::POST, Routed::NotFound),
                ("", Method::GET, Routed::NotFound),
            ] {
                let path = format!("{prefix}{path}");
                assert_eq!(route(&method, &path), expected, "{method} {path}");
            }
        }
        assert_eq!(route(&Method::GET, "/health/live"), Routed::To(Endpoint::Live));
        assert_eq!(route(&Method::GET, "/health/ready"), Routed::To(Endpoint::Ready));
        for path in ["/", "/health", "/v1", "/v2/models", "/api/v1", "//v1/models", "/v1/../v1/models"] {
            assert_eq!(route(&Method::GET, path), Routed::NotFound, "{path}");
        }
    }

    #[test]
    fn only_health_is_open() {
        for (endpoint, open) in [
            (Endpoint::Live, true),
            (Endpoint::Ready, true),
            (Endpoint::Chat, false),
            (Endpoint::Embeddings, false),
            (Endpoint::Models, false),
            (Endpoint::Model("x"), false),
        ] {
            assert_eq!(endpoint.is_open(), open, "{endpoint:?}");
        }
    }
}

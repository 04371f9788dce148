//! Which paths there are, who may ask for them, and what may be done with them.

use http::Method;

/// What a caller may ask for.
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
}

/// What becomes of a method and a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Routed<'a> {
    /// `GET /health/live`
    Live,
    /// `GET /health/ready`
    Ready,
    /// A caller is answered.
    To(Endpoint<'a>),
    /// The path exists, the method does not; what `allow` says.
    MethodNotAllowed(&'static str),
    /// No such path.
    NotFound,
}

const POSTED: &str = "POST, OPTIONS";
const READ: &str = "GET, HEAD, OPTIONS";

/// The prefixes of the API. `/api/v1` is what users of the archived sample gateway have in their configurations.
const PREFIXES: [&str; 2] = ["/v1/", "/api/v1/"];

impl Routed<'_> {
    /// The name in metrics and logs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::To(Endpoint::Chat) => "chat.completions",
            Self::To(Endpoint::Embeddings) => "embeddings",
            Self::To(Endpoint::Models | Endpoint::Model(_)) => "models",
            Self::Live | Self::Ready => "health",
            Self::MethodNotAllowed(_) | Self::NotFound => "other",
        }
    }
}

/// Whether only callers hear anything about this path, even that it does not exist.
pub(super) fn needs_caller(path: &str) -> bool {
    PREFIXES.iter().any(|prefix| path.starts_with(prefix))
}

fn endpoint(path: &str) -> Option<Endpoint<'_>> {
    let rest = PREFIXES.iter().find_map(|prefix| path.strip_prefix(prefix))?;
    match rest {
        "chat/completions" => Some(Endpoint::Chat),
        "embeddings" => Some(Endpoint::Embeddings),
        "models" => Some(Endpoint::Models),
        // Ids of inference profiles may hold slashes.
        _ => rest.strip_prefix("models/").filter(|id| !id.is_empty()).map(Endpoint::Model),
    }
}

/// What a path allows, which is what `OPTIONS` asks for.
pub(super) fn methods(path: &str) -> Option<&'static str> {
    match endpoint(path) {
        Some(Endpoint::Chat | Endpoint::Embeddings) => Some(POSTED),
        Some(Endpoint::Models | Endpoint::Model(_)) => Some(READ),
        None => matches!(path, "/health/live" | "/health/ready").then_some(READ),
    }
}

/// Where a request goes. `OPTIONS` is not for here: it is answered before.
pub(super) fn route<'a>(method: &Method, path: &'a str) -> Routed<'a> {
    let Some(methods) = methods(path) else { return Routed::NotFound };
    let is_read = method == Method::GET || method == Method::HEAD;
    let is_allowed = if methods == POSTED { method == Method::POST } else { is_read };
    match (endpoint(path), path) {
        _ if !is_allowed => Routed::MethodNotAllowed(methods),
        (Some(endpoint), _) => Routed::To(endpoint),
        (None, "/health/live") => Routed::Live,
        (None, _) => Routed::Ready,
    }
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
            ] {
                let path = format!("{prefix}{path}");
                assert_eq!(route(&method, &path), expected, "{method} {path}");
                assert!(needs_caller(&path), "{path}");
            }
        }
    }

    #[test]
    fn only_health_answers_everybody() {
        assert_eq!(route(&Method::GET, "/health/live"), Routed::Live);
        assert_eq!(route(&Method::HEAD, "/health/ready"), Routed::Ready);
        assert_eq!(route(&Method::POST, "/health/ready"), Routed::MethodNotAllowed("GET, HEAD, OPTIONS"));
        for path in
            ["/", "", "/health", "/v1", "/v2/models", "/api/v1", "//v1/models", "/health/../v1/models"]
        {
            assert_eq!(route(&Method::GET, path), Routed::NotFound, "{path}");
            assert!(!needs_caller(path), "{path}");
        }
    }
}

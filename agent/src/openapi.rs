//! The OpenAPI schemas of the four backends, as a gateway reads them.

use model::agent::Backend;

/// The schema of a backend that answers at `domain`: OpenAPI 3.0.3 in YAML. The first server is the public one; the
/// second tells the sample's server which port it has.
pub fn schema(backend: Backend, domain: &str) -> String {
    let port = backend.port();
    format!(
        "openapi: 3.0.3\ninfo:\n  title: SRE agent, {}\n  version: 1.0.0\nservers:\n  - url: https://{domain}:{port}\n  - url: http://localhost:{port}\npaths: {{}}\n",
        backend.title()
    )
}

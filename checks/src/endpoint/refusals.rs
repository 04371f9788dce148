//! Whether the proxy refuses what it has to refuse, and says so as clients of OpenAI expect it.

use http::header;
use model::Finding;

use super::about::About;
use super::facts::{Outcome, Reply};
use super::openai;

/// A refusal that is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    /// The path that was asked.
    pub(crate) path: &'static str,
    pub(crate) status: u16,
    /// OpenAI's code, where there is one for the case.
    pub(crate) code: Option<&'static str>,
    /// What it would mean if the request were answered.
    pub(crate) if_answered: &'static str,
    /// What to do then.
    pub(crate) remedy: &'static str,
}

/// No token at all.
pub(crate) const NO_TOKEN: Due = Due {
    path: "/v1/models",
    status: 401,
    code: Some("invalid_api_key"),
    if_answered: "the proxy answers without a token: anybody can use the models",
    remedy: "take it off the network, then look at `auth` in its configuration: bedrock-nova-proxy check-config --config /etc/bedrock-nova-proxy/proxy.yaml",
};

/// A token that is none.
pub(crate) const WRONG_TOKEN: Due = Due {
    if_answered: "the proxy accepts a token that nobody issued: anybody can use the models",
    ..NO_TOKEN
};

/// A model that is not configured.
pub(crate) const UNKNOWN_MODEL: Due = Due {
    path: "/v1/chat/completions",
    status: 404,
    code: Some("model_not_found"),
    if_answered: "a model that is not configured is answered for",
    remedy: "look at `models` in the proxy's configuration for a name that takes everything",
};

/// A body that is no JSON.
pub(crate) const MALFORMED_BODY: Due = Due {
    path: "/v1/chat/completions",
    status: 400,
    code: None,
    if_answered: "a body that is no JSON is answered as if it were",
    remedy: "something other than this proxy may be in front: compare the answer's headers with those of the proxy on the host",
};

/// Whether a request was refused as it has to be.
pub(crate) fn judge(about: &About<'_>, due: &Due, outcome: &Outcome) -> Vec<Finding> {
    match about.whole(outcome, due.path) {
        Ok(reply) => refusal(about, due, reply),
        Err(findings) => findings,
    }
}

fn refusal(about: &About<'_>, due: &Due, reply: &Reply) -> Vec<Finding> {
    let Due { path, status: wanted, code, if_answered, remedy } = *due;
    let status = reply.status;
    if (200..300).contains(&status) {
        return vec![about.error(if_answered).evidence(format!("{path} answered {status}")).hint(remedy)];
    }
    if status == 429 {
        return vec![super::answers::limited(about, reply, path)];
    }
    if status != wanted {
        let message = format!("{path} answered {status} where {wanted} is due");
        return vec![about.error(message).evidence(reply.excerpt()).hint(about.curl(path))];
    }
    let mut findings = Vec::new();
    match openai::error_of(reply) {
        Err(why) => findings.push(
            about
                .error(format!("the {status} of {path} is not OpenAI's error object: {why}"))
                .evidence(reply.excerpt())
                .hint(format!(
                    "clients cannot read it; if a load balancer or another server is in front of the proxy, take it out of the way. {}",
                    about.curl(path)
                )),
        ),
        Ok(error) if code.is_some() && error.code.as_deref() != code => findings.push(
            about
                .warning(format!("the {status} of {path} does not carry the code `{}`", code.unwrap_or_default()))
                .evidence(super::facts::excerpt(error.message.as_bytes()))
                .hint(about.curl(path)),
        ),
        Ok(_) => {}
    }
    let challenge = reply.header(&header::WWW_AUTHENTICATE).unwrap_or_default();
    let scheme = challenge.split(' ').next().unwrap_or_default();
    if status == 401 && !scheme.eq_ignore_ascii_case("bearer") {
        findings.push(
            about
                .warning(format!("the 401 of {path} does not say `WWW-Authenticate: Bearer`"))
                .hint(about.curl(path))
                .doc("https://www.rfc-editor.org/rfc/rfc6750#section-3"),
        );
    }
    findings
}

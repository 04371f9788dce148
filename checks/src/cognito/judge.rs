//! What a user pool has to say to machines, judged: discovery, keys, a token, and what the token claims.

use std::collections::BTreeSet;

use model::Finding;
use serde::Deserialize;

use super::jwt::{Claims, KeySet};
use crate::Moment;
use crate::endpoint::about::About;
use crate::endpoint::facts::{NoReply, Outcome, excerpt};

/// How far a lifetime may be off, seconds: a token is signed a moment after its times were taken.
const LEEWAY_SECONDS: i64 = 5;

/// What a discovery document says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Discovery {
    pub(crate) issuer: String,
    pub(crate) jwks_uri: String,
    pub(crate) token_endpoint: String,
}

/// What a token endpoint answers (RFC 6749, sections 5.1 and 5.2).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct TokenAnswer {
    access_token: String,
    token_type: String,
    expires_in: i64,
    error: Option<String>,
}

/// A token that was issued.
pub(crate) struct Issued {
    pub(crate) token: model::Secret<String>,
    /// What the answer says of its life, seconds.
    pub(crate) expires_in: i64,
}

/// The document, or what is wrong with it. `path` is how it is called in messages.
fn json<T: for<'de> Deserialize<'de>>(
    about: &About<'_>,
    outcome: &Outcome,
    path: &str,
) -> Result<T, Vec<Finding>> {
    let reply = about.whole(outcome, path)?;
    let wrong = |why: String| {
        vec![about.error(why).evidence(reply.excerpt()).hint(format!(
            "make sure that the user pool exists in this Region and account: aws cognito-idp describe-user-pool --user-pool-id {}",
            about.site.base.rsplit('/').next().unwrap_or("POOL")
        ))]
    };
    if reply.status != 200 {
        return Err(wrong(format!("{path} answered {} where 200 is due", reply.status)));
    }
    serde_json::from_slice(&reply.body())
        .map_err(|error| wrong(format!("{path} is not the JSON that it has to be: {error}")))
}

/// Whether the issuer describes itself, under exactly the name that tokens will carry (OpenID Connect Discovery 1.0,
/// section 4.3).
pub(crate) fn discovery(
    about: &About<'_>,
    outcome: &Outcome,
    issuer: &str,
) -> Result<Discovery, Vec<Finding>> {
    let found: Discovery = json(about, outcome, "the discovery document")?;
    if found.issuer != issuer {
        return Err(vec![
            about
                .error("the discovery document is of another issuer")
                .evidence(format!("it says {}, expected is {issuer}", excerpt(found.issuer.as_bytes())))
                .hint("write the issuer into the proxy's configuration exactly as the document has it, or name the right user pool"),
        ]);
    }
    for (name, url) in [("jwks_uri", &found.jwks_uri), ("token_endpoint", &found.token_endpoint)] {
        // A pool without a domain has no token endpoint, and says so in its own check.
        if url.is_empty() && name == "jwks_uri" {
            return Err(vec![about.error(format!("the discovery document has no `{name}`"))]);
        }
    }
    Ok(found)
}

/// Whether the keys can be used to verify tokens.
pub(crate) fn keys(about: &About<'_>, outcome: &Outcome) -> Result<(KeySet, Vec<Finding>), Vec<Finding>> {
    let found: KeySet = json(about, outcome, "the key set")?;
    if found.keys.is_empty() {
        return Err(vec![about.error("the key set is empty: no token can be verified")]);
    }
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for (position, key) in found.keys.iter().enumerate() {
        let fault =
            key.fault().or_else(|| (!seen.insert(&key.kid)).then(|| "its `kid` is there twice".to_owned()));
        if let Some(fault) = fault {
            findings.push(about.error(format!("key {position} of the set cannot be used: {fault}")));
        }
    }
    if findings.is_empty() {
        let kids: Vec<String> = found.keys.iter().map(|key| excerpt(key.kid.as_bytes())).collect();
        findings.push(
            about
                .ok(format!("{} keys are published", kids.len()))
                .evidence(excerpt(kids.join(", ").as_bytes())),
        );
    }
    Ok((found, findings))
}

/// Whether the token endpoint gives a token for the client's id and secret.
pub(crate) fn token(about: &About<'_>, outcome: &Outcome, client_id: &str) -> Result<Issued, Vec<Finding>> {
    let path = "the token endpoint";
    let reply = match outcome {
        Err(NoReply::Unresolved(why)) => {
            return Err(vec![
                about.error("the name of the token endpoint leads nowhere").evidence(why).hint(
                    "the user pool's domain may be missing, or younger than a minute: aws cognito-idp describe-user-pool-domain --domain PREFIX",
                ),
            ]);
        }
        _ => about.whole(outcome, path)?,
    };
    // What is shown of the answer is never its body: that may be a token.
    let answer: Result<TokenAnswer, _> = serde_json::from_slice(&reply.body());
    let status = reply.status;
    match answer {
        Ok(answer) if status == 200 && !answer.access_token.is_empty() => {
            if !answer.token_type.eq_ignore_ascii_case("bearer") {
                let said = excerpt(answer.token_type.as_bytes());
                return Err(vec![
                    about.error(format!("{path} gives a token of the type `{said}`, not `Bearer`")),
                ]);
            }
            Ok(Issued { token: model::Secret::new(answer.access_token), expires_in: answer.expires_in })
        }
        Ok(TokenAnswer { error: Some(error), .. }) => {
            let hint = match error.as_str() {
                "invalid_client" => format!(
                    "the id or the secret is wrong, or the client was removed: aws cognito-idp describe-user-pool-client --client-id {client_id} --user-pool-id POOL"
                ),
                "unauthorized_client" => {
                    "the app client must allow the grant `client_credentials`".to_owned()
                }
                "invalid_scope" => {
                    "the app client must allow the scopes of `cognito.scopes`; a deploy puts that in order"
                        .to_owned()
                }
                _ => "see what the app client allows: aws cognito-idp describe-user-pool-client".to_owned(),
            };
            let error = excerpt(error.as_bytes());
            Err(vec![
                about
                    .error(format!("{path} gives no token: {error}"))
                    .evidence(format!("it answered {status}"))
                    .hint(hint),
            ])
        }
        Ok(_) if status == 200 => {
            Err(vec![about.error(format!("the answer of {path} holds no `access_token`"))])
        }
        _ => {
            Err(vec![about.error(format!("{path} answered {status}, and not as OAuth 2.0 says")).hint(
                "make sure that the address is that of the user pool's domain, ending in /oauth2/token",
            )])
        }
    }
}

/// Whether the token names its issuer exactly.
pub(crate) fn issuer(about: &About<'_>, claims: &Claims, issuer: &str) -> Vec<Finding> {
    match claims.iss.as_deref() {
        Some(found) if found == issuer => Vec::new(),
        found => vec![
            about
                .error("the token is of another issuer than the proxy expects")
                .evidence(format!("`iss` is {}, expected is {issuer}", shown(found)))
                .hint("write the issuer into `auth.issuers` of the proxy exactly as the token has it"),
        ],
    }
}

/// Whether it is an access token of this client.
pub(crate) fn client(about: &About<'_>, claims: &Claims, client_id: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if claims.token_use.as_deref() != Some("access") {
        findings.push(
            about
                .error("the token is not an access token")
                .evidence(format!("`token_use` is {}", shown(claims.token_use.as_deref())))
                .hint("use the member `access_token` of the answer; the proxy refuses ID tokens"),
        );
    }
    if claims.client_id.as_deref() != Some(client_id) {
        findings.push(about.error("the token is of another client than asked for it").evidence(format!(
            "`client_id` is {}, expected is {client_id}",
            shown(claims.client_id.as_deref())
        )));
    }
    findings
}

/// Whether the token carries all scopes of the configuration.
pub(crate) fn scopes(about: &About<'_>, claims: &Claims, wanted: &[String]) -> Vec<Finding> {
    let found: BTreeSet<&str> = claims.scope.as_deref().unwrap_or_default().split_whitespace().collect();
    let missing: Vec<&str> =
        wanted.iter().map(String::as_str).filter(|scope| !found.contains(scope)).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    vec![
        about
            .error(format!("the token lacks {}", missing.join(", ")))
            .evidence(format!("`scope` is {}", shown(claims.scope.as_deref())))
            .hint("a deploy with this configuration gives them to the app client: sre-agent-deploy plan --config FILE shows it"),
    ]
}

/// Whether the token lives as long as the configuration says, and still does.
pub(crate) fn lifetime(
    about: &About<'_>,
    claims: &Claims,
    expires_in: i64,
    minutes: Option<u32>,
    now: Moment,
) -> Vec<Finding> {
    let (Some(exp), Some(iat)) = (claims.exp, claims.iat) else {
        return vec![about.error("the token does not say when it was issued and when it expires")];
    };
    let lifetime = exp.saturating_sub(iat);
    let evidence = format!("issued {}, expires {}", Moment::from_second(iat), Moment::from_second(exp));
    if exp <= now.as_second() {
        return vec![
            about
                .error("the token had expired when it came")
                .evidence(evidence)
                .hint("compare the clock of this machine with the world's: timedatectl status"),
        ];
    }
    let is_off = |wanted: i64| lifetime.saturating_sub(wanted).saturating_abs() > LEEWAY_SECONDS;
    if is_off(expires_in) {
        return vec![
            about
                .warning(format!("the answer promises {expires_in} s, the token lives {lifetime} s"))
                .evidence(evidence),
        ];
    }
    match minutes {
        Some(minutes) if is_off(i64::from(minutes).saturating_mul(60)) => vec![
            about
                .error(format!("the token lives {lifetime} s, the configuration says {minutes} minutes"))
                .evidence(evidence)
                .hint(
                    "a deploy with this configuration sets it: sre-agent-deploy plan --config FILE shows it",
                ),
        ],
        _ => vec![
            about.ok(format!("the token lives {} minutes", lifetime.checked_div(60).unwrap_or_default())),
        ],
    }
}

/// Whether a published key signed the token.
pub(crate) fn signature(about: &About<'_>, verified: Result<(), &'static str>) -> Vec<Finding> {
    match verified {
        Ok(()) => Vec::new(),
        Err(why) => vec![about.error("the token is not signed with a published key").evidence(why).hint(
            "the proxy would refuse it; fetch another in a minute, since keys may have just been exchanged",
        )],
    }
}

fn shown(text: Option<&str>) -> String {
    text.map_or_else(|| "missing".to_owned(), |text| format!("`{}`", excerpt(text.as_bytes())))
}

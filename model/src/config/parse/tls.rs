//! `tls:`

use crate::config::{
    AcmeChallenge, HostInstall, Mode, Tls, TlsSource, codes,
    fields::{Fields, Flaw, shown},
    host_name,
    problem::Problem,
};
use crate::host::ExternalAccount;

/// The three values of `tls.source` without what belongs to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Acme,
    AcmExportable,
    Files,
}

const SOURCES: &[(&str, Source)] =
    &[("acme", Source::Acme), ("acm-exportable", Source::AcmExportable), ("files", Source::Files)];
const CHALLENGES: &[(&str, AcmeChallenge)] = &[
    ("tls-alpn-01", AcmeChallenge::TlsAlpn01),
    ("http-01", AcmeChallenge::Http01),
    ("dns-01", AcmeChallenge::Dns01),
];
const ACME_KEYS: &[&str] = &[
    "tls.acme.directory",
    "tls.acme.email",
    "tls.acme.challenge",
    "tls.acme.profile",
    "tls.acme.eab_key_id",
    "tls.acme.eab_hmac_path",
    "tls.acme.ca_path",
];
const FILE_KEYS: &[&str] = &["tls.cert_path", "tls.key_path"];

pub(super) fn tls(fields: &mut Fields, install: Option<HostInstall>) -> Option<Tls> {
    let source = fields.choice("tls.source", SOURCES);
    let domain = domain(fields, source, install);
    let source = match source? {
        Source::Acme => {
            fields.without_effect(FILE_KEYS, "with `tls.source: acme`");
            acme(fields)
        }
        Source::AcmExportable => {
            fields.without_effect(ACME_KEYS, "with `tls.source: acm-exportable`");
            fields.without_effect(FILE_KEYS, "with `tls.source: acm-exportable`");
            Some(TlsSource::AcmExportable)
        }
        Source::Files => {
            fields.without_effect(ACME_KEYS, "with `tls.source: files`");
            files(fields)
        }
    };
    Some(Tls { domain: domain?, source: source? })
}

#[expect(
    clippy::option_option,
    reason = "the outer says whether it is well-formed, the inner whether it is given"
)]
fn domain(
    fields: &mut Fields,
    source: Option<Source>,
    install: Option<HostInstall>,
) -> Option<Option<String>> {
    let path = "tls.domain";
    let domain = fields.optional(path, |text| {
        if host_name::is_host_name(text) {
            return Ok(text.to_ascii_lowercase());
        }
        let flaw = Flaw::new(
            codes::TLS_DOMAIN,
            format!("{} is not a host name of at least two labels", shown(text)),
        );
        Err(match host_name::repaired(text) {
            Some(name) => flaw.suggestion(format!("did you mean `{name}`?")),
            None => flaw.example("api.example.com"),
        })
    })?;
    let place = fields.place(path);
    match &domain {
        Some(name) => {
            if let Some(setting) = fields.settings.iter_mut().find(|setting| setting.path == path) {
                setting.value = name.as_str().into();
            }
            if host_name::is_placeholder(name) {
                fields.judge(|_| {
                    let message =
                        format!("`{name}` belongs to the documentation; nobody can get a certificate for it");
                    Problem::warning(codes::PLACEHOLDER, &place, message)
                        .suggestion("write the name that clients will use")
                });
            }
        }
        None if source != Some(Source::Files) => {
            let optional = install == Some(HostInstall::None);
            let problem = if optional {
                Problem::warning(
                    codes::TLS_DOMAIN,
                    &place,
                    "without a name no certificate can be requested later",
                )
            } else {
                Problem::error(codes::TLS_DOMAIN, &place, "a certificate needs a name")
            };
            if !optional || fields.judges {
                fields.report(
                    problem
                        .suggestion("give the name that clients will use, or set `host.install: none`")
                        .example("domain: api.example.com"),
                );
            }
            if !optional {
                return None;
            }
        }
        None => {}
    }
    Some(domain)
}

fn acme(fields: &mut Fields) -> Option<TlsSource> {
    let directory = fields.text("tls.acme.directory", |text| {
        if matches!(text, "letsencrypt" | "letsencrypt-staging") || host_name::is_https_url(text) {
            return Ok(text.to_owned());
        }
        let message = format!("{} is neither letsencrypt, letsencrypt-staging nor an https URL", shown(text));
        Err(Flaw::new(codes::ACME_SETTINGS, message).example("directory: letsencrypt"))
    });
    let email = fields.optional("tls.acme.email", |text| {
        if host_name::is_email(text) {
            return Ok(text.to_owned());
        }
        Err(Flaw::new(codes::ACME_SETTINGS, format!("{} is not an email address", shown(text)))
            .example("ops@example.com"))
    });
    let challenge = fields.choice("tls.acme.challenge", CHALLENGES);
    if directory.as_deref() == Some("letsencrypt-staging") && fields.mode == Mode::Production {
        let place = fields.place("tls.acme.directory");
        fields.judge(|_| {
            Problem::warning(
                codes::ACME_STAGING,
                &place,
                "clients do not trust certificates of letsencrypt-staging",
            )
            .example("directory: letsencrypt")
        });
    }
    let place = fields.place("tls.acme.email");
    match &email {
        Some(None) => fields.judge(|_| {
            Problem::warning(
                codes::ACME_NO_EMAIL,
                &place,
                "without an email nobody is told before the certificate expires",
            )
            .example("email: ops@example.com")
        }),
        Some(Some(address)) if address.split('@').nth(1).is_some_and(host_name::is_placeholder) => fields
            .judge(|_| {
                Problem::warning(
                    codes::PLACEHOLDER,
                    &place,
                    "this address belongs to the documentation; Let's Encrypt refuses it",
                )
                .suggestion("write an address that somebody reads")
            }),
        _ => {}
    }
    let profile = fields.optional("tls.acme.profile", |text| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let begins = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if begins && text.len() <= 64 && text.bytes().all(plain) {
            return Ok(text.to_owned());
        }
        Err(Flaw::new(codes::ACME_SETTINGS, format!("{} is not the name of a profile", shown(text)))
            .example("profile: shortlived"))
    });
    let external_account = external_account(fields);
    let ca_path = fields.optional("tls.acme.ca_path", |text| path(codes::ACME_SETTINGS, text));
    Some(TlsSource::Acme {
        directory: directory?,
        email: email?,
        challenge: challenge?,
        profile: profile?,
        external_account: external_account?,
        ca_path: ca_path?,
    })
}

/// Both of its keys or neither.
#[expect(
    clippy::option_option,
    reason = "the outer says whether it is well-formed, the inner whether it is given"
)]
fn external_account(fields: &mut Fields) -> Option<Option<ExternalAccount>> {
    let key_id = fields.optional("tls.acme.eab_key_id", |text| {
        if (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            return Ok(text.to_owned());
        }
        Err(Flaw::new(codes::ACME_SETTINGS, format!("{} is not a key id", shown(text)))
            .example("eab_key_id: kid-1"))
    });
    let hmac_path = fields.optional("tls.acme.eab_hmac_path", |text| path(codes::ACME_SETTINGS, text));
    let missing = match (key_id?, hmac_path?) {
        (Some(key_id), Some(hmac_path)) => return Some(Some(ExternalAccount { key_id, hmac_path })),
        (None, None) => return Some(None),
        (Some(_), None) => "tls.acme.eab_hmac_path",
        (None, Some(_)) => "tls.acme.eab_key_id",
    };
    let place = fields.place(missing);
    let example = crate::config::keys::find(missing).map_or("", |key| key.example);
    fields.report(
        Problem::error(
            codes::ACME_SETTINGS,
            &place,
            "an external account needs both `eab_key_id` and `eab_hmac_path`",
        )
        .example(example),
    );
    None
}

fn path(code: &'static str, text: &str) -> Result<String, Flaw> {
    if text.len() > 1 && text.starts_with('/') && !text.chars().any(|c| c.is_ascii_control()) {
        return Ok(text.to_owned());
    }
    Err(Flaw::new(code, format!("{} is not an absolute path", shown(text))).example("/opt/ssl/fullchain.pem"))
}

fn files(fields: &mut Fields) -> Option<TlsSource> {
    let cert_path = file(fields, "tls.cert_path");
    let key_path = file(fields, "tls.key_path");
    Some(TlsSource::Files { cert_path: cert_path?, key_path: key_path? })
}

fn file(fields: &mut Fields, name: &'static str) -> Option<String> {
    if !fields.is_given(name) {
        let place = fields.place(name);
        let example = crate::config::keys::find(name).map_or("", |key| key.example);
        fields.report(
            Problem::error(codes::TLS_FILES, &place, "`tls.source: files` needs this path").example(example),
        );
        return None;
    }
    fields.text(name, |text| path(codes::TLS_FILES, text))
}

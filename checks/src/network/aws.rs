//! The endpoints of AWS as they are reached from here: by name, TCP and trusted TLS, and the clock of one of them.

use std::net::SocketAddr;
use std::sync::Arc;

use model::{Finding, Severity};

use super::clock::{self, ClockFacts};
use super::services::Service;
use super::suite::{self, Options};
use super::{CLOCK, SERVICE};
use crate::cert::read;
use crate::engine::{CheckId, Suite, Verdict};
use crate::remote::collect;
use crate::remote::connect::{self, Failure};
use crate::remote::http::{self, Request, Url, fetch};
use crate::remote::target::{Host, Target};
use crate::remote::tls::{self, TlsError, TlsFailure, Trust};

/// An endpoint of AWS: TCP and trusted TLS at one of its addresses, since its set of them changes by the minute.
pub(super) fn add<'a>(suite: &mut Suite<'a>, service: &'a Service, options: &'a Options<'a>) -> CheckId {
    suite.add(&SERVICE, &service.host, &[], move || {
        Box::pin(async move {
            match reach(service, options).await {
                Ok(()) => Verdict::Final(Vec::new()),
                Err(finding) => suite::verdict(vec![*finding]),
            }
        })
    })
}

async fn reach(service: &Service, options: &Options<'_>) -> Result<(), Box<Finding>> {
    let subject = service.host.as_str();
    let unable = |severity, message: String, hint: String| {
        let message = format!("{message} ({} there)", service.purpose);
        Box::new(Finding::new(SERVICE.code, severity, subject, message).hint(hint))
    };
    let Ok(host) = Host::parse(subject) else {
        return Err(unable(
            Severity::Unknown,
            format!("`{subject}` is no host"),
            "look at the Region".to_owned(),
        ));
    };
    let target = Target::tls(host, 443);
    let lookup = collect::Options {
        step: options.step,
        name_servers: options.name_servers.as_ref().ok().cloned(),
        ..collect::Options::default()
    };
    let addresses = match collect::locate(&target, &lookup, subject).await {
        Ok(addresses) => addresses,
        Err(finding) => {
            let hint = format!("in a VPC: are DNS support and host names on? `dig {subject}`");
            let Finding { severity, message, evidence, .. } = *finding;
            return Err(Box::new(Finding { evidence, ..*unable(severity, message, hint) }));
        }
    };
    let mut last = None;
    for address in addresses.into_iter().take(3) {
        match connect::tcp(address, options.step).await {
            Err(failure) => last = Some((address, failure)),
            Ok((stream, _)) => {
                let trust =
                    Trust::Roots { roots: Arc::clone(&options.roots), now: tls::moment((options.now)()) };
                return match tls::handshake(stream, target.host.server_name(), &trust, &[], options.step)
                    .await
                {
                    Ok(_) => Ok(()),
                    Err(error) => Err(distrusted(&target, address, &error, &unable)),
                };
            }
        }
    }
    let (address, failure) = last.unwrap_or((SocketAddr::from(([0, 0, 0, 0], 443)), Failure::TimedOut));
    Err(unable(
        Severity::Error,
        format!("{subject} [{}] cannot be reached: {failure}", address.ip()),
        "the way out needs an internet or NAT gateway, or an interface endpoint of the service in the VPC: \
         `aws ec2 describe-vpc-endpoints --query 'VpcEndpoints[].ServiceName'`"
            .to_owned(),
    ))
}

/// A handshake with AWS that failed, most often because somebody stands between.
fn distrusted(
    target: &Target,
    address: SocketAddr,
    error: &TlsError,
    unable: &dyn Fn(Severity, String, String) -> Box<Finding>,
) -> Box<Finding> {
    let issuer = error.chain.first().and_then(|der| read::certificate(der).ok()).map(|leaf| leaf.issuer);
    let at = format!("{} [{}]", target.host, address.ip());
    match (&error.kind, issuer) {
        (TlsFailure::Untrusted, Some(issuer)) => Box::new(
            unable(
                Severity::Error,
                format!("{at} shows a certificate that is not trusted, issued by `{issuer}`"),
                "somebody on the way opens TLS: let AWS pass, or trust its root with `--ca-file` and `AWS_CA_BUNDLE`".to_owned(),
            )
            .evidence(error.detail.clone()),
        ),
        _ => Box::new(
            unable(
                Severity::Error,
                format!("{at}: {}", error.kind.sentence()),
                format!("a firewall may cut TLS by its name: `{}`", target.openssl()),
            )
            .evidence(error.detail.clone()),
        ),
    }
}

/// The clock of AWS, from an answer that needs no credentials.
pub(super) fn add_clock<'a>(
    suite: &mut Suite<'a>,
    service: &'a Service,
    after: CheckId,
    options: &'a Options<'a>,
) {
    suite.add(&CLOCK, &service.host, &[after], move || {
        Box::pin(async move {
            let subject = service.host.as_str();
            let Ok(url) = format!("https://{subject}/").parse::<Url>() else {
                return Verdict::Final(Vec::new());
            };
            let sent = (options.now)();
            let answer = fetch(&Request::get(url), &suite::http_options(options, None)).await;
            let received = (options.now)();
            Verdict::Final(vec![match answer {
                Ok(whole) => match http::date(&whole.headers) {
                    Some(theirs) => clock::judge(ClockFacts { theirs, sent, received }, subject, subject),
                    None => suite::undated(subject),
                },
                Err(error) => {
                    Finding::new(CLOCK.code, Severity::Unknown, subject, "AWS does not say what time it has")
                        .evidence(error.to_string())
                        .hint(format!("`curl -sI --max-time 10 https://{subject}/`"))
                }
            }])
        })
    });
}

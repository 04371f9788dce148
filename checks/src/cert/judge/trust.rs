//! What an operator understands of the decision about trust: each reason that webpki gives, with what to do about it.

use model::{Finding, Severity};
use rustls_pki_types::UnixTime;
use webpki::Error;

use super::path::Trust;
use super::{Case, words};
use crate::Moment;
use crate::cert::read;
use crate::report::SubjectKind;

pub(super) fn judge(case: &Case<'_>, findings: &mut Vec<Finding>) {
    match &case.path.trust {
        Trust::Verified(root) => findings.push(case.finding(
            "SRE-TLS-017",
            Severity::Ok,
            format!("the path leads to {}", words::cut(&root.name)),
        )),
        // The dates have their own findings.
        Trust::OutOfTime(root) => findings.push(case.finding(
            "SRE-TLS-017",
            Severity::Info,
            format!("but for its dates the path would lead to {}", words::cut(&root.name)),
        )),
        Trust::Failed(error) if matches!(**error, Error::UnknownIssuer) => findings.push(no_root(case)),
        // A family of its own explains it.
        Trust::Failed(error) if matches!(**error, Error::CaUsedAsEndEntity) && case.leaf.is_ca => {}
        Trust::Failed(error) => findings.push(refused(case, error)),
    }
}

/// No root was reached: nothing is wrong with the signatures, but nobody known is at the end.
fn no_root(case: &Case<'_>) -> Finding {
    let last = case.path.certificates.last().unwrap_or(&case.leaf);
    let is_alone = case.is_leaf(last);
    // Who names the roots wants these to count.
    let gravity = if case.policy.roots.is_public() { case.gravity() } else { Severity::Error };
    let ca_file = "if this CA is yours, name its root: `--ca-file ROOT.pem`";
    if last.is_self_issued() {
        let message = if is_alone {
            "the certificate is signed by itself, so clients do not trust it".to_owned()
        } else {
            format!("the path ends in a root that is not trusted: {}", words::cut(&last.subject))
        };
        let hint = if is_alone {
            "take a certificate of a CA, such as with `sudo certbot certonly`; if every client knows this one, name it: `--ca-file FILE`"
        } else {
            ca_file
        };
        return case.finding("SRE-TLS-017", gravity, message).hint(hint);
    }
    let issuer = words::cut(&last.issuer);
    match last.issuer_urls.first() {
        Some(url) if is_alone || case.material.is_served => {
            let message =
                format!("an intermediate certificate is missing: {issuer}, which issued {}", case.name(last));
            let fetch = format!("curl --fail --silent {} | openssl x509 -inform der", words::quoted(url));
            let into = match case.material.subject.kind {
                SubjectKind::File => words::quoted(&case.material.subject.name),
                _ => "fullchain.pem".to_owned(),
            };
            case.finding("SRE-TLS-014", Severity::Error, message)
                .evidence(format!("the issuer's certificate is at {}", words::cut(url)))
                .hint(format!(
                    "append it: `{fetch} | sudo tee --append {into}`, then reload the service; {ca_file}"
                ))
        }
        _ if is_alone => {
            let message = format!("its issuer is neither here nor among the trusted roots: {issuer}");
            case.finding("SRE-TLS-014", gravity, message)
                .hint(format!("append the intermediate certificate that the CA delivered with it; {ca_file}"))
        }
        _ => {
            let message = format!("the path ends before a trusted root: nobody knows {issuer}");
            case.finding("SRE-TLS-017", gravity, message).hint(ca_file)
        }
    }
}

/// A path was there, and was turned down.
fn refused(case: &Case<'_>, error: &Error) -> Finding {
    let on_path = || case.path.certificates.iter();
    if matches!(error, Error::BadDer | Error::TrailingData(_))
        && let Some(large) = on_path().find(|placed| placed.der.len() > LARGEST)
    {
        let message = format!(
            "{} is too large: it has {} bytes and {} names, and many clients read no certificate above 64 KiB",
            case.name(large),
            large.der.len(),
            large.names().len()
        );
        return case
            .finding("SRE-TLS-018", Severity::Error, message)
            .hint("spread the names over several certificates; public CAs put at most 100 into one");
    }
    if matches!(error, Error::BadDerTime)
        && let Some(early) = on_path().find(|placed| placed.not_before.is_some_and(|first| first < EPOCH))
    {
        let message = format!(
            "the path cannot be verified here: {} is valid from before 1970, which some clients do not read",
            case.name(early)
        );
        return case.finding("SRE-TLS-018", Severity::Unknown, message).hint(REISSUE);
    }
    let (code, severity, message, hint) = explanation(error);
    let finding = case.finding(code, severity, message).hint(hint);
    match detail(error) {
        Some(detail) => finding.evidence(detail),
        None => finding,
    }
}

/// webpki reads no longer element.
const LARGEST: usize = 0xffff;
/// The first moment that webpki can read.
const EPOCH: Moment = Moment::from_second(0);

/// What an error says beyond its kind, in words of X.509.
fn detail(error: &Error) -> Option<String> {
    match error {
        Error::UnsupportedSignatureAlgorithmContext(context) => Some(format!(
            "the signature algorithm is {}",
            read::object_identifier(&context.signature_algorithm_id)
        )),
        Error::UnsupportedSignatureAlgorithmForPublicKeyContext(context) => Some(format!(
            "the signature algorithm is {}, the key {}",
            read::object_identifier(&context.signature_algorithm_id),
            read::object_identifier(&context.public_key_algorithm_id)
        )),
        Error::RequiredEkuNotFoundContext(_) => {
            Some("serverAuth, 1.3.6.1.5.5.7.3.1, is not among the extended key usages".to_owned())
        }
        Error::TrailingData(_) => Some("there are bytes behind the end of one of its parts".to_owned()),
        Error::BadDer => Some("a part of it is not DER".to_owned()),
        Error::MalformedExtensions => Some("its extensions cannot be told apart".to_owned()),
        Error::ExtensionValueInvalid => Some("an extension has a value that it must not have".to_owned()),
        Error::CertExpired { not_after, .. } => Some(format!("it ended on {}", moment(*not_after))),
        Error::CertNotValidYet { not_before, .. } => Some(format!("it begins on {}", moment(*not_before))),
        _ => None,
    }
}

fn moment(time: UnixTime) -> Moment {
    Moment::from_second(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

const REISSUE: &str = "have the certificate issued again, by a CA that keeps to RFC 5280; `openssl x509 -in FILE -noout -text` shows this one";
const FILE: &str = "replace the file by the one that the CA delivered; `openssl verify -untrusted FULLCHAIN FULLCHAIN` gives a second opinion";

/// What an error means, and what to do.
fn explanation(error: &Error) -> (&'static str, Severity, &'static str, &'static str) {
    let refused = |message, hint| ("SRE-TLS-018", Severity::Error, message, hint);
    match error {
        Error::InvalidSignatureForPublicKey => refused(
            "a signature does not fit: the certificate was altered, or an issuer with the right name has another key",
            FILE,
        ),
        Error::UnsupportedSignatureAlgorithmContext(_) => refused(
            "it is signed in a way that clients no longer accept",
            "have it issued again with a signature of RSA or ECDSA and SHA-256",
        ),
        Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => refused(
            "the issuer's key is of a kind or size that clients do not accept, or not of the kind that the signature says",
            "have it issued by a CA with a key of RSA from 2048 bits on, P-256 or P-384",
        ),
        Error::SignatureAlgorithmMismatch => {
            refused("inside and outside it names two different signature algorithms", REISSUE)
        }
        Error::EndEntityUsedAsCa => refused(
            "an issuer on the way is no CA: it is not allowed to sign certificates",
            "have it issued by a CA, whose certificate says `CA:TRUE`",
        ),
        Error::CaUsedAsEndEntity => refused("the server's certificate is one of a CA", REISSUE),
        Error::PathLenConstraintViolated => refused(
            "more CAs follow each other than one of them allows (pathLenConstraint)",
            "have it issued higher up, or the CA's certificate with a larger path length",
        ),
        Error::NameConstraintViolation => refused(
            "a CA on the way is not allowed to issue for one of the names (name constraints)",
            "have it issued by a CA that may, or without that name",
        ),
        Error::MalformedNameConstraint | Error::InvalidNetworkMaskConstraint => {
            refused("the name constraints of a CA on the way cannot be read", REISSUE)
        }
        Error::UnsupportedCriticalExtension => (
            "SRE-TLS-033",
            Severity::Error,
            "it has a critical extension that clients do not know, so they have to refuse it",
            REISSUE,
        ),
        Error::CertRevoked | Error::CertDistrusted => {
            refused("clients distrust a certificate on the way", "take another CA")
        }
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } => refused(
            "at no moment are all certificates on the way valid together",
            "take the chain that the CA offers now",
        ),
        Error::InvalidCertValidity => refused("a certificate on the way ends before it begins", REISSUE),
        Error::BadDerTime => refused("the dates of a certificate on the way are malformed", REISSUE),
        Error::UnsupportedCertVersion => {
            refused("it is no X.509 certificate of version 3, and clients accept no other", REISSUE)
        }
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
            refused("the extended key usage does not allow servers", REISSUE)
        }
        Error::InvalidSerialNumber => refused("its serial number is malformed", REISSUE),
        Error::MaximumSignatureChecksExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => (
            "SRE-TLS-018",
            Severity::Unknown,
            "there are too many certificates to look for a path among them",
            "keep the certificate and its intermediates in the file, and nothing else",
        ),
        _ => refused("it is encoded in a way that strict clients do not read", REISSUE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_have_no_words_of_a_program() {
        let signature = webpki::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: vec![6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5, 5, 0],
            supported_algorithms: Vec::new(),
        };
        let said = detail(&Error::UnsupportedSignatureAlgorithmContext(signature)).unwrap();
        assert_eq!(said, "the signature algorithm is 1.2.840.113549.1.1.5");
        let said = detail(&Error::TrailingData(webpki::DerTypeId::SignedData)).unwrap();
        assert_eq!(said, "there are bytes behind the end of one of its parts");
        assert_eq!(detail(&Error::CertRevoked), None);
    }
}

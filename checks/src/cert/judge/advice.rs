//! How to renew, by who made the certificate: the exact commands.

use super::expiry::renewal_due;
use super::words;
use crate::Moment;
use crate::cert::facts::{Certificate, Material, Source};

/// What to do about a certificate that has expired, is about to, or that the CA wants to be renewed.
pub(super) fn renew(material: &Material, certificate: Option<&Certificate>, at: Moment) -> String {
    let how = how(material, certificate);
    // Thresholds can be set wider than the rule.
    match certificate.and_then(renewal_due) {
        Some(due) if due <= at => format!("{how}; renewal has been due since {due}"),
        Some(due) => format!("{how}; renewal is due from {due} on"),
        None => how,
    }
}

fn how(material: &Material, certificate: Option<&Certificate>) -> String {
    let (region, arn) = region_and_arn(&material.subject.name);
    let name =
        certificate.and_then(|certificate| certificate.dns_names.first()).map_or("NAME", String::as_str);
    let name = words::quoted(name);
    match &material.source {
        Source::Certbot { name } => format!(
            "`sudo certbot renew --cert-name {} --deploy-hook 'systemctl reload SERVICE'`; why it did not happen by itself: `systemctl list-timers certbot.timer` and `sudo tail /var/log/letsencrypt/letsencrypt.log`",
            words::quoted(name)
        ),
        Source::Acme => format!(
            "run the ACME client again, such as `acme.sh --renew -d {name}`, `lego --domains {name} renew` or `sudo certbot renew`, and reload the service; its timer or cron line should have done so"
        ),
        Source::AcmManaged => match material.acm.as_ref().and_then(|acm| acm.validation_record.as_deref()) {
            Some(record) => {
                format!("ACM renews it once it finds this record in DNS; create it: `{}`", words::cut(record))
            }
            None => format!(
                "ACM should have renewed it; see why not: `aws acm describe-certificate --region {region} --certificate-arn {arn} --query Certificate.RenewalSummary`"
            ),
        },
        Source::AcmImported => format!(
            "ACM never renews an imported certificate; renew it where it came from, then import it under the same ARN: `aws acm import-certificate --region {region} --certificate-arn {arn} --certificate fileb://cert.pem --private-key fileb://privkey.pem --certificate-chain fileb://chain.pem`"
        ),
        Source::AcmExportable => format!(
            "ACM renews it, but the copy on the server has to be exported again: `aws acm export-certificate --region {region} --certificate-arn {arn} --passphrase fileb://passphrase.txt`, then decrypt its key with `openssl pkey`, put both in place and reload the service"
        ),
        Source::Commercial => format!(
            "order the renewal with the CA; it takes a new request: `openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout new.key -out new.csr -subj / -addext {}`",
            words::quoted(&alternative_names(certificate))
        ),
        Source::Private => format!(
            "have your own CA issue it again from a new request: `openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout new.key -out new.csr -subj / -addext {}`",
            words::quoted(&alternative_names(certificate))
        ),
        Source::Unknown => format!(
            "renew it where it came from ({}), put it in place and reload the service; `sudo certbot certificates` shows what certbot manages",
            certificate.map_or_else(
                || "its issuer is not known".to_owned(),
                |certificate| words::cut(&certificate.issuer)
            )
        ),
    }
}

fn alternative_names(certificate: Option<&Certificate>) -> String {
    let names = certificate.into_iter().flat_map(|certificate| {
        let names = certificate.dns_names.iter().map(|name| format!("DNS:{name}"));
        names.chain(certificate.ip_addresses.iter().map(|address| format!("IP:{address}")))
    });
    let names: Vec<String> = names.take(8).collect();
    let names = if names.is_empty() { "DNS:NAME".to_owned() } else { names.join(",") };
    format!("subjectAltName={names}")
}

/// The Region of an ARN and the ARN itself, as arguments; placeholders where the subject is something else.
pub(super) fn region_and_arn(subject: &str) -> (String, String) {
    let mut parts = subject.split(':');
    match (parts.next(), parts.nth(1), parts.next()) {
        (Some("arn"), Some("acm"), Some(region)) => (words::quoted(region), words::quoted(subject)),
        _ => ("REGION".to_owned(), "ARN".to_owned()),
    }
}

//! Private keys: whether they belong to the certificate, and who may read them. Public keys and signatures: whether they
//! are strong enough.

use model::{Finding, Severity};

use super::{Case, Placed, words};
use crate::cert::facts::{FileAccess, KeyFacts, KeyState, PublicKey};

/// The first user id of people on Debian, Ubuntu and Amazon Linux.
const FIRST_PERSON: u32 = 1_000;
/// From here on systemd's dynamic users; `nobody` is above.
const LAST_PERSON: u32 = 60_000;

pub(super) fn judge(case: &Case<'_>, findings: &mut Vec<Finding>) {
    if let Some(key) = &case.material.key {
        belongs(case, key, findings);
        if let Some(access) = key.access {
            readers(case, key, access, findings);
        }
    }
    for placed in &case.path.certificates {
        weak_key(case, placed, findings);
        weak_signature(case, placed, findings);
    }
}

fn belongs(case: &Case<'_>, key: &KeyFacts, findings: &mut Vec<Finding>) {
    let path = words::cut(&key.path.display().to_string());
    let quoted = words::quoted(&key.path.display().to_string());
    let finding = match &key.key {
        KeyState::Public(spki) if *spki == case.leaf.spki_der => {
            case.finding("SRE-TLS-024", Severity::Ok, "the private key belongs to the certificate").evidence(path)
        }
        KeyState::Public(spki) => {
            let other = case.all.iter().find(|placed| placed.spki_der == *spki);
            let message = match other {
                Some(other) => format!("the private key belongs to {}, not to the server's certificate", other.label()),
                None => "the private key does not belong to the certificate".to_owned(),
            };
            case.finding("SRE-TLS-024", Severity::Error, message).evidence(path).hint(format!(
                "no server starts with this pair; find the key whose public half is the same: compare `openssl pkey -in {quoted} -pubout` with `openssl x509 -in CERT -noout -pubkey`"
            ))
        }
        KeyState::Encrypted => case
            .finding("SRE-TLS-026", Severity::Unknown, "the private key is encrypted, so it cannot be compared")
            .evidence(path)
            .hint(format!(
                "a service that starts by itself cannot ask for the passphrase; compare by hand, `openssl pkey -in {quoted} -pubout`, or store it without one, readable for root only"
            )),
        KeyState::Unreadable(reason) => case
            .finding("SRE-TLS-026", Severity::Unknown, "the private key cannot be read")
            .evidence(format!("{path}: {}", words::cut(reason)))
            .hint(format!("try as the user of the service: `sudo openssl pkey -in {quoted} -noout`")),
        KeyState::Missing => case
            .finding("SRE-TLS-026", Severity::Error, "there is no private key beside the certificate")
            .evidence(path)
            .hint(format!("put the key of this certificate at {quoted}; if it is lost, have the certificate issued again with a new key")),
    };
    findings.push(finding);
}

fn readers(case: &Case<'_>, key: &KeyFacts, access: FileAccess, findings: &mut Vec<Finding>) {
    let FileAccess { mode, uid, gid } = access;
    let quoted = words::quoted(&key.path.display().to_string());
    let (severity, message) = if mode & 0o006 != 0 {
        (Severity::Error, "every user of this machine may read the private key".to_owned())
    } else if mode & 0o020 != 0 {
        (Severity::Error, format!("group {gid} may overwrite the private key"))
    } else if mode & 0o040 != 0 && !case.policy.key_groups.contains(&gid) {
        (Severity::Warning, format!("group {gid} may read the private key"))
    } else if (FIRST_PERSON..LAST_PERSON).contains(&uid) {
        (Severity::Info, format!("the private key belongs to user {uid}, who may be a person"))
    } else {
        findings.push(case.finding(
            "SRE-TLS-025",
            Severity::Ok,
            "only who needs it may read the private key",
        ));
        return;
    };
    let hint = match severity {
        Severity::Error => format!(
            "`sudo chmod 600 {quoted}`; who could read it may have it, so have the certificate issued again with a new key"
        ),
        Severity::Warning => format!(
            "`sudo chmod 600 {quoted}` if the service starts as root, else `sudo chgrp GROUP {quoted}` with the group of the service and mode 640"
        ),
        _ => format!("`sudo chown root {quoted}` unless the service runs as that user"),
    };
    findings.push(
        case.finding("SRE-TLS-025", severity, message)
            .evidence(format!(
                "{}: mode {:04o}, user {uid}, group {gid}",
                words::cut(&key.path.display().to_string()),
                mode & 0o7777
            ))
            .hint(hint),
    );
}

/// What is wrong with a public key: how much, and why.
fn fault(key: &PublicKey) -> Option<(Severity, String)> {
    match key {
        PublicKey::Rsa(bits) if *bits < 2_048 => Some((
            Severity::Error,
            format!("an RSA key of {bits} bits, which can be broken; 2048 is the least"),
        )),
        PublicKey::Rsa(bits) if *bits > 8_192 => {
            Some((Severity::Warning, format!("an RSA key of {bits} bits; many clients accept at most 8192")))
        }
        PublicKey::Dsa(bits) => {
            Some((Severity::Error, format!("a DSA key of {bits} bits, which no client accepts")))
        }
        PublicKey::Ec(curve) => match curve.as_str() {
            "P-256" | "P-384" | "P-521" => None,
            "P-192" | "1.2.840.10045.3.1.1" => {
                Some((Severity::Error, "a key on the curve P-192, which is too weak".to_owned()))
            }
            "P-224" | "1.3.132.0.33" => {
                Some((Severity::Error, "a key on the curve P-224, which clients do not accept".to_owned()))
            }
            other => Some((
                Severity::Warning,
                format!("a key on the curve {}, which clients do not accept", words::cut(other)),
            )),
        },
        PublicKey::Ed448 => {
            Some((Severity::Warning, "an Ed448 key, which most clients do not accept".to_owned()))
        }
        PublicKey::Ed25519 => {
            Some((Severity::Info, "an Ed25519 key, which browsers do not accept".to_owned()))
        }
        PublicKey::Other(algorithm) => Some((
            Severity::Warning,
            format!("a key of the kind {}, which most clients do not accept", words::cut(algorithm)),
        )),
        PublicKey::Rsa(_) => None,
    }
}

fn weak_key(case: &Case<'_>, placed: &Placed<'_>, findings: &mut Vec<Finding>) {
    findings.extend(weakness(&case.material.subject.name, placed, &case.name(placed)));
}

/// What is wrong with the public key of a certificate, which is called `name` in a sentence.
pub(super) fn weakness(subject: &str, placed: &Placed<'_>, name: &str) -> Option<Finding> {
    let (severity, what) = fault(&placed.key)?;
    Some(
        Finding::new("SRE-TLS-027", severity, subject, format!("{name} has {what}"))
            .hint("make a new key and have it certified: `openssl ecparam -name prime256v1 -genkey -noout -out KEY.pem`"),
    )
}

/// The signature of a root on itself proves nothing, so its strength does not matter.
fn weak_signature(case: &Case<'_>, placed: &Placed<'_>, findings: &mut Vec<Finding>) {
    if placed.signature.is_weak && !placed.is_self_issued() {
        let message = format!("{} is signed with {}", case.name(placed), words::cut(&placed.signature.name));
        findings.push(case.finding("SRE-TLS-028", Severity::Error, message).hint(
            "such signatures can be forged and clients refuse them: have it issued again with SHA-256",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_judged_by_what_clients_accept() {
        let severity = |key: PublicKey| fault(&key).map(|(severity, _)| severity);
        for bits in [512, 1_024, 2_047] {
            assert_eq!(severity(PublicKey::Rsa(bits)), Some(Severity::Error));
        }
        for key in [
            PublicKey::Rsa(2_048),
            PublicKey::Rsa(4_096),
            PublicKey::Ec("P-256".into()),
            PublicKey::Ec("P-521".into()),
        ] {
            assert_eq!(severity(key), None);
        }
        assert_eq!(severity(PublicKey::Rsa(16_384)), Some(Severity::Warning));
        assert_eq!(severity(PublicKey::Dsa(2_048)), Some(Severity::Error));
        assert_eq!(severity(PublicKey::Ec("1.2.840.10045.3.1.1".into())), Some(Severity::Error));
        assert_eq!(severity(PublicKey::Ec("1.3.132.0.10".into())), Some(Severity::Warning));
        assert_eq!(severity(PublicKey::Ed25519), Some(Severity::Info));
        assert_eq!(severity(PublicKey::Ed448), Some(Severity::Warning));
        assert_eq!(severity(PublicKey::Other("1.2.840.113549.1.1.10".into())), Some(Severity::Warning));
    }
}

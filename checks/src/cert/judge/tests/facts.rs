//! Facts of a certificate, as far as these tests need them.

use std::net::IpAddr;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey as Parsed;

use crate::Moment;
use crate::cert::facts::{Certificate, PublicKey, SignatureAlgorithm};

pub(super) fn certificate(der: &[u8]) -> Result<Certificate, String> {
    let (rest, parsed) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
    if !rest.is_empty() {
        return Err("bytes behind it".to_owned());
    }
    let hex = |bytes: &[u8]| model::hex::encode(bytes);
    let spki = parsed.public_key();
    let oid = parsed.signature_algorithm.algorithm.to_id_string();
    let mut certificate = Certificate {
        der: Arc::from(der),
        sha256: hex(&Sha256::digest(der)),
        subject: parsed.subject().to_string(),
        common_name: parsed
            .subject()
            .iter_common_name()
            .last()
            .and_then(|name| name.as_str().ok())
            .map(str::to_owned),
        issuer: parsed.issuer().to_string(),
        subject_der: Arc::from(parsed.subject().as_raw()),
        issuer_der: Arc::from(parsed.issuer().as_raw()),
        serial: hex(parsed.raw_serial()),
        not_before: Some(Moment::from_second(parsed.validity().not_before.timestamp())),
        not_after: Some(Moment::from_second(parsed.validity().not_after.timestamp())),
        dns_names: Vec::new(),
        ip_addresses: Vec::new(),
        has_alternative_name: false,
        key: match spki.parsed() {
            Ok(Parsed::RSA(key)) => PublicKey::Rsa(key.key_size()),
            Ok(Parsed::EC(_)) => PublicKey::Ec("P-256".to_owned()),
            Ok(Parsed::DSA(_)) => PublicKey::Dsa(1_024),
            _ => PublicKey::Other(spki.algorithm.algorithm.to_id_string()),
        },
        spki_der: Arc::from(spki.raw),
        signature: SignatureAlgorithm {
            is_weak: ["1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.2.840.10040.4.3"]
                .contains(&oid.as_str()),
            name: oid,
        },
        is_ca: parsed.is_ca(),
        key_usage: None,
        extended_key_usage: None,
        subject_key_id: None,
        authority_key_id: None,
        issuer_urls: Vec::new(),
        timestamps: 0,
        oddities: Vec::new(),
    };
    for extension in parsed.extensions() {
        take(&mut certificate, extension.parsed_extension());
    }
    Ok(certificate)
}

fn take(certificate: &mut Certificate, extension: &ParsedExtension<'_>) {
    let hex = |bytes: &[u8]| Some(model::hex::encode(bytes));
    match extension {
        ParsedExtension::SubjectAlternativeName(names) => {
            certificate.has_alternative_name = true;
            for name in &names.general_names {
                match name {
                    GeneralName::DNSName(name) => certificate.dns_names.push((*name).to_owned()),
                    GeneralName::IPAddress(bytes) => certificate.ip_addresses.extend(address(bytes)),
                    _ => {}
                }
            }
        }
        ParsedExtension::KeyUsage(usage) => {
            let all =
                [(usage.digital_signature(), "digitalSignature"), (usage.key_cert_sign(), "keyCertSign")];
            certificate.key_usage =
                Some(all.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect());
        }
        ParsedExtension::ExtendedKeyUsage(usage) => {
            let known = [
                (usage.any, "2.5.29.37.0"),
                (usage.server_auth, "1.3.6.1.5.5.7.3.1"),
                (usage.client_auth, "1.3.6.1.5.5.7.3.2"),
            ];
            let known = known.into_iter().filter(|(is, _)| *is).map(|(_, oid)| oid.to_owned());
            certificate.extended_key_usage =
                Some(known.chain(usage.other.iter().map(ToString::to_string)).collect());
        }
        ParsedExtension::SubjectKeyIdentifier(id) => certificate.subject_key_id = hex(id.0),
        ParsedExtension::AuthorityKeyIdentifier(id) => {
            certificate.authority_key_id = id.key_identifier.as_ref().and_then(|id| hex(id.0));
        }
        ParsedExtension::AuthorityInfoAccess(access) => {
            certificate.issuer_urls.extend(access.accessdescs.iter().filter_map(|access| {
                match access.access_location {
                    GeneralName::URI(url) => Some(url.to_owned()),
                    _ => None,
                }
            }));
        }
        _ => {}
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four: Option<[u8; 4]> = bytes.try_into().ok();
    let sixteen: Option<[u8; 16]> = bytes.try_into().ok();
    four.map(IpAddr::from).or(sixteen.map(IpAddr::from))
}

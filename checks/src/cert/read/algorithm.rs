//! Names and sizes of keys and signatures.

use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::RSAPublicKey;

use super::der::{BIT_STRING, Element, Fault, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE, dotted};
use crate::cert::facts::{PublicKey, SignatureAlgorithm};

/// `rsassaPss`, 1.2.840.113549.1.1.10: as a key and as a signature.
pub(super) const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];

/// Object identifier and parameters.
type Identifier<'a> = (&'a [u8], Option<Element<'a>>);

/// Reads an `AlgorithmIdentifier` (RFC 5280, section 4.1.1.2).
pub(super) fn identifier(algorithm: Element<'_>) -> Result<Identifier<'_>, Fault> {
    let mut inside = algorithm.inside();
    let oid = inside.expect(OBJECT_IDENTIFIER)?;
    let parameters = if inside.is_empty() { None } else { Some(inside.any()?) };
    inside.finish()?;
    Ok((oid.content, parameters))
}

/// The object identifier, with dots, that an `AlgorithmIdentifier` begins with; given is what is inside of it.
pub(crate) fn object_identifier(content: &[u8]) -> String {
    Reader(content)
        .expect(OBJECT_IDENTIFIER)
        .map_or_else(|fault| fault.as_str().to_owned(), |oid| dotted(oid.content))
}

/// What kind of key a `SubjectPublicKeyInfo` is. The string says what about it cannot be read.
pub(super) fn public_key(info: Element<'_>) -> (PublicKey, Option<&'static str>) {
    match parts(info) {
        Ok(((oid, parameters), bits)) => kind(oid, parameters, bits),
        Err(fault) => (PublicKey::Other(String::new()), Some(fault.as_str())),
    }
}

/// Algorithm and bits of a key.
fn parts(info: Element<'_>) -> Result<(Identifier<'_>, &[u8]), Fault> {
    let mut inside = info.inside();
    let algorithm = identifier(inside.expect(SEQUENCE)?)?;
    let bits = inside.expect(BIT_STRING)?;
    inside.finish()?;
    // Keys are whole bytes, so that no bit at the end is unused.
    let (0, bits) = bits.content.split_first().map(|(unused, bits)| (*unused, bits)).ok_or(Fault::Short)?
    else {
        return Err(Fault::Length);
    };
    Ok((algorithm, bits))
}

/// The bits of the key of a `SubjectPublicKeyInfo`.
pub(super) fn key_bits(info: &[u8]) -> Option<&[u8]> {
    let info = Reader(info).expect(SEQUENCE).ok()?;
    parts(info).ok().map(|(_, bits)| bits)
}

fn kind(oid: &[u8], parameters: Option<Element<'_>>, bits: &[u8]) -> (PublicKey, Option<&'static str>) {
    match oid {
        // rsaEncryption, rsassaPss
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 | 0x0a] => match RSAPublicKey::from_der(bits) {
            Ok(([], key)) => (PublicKey::Rsa(bit_length(key.modulus)), None),
            _ => (PublicKey::Rsa(0), Some("is no RSA key")),
        },
        // id-ecPublicKey, RFC 5480: the curve is in the parameters
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => match parameters {
            Some(curve) if curve.tag == OBJECT_IDENTIFIER => (PublicKey::Ec(curve_name(curve.content)), None),
            // The parameters of a curve are written out; what else is here is no curve.
            Some(curve) if curve.tag == SEQUENCE => (PublicKey::Ec(dotted(oid)), None),
            _ => (PublicKey::Ec(dotted(oid)), Some("names no curve")),
        },
        [0x2b, 0x65, 0x70] => (PublicKey::Ed25519, None),
        [0x2b, 0x65, 0x71] => (PublicKey::Ed448, None),
        // id-dsa: p is the first of the parameters
        [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01] => {
            let prime = parameters.and_then(|parameters| parameters.inside().expect(INTEGER).ok());
            (PublicKey::Dsa(prime.map_or(0, |prime| bit_length(prime.content))), None)
        }
        _ => (PublicKey::Other(dotted(oid)), None),
    }
}

fn curve_name(oid: &[u8]) -> String {
    match oid {
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07] => "P-256".to_owned(),
        [0x2b, 0x81, 0x04, 0x00, 0x22] => "P-384".to_owned(),
        [0x2b, 0x81, 0x04, 0x00, 0x23] => "P-521".to_owned(),
        _ => dotted(oid),
    }
}

/// Bits of a positive number, big end first.
fn bit_length(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = number.get(zeros..).unwrap_or_default();
    let unused = number.first().map_or(0, |byte| byte.leading_zeros());
    number.len().saturating_mul(8).saturating_sub(usize::try_from(unused).unwrap_or_default())
}

/// What a certificate was signed with.
pub(super) fn signature(oid: &[u8], parameters: Option<Element<'_>>) -> SignatureAlgorithm {
    if oid == RSA_PSS {
        return pss(parameters);
    }
    let (name, is_weak) = match oid {
        // PKCS#1, RFC 8017, appendix A.2.4
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last] => match last {
            2 => ("md2WithRSAEncryption", true),
            3 => ("md4WithRSAEncryption", true),
            4 => ("md5WithRSAEncryption", true),
            5 => ("sha1WithRSAEncryption", true),
            11 => ("sha256WithRSAEncryption", false),
            12 => ("sha384WithRSAEncryption", false),
            13 => ("sha512WithRSAEncryption", false),
            14 => ("sha224WithRSAEncryption", false),
            _ => ("", false),
        },
        // ANSI X9.62 and RFC 5758
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01] => ("ecdsa-with-SHA1", true),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 1] => ("ecdsa-with-SHA224", false),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 2] => ("ecdsa-with-SHA256", false),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 3] => ("ecdsa-with-SHA384", false),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 4] => ("ecdsa-with-SHA512", false),
        [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03] => ("dsa-with-sha1", true),
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 1] => ("dsa-with-sha224", false),
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 2] => ("dsa-with-sha256", false),
        // OIW: the same by older names
        [0x2b, 0x0e, 0x03, 0x02, 2 | 3] => ("md5WithRSA", true),
        [0x2b, 0x0e, 0x03, 0x02, 4] => ("md4WithRSAEncryption", true),
        [0x2b, 0x0e, 0x03, 0x02, 13 | 27] => ("dsaWithSHA1", true),
        [0x2b, 0x0e, 0x03, 0x02, 29] => ("sha1WithRSA", true),
        // RFC 8410
        [0x2b, 0x65, 0x70] => ("Ed25519", false),
        [0x2b, 0x65, 0x71] => ("Ed448", false),
        _ => ("", false),
    };
    let name = if name.is_empty() { dotted(oid) } else { name.to_owned() };
    SignatureAlgorithm { name, is_weak }
}

/// RSASSA-PSS says in its parameters what it rests on; SHA-1 where it does not (RFC 4055, section 3.1).
fn pss(parameters: Option<Element<'_>>) -> SignatureAlgorithm {
    let hash = parameters.filter(|parameters| parameters.tag == SEQUENCE).and_then(|parameters| {
        let hash = parameters.inside().optional(0xa0).ok()??;
        identifier(hash.inside().expect(SEQUENCE).ok()?).ok().map(|(oid, _)| oid)
    });
    let (hash, is_weak) = match hash {
        None | Some([0x2b, 0x0e, 0x03, 0x02, 0x1a]) => ("SHA-1".to_owned(), true),
        Some([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 1]) => ("SHA-256".to_owned(), false),
        Some([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 2]) => ("SHA-384".to_owned(), false),
        Some([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 3]) => ("SHA-512".to_owned(), false),
        // MD2, MD4, MD5
        Some(oid @ [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 2 | 4 | 5]) => (dotted(oid), true),
        Some(oid) => (dotted(oid), false),
    };
    SignatureAlgorithm { name: format!("rsassaPss with {hash}"), is_weak }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_the_first_that_is_set() {
        assert_eq!(bit_length(&[]), 0);
        assert_eq!(bit_length(&[0, 0]), 0);
        assert_eq!(bit_length(&[0, 1]), 1);
        assert_eq!(bit_length(&[0, 0x80, 0]), 16);
    }

    #[test]
    fn what_rests_on_sha_1_is_weak_however_it_is_written() {
        assert!(signature(&[0x2b, 0x0e, 0x03, 0x02, 29], None).is_weak);
        assert_eq!(signature(RSA_PSS, None).name, "rsassaPss with SHA-1");
        assert!(signature(RSA_PSS, None).is_weak);
        assert_eq!(
            signature(&[0x2a, 0x03], None),
            SignatureAlgorithm { name: "1.2.3".to_owned(), is_weak: false }
        );
    }
}

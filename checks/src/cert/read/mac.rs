//! The seal of an archive that has no password at all, not even an empty one (RFC 7292, section 4 and appendix B).
//!
//! p12-keystore verifies that of an empty password, which counts as two bytes of zero there.

use aws_lc_rs::{digest, hmac};

use super::der::{Element, Fault, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};

/// What diversifies keys of seals from others (appendix B.3).
const MAC_KEY: u8 = 3;
/// The most rounds that are made; [`super::pkcs12`] refuses more before.
const MOST_ROUNDS: u64 = 2_000_000;

/// Whether the seal of this archive (`PFX`) fits its content, made without a password.
pub(super) fn fits_no_password(archive: Element<'_>) -> bool {
    Seal::of(archive).is_ok_and(|seal| seal.fits().unwrap_or(false))
}

/// `macData` and what it seals.
struct Seal<'a> {
    content: &'a [u8],
    algorithm: &'a [u8],
    digest: &'a [u8],
    salt: &'a [u8],
    rounds: u64,
}

impl<'a> Seal<'a> {
    fn of(archive: Element<'a>) -> Result<Self, Fault> {
        let mut inside = archive.inside();
        inside.expect(INTEGER)?;
        let mut safe = inside.expect(SEQUENCE)?.inside();
        safe.expect(OBJECT_IDENTIFIER)?;
        let content = safe.expect(0xa0)?.inside().expect(OCTET_STRING)?.content;
        let mut data = inside.expect(SEQUENCE)?.inside();
        let mut info = data.expect(SEQUENCE)?.inside();
        let algorithm = info.expect(SEQUENCE)?.inside().expect(OBJECT_IDENTIFIER)?.content;
        let digest = info.expect(OCTET_STRING)?.content;
        let salt = data.expect(OCTET_STRING)?.content;
        let rounds = data.optional(INTEGER)?.map_or(1, |rounds| number(rounds.content));
        Ok(Self { content, algorithm, digest, salt, rounds })
    }

    fn fits(&self) -> Option<bool> {
        let (hash, mac) = algorithms(self.algorithm)?;
        if self.rounds == 0 || self.rounds > MOST_ROUNDS {
            return None;
        }
        let block = hash.block_len();
        let salted = self.salt.len().div_ceil(block).checked_mul(block)?;
        let mut context = digest::Context::new(hash);
        context.update(&vec![MAC_KEY; block]);
        context.update(&self.salt.iter().copied().cycle().take(salted).collect::<Vec<u8>>());
        // Without a password nothing follows the salt, and one block is as long as the key.
        let mut key = context.finish();
        for _ in 1..self.rounds {
            key = digest::digest(hash, key.as_ref());
        }
        Some(hmac::verify(&hmac::Key::new(mac, key.as_ref()), self.content, self.digest).is_ok())
    }
}

fn number(content: &[u8]) -> u64 {
    content.iter().fold(0, |sum: u64, byte| sum.saturating_mul(256).saturating_add(u64::from(*byte)))
}

/// SHA-1 as OpenSSL 1 and Java 8 wrote it; SHA-2 since.
fn algorithms(oid: &[u8]) -> Option<(&'static digest::Algorithm, hmac::Algorithm)> {
    match oid {
        [0x2b, 0x0e, 0x03, 0x02, 0x1a] => {
            Some((&digest::SHA1_FOR_LEGACY_USE_ONLY, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY))
        }
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last] => match last {
            1 => Some((&digest::SHA256, hmac::HMAC_SHA256)),
            2 => Some((&digest::SHA384, hmac::HMAC_SHA384)),
            3 => Some((&digest::SHA512, hmac::HMAC_SHA512)),
            4 => Some((&digest::SHA224, hmac::HMAC_SHA224)),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::der::{Reader, wrap};
    use super::*;

    /// An archive around some content, sealed without a password as appendix B says, with one round.
    fn sealed(content: &[u8], salt: &[u8]) -> Vec<u8> {
        let padded: Vec<u8> = salt.iter().copied().cycle().take(64).collect();
        let key = digest::digest(&digest::SHA256, &[[3; 64].as_slice(), &padded].concat());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()), content);
        let sha256 = wrap(OBJECT_IDENTIFIER, &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01]);
        let data = wrap(OBJECT_IDENTIFIER, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01]);
        let safe = [data, wrap(0xa0, &wrap(OCTET_STRING, content))].concat();
        let info = [wrap(SEQUENCE, &sha256), wrap(OCTET_STRING, tag.as_ref())].concat();
        let mac = [wrap(SEQUENCE, &info), wrap(OCTET_STRING, salt)].concat();
        let all = [wrap(INTEGER, &[3]), wrap(SEQUENCE, &safe), wrap(SEQUENCE, &mac)].concat();
        wrap(SEQUENCE, &all)
    }

    #[test]
    fn every_bit_of_the_content_and_of_the_seal_counts() {
        let (content, salt) = (b"content".as_slice(), b"saltsalt".as_slice());
        let fits = |bytes: &[u8]| fits_no_password(Reader(bytes).any().unwrap());
        let good = sealed(content, salt);
        assert!(fits(&good));
        for part in [content, salt] {
            let at = good.windows(part.len()).position(|bytes| bytes == part).unwrap();
            let mut spoilt = good.clone();
            spoilt[at] ^= 1;
            assert!(!fits(&spoilt));
        }
        let mut spoilt = good.clone();
        let digest = good.len() - salt.len() - 3;
        spoilt[digest] ^= 1;
        assert!(!fits(&spoilt));
    }
}

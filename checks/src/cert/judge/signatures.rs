//! Signatures, each verified once: the certificates of thousands of files have few issuers, whose own signatures are the
//! same bytes every time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use sha2::{Digest as _, Sha256};

/// How many are remembered, 32 bytes each. When there are more, it begins anew.
const MOST: usize = 8192;

/// Everything that a verification depends on, as SHA-256: algorithm, key, message and signature, with their lengths.
type Fingerprint = [u8; 32];

/// What has been verified. Only what is good is remembered: bad ones are rare, and asked about again.
#[derive(Debug, Default)]
struct Memory(Mutex<HashSet<Fingerprint>>);

impl Memory {
    fn known(&self) -> MutexGuard<'_, HashSet<Fingerprint>> {
        // One insertion leaves no half of itself behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every algorithm that webpki knows, over one memory.
#[derive(Debug)]
pub(super) struct Signatures(Vec<Remembered>);

impl Default for Signatures {
    fn default() -> Self {
        let memory = Arc::new(Memory::default());
        let all = webpki::ALL_VERIFICATION_ALGS.iter().zip(0_u8..);
        Self(
            all.map(|(inner, number)| Remembered { inner: *inner, number, memory: Arc::clone(&memory) })
                .collect(),
        )
    }
}

impl Signatures {
    /// For webpki.
    pub(super) fn algorithms(&self) -> Vec<&dyn SignatureVerificationAlgorithm> {
        self.0.iter().map(|algorithm| algorithm as &dyn SignatureVerificationAlgorithm).collect()
    }
}

/// An algorithm that does not verify again what it has verified.
#[derive(Debug)]
struct Remembered {
    inner: &'static dyn SignatureVerificationAlgorithm,
    /// Tells it from the others that share the memory.
    number: u8,
    memory: Arc<Memory>,
}

impl Remembered {
    fn fingerprint(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Fingerprint {
        let mut hash = Sha256::new_with_prefix([self.number]);
        for part in [public_key, message, signature] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

impl SignatureVerificationAlgorithm for Remembered {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let fingerprint = self.fingerprint(public_key, message, signature);
        if self.memory.known().contains(&fingerprint) {
            return Ok(());
        }
        self.inner.verify_signature(public_key, message, signature)?;
        let mut known = self.memory.known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(fingerprint);
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.inner.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.inner.signature_alg_id()
    }

    fn fips(&self) -> bool {
        self.inner.fips()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Says that a signature is good where it is the message, and counts.
    #[derive(Debug)]
    struct Counted(AtomicUsize);

    impl SignatureVerificationAlgorithm for Counted {
        fn verify_signature(
            &self,
            _: &[u8],
            message: &[u8],
            signature: &[u8],
        ) -> Result<(), InvalidSignature> {
            self.0.fetch_add(1, Ordering::Relaxed);
            if message == signature { Ok(()) } else { Err(InvalidSignature) }
        }

        fn public_key_alg_id(&self) -> AlgorithmIdentifier {
            rustls_pki_types::alg_id::ED25519
        }

        fn signature_alg_id(&self) -> AlgorithmIdentifier {
            rustls_pki_types::alg_id::ED25519
        }
    }

    #[test]
    fn only_the_same_good_signature_is_not_verified_again() {
        static INNER: Counted = Counted(AtomicUsize::new(0));
        let memory = Arc::new(Memory::default());
        let algorithm = |number| Remembered { inner: &INNER, number, memory: Arc::clone(&memory) };
        let (one, other) = (algorithm(1), algorithm(2));
        let asked = |verified: Result<(), InvalidSignature>, is_good: bool| {
            assert_eq!(verified.is_ok(), is_good);
            INNER.0.load(Ordering::Relaxed)
        };
        assert_eq!(asked(one.verify_signature(b"key", b"ab", b"ab"), true), 1);
        assert_eq!(asked(one.verify_signature(b"key", b"ab", b"ab"), true), 1);
        // Anything else is another question: the algorithm, the key, and where one part ends.
        assert_eq!(asked(other.verify_signature(b"key", b"ab", b"ab"), true), 2);
        assert_eq!(asked(one.verify_signature(b"kez", b"ab", b"ab"), true), 3);
        assert_eq!(asked(one.verify_signature(b"keya", b"b", b"ab"), false), 4);
        // What is bad stays bad, and is asked about each time.
        assert_eq!(asked(one.verify_signature(b"key", b"ab", b"ac"), false), 5);
        assert_eq!(asked(one.verify_signature(b"key", b"ab", b"ac"), false), 6);
    }

    #[test]
    fn memory_has_an_end() {
        static INNER: Counted = Counted(AtomicUsize::new(0));
        let one = Remembered { inner: &INNER, number: 0, memory: Arc::default() };
        for number in 0..MOST + 10 {
            let message = number.to_le_bytes();
            one.verify_signature(b"key", &message, &message).unwrap();
        }
        assert!(one.memory.known().len() <= MOST);
    }
}

//! What the tests of this crate have in common: certificates made for a moment, and moments.

use jiff::{SignedDuration, Timestamp};
use model::Secret;
use rcgen::{CertificateParams, DnType, KeyPair, SerialNumber};

use crate::pair::Pair;
use crate::store::{Store, StoreError};

/// So many seconds after the beginning of 2026.
pub(crate) fn moment(seconds: i64) -> Timestamp {
    let beginning: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    beginning.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

/// A certificate of an authority, with its key.
pub(crate) struct Made {
    /// PEM.
    pub(crate) chain: String,
    /// PEM.
    pub(crate) key: String,
}

impl Made {
    /// One for these names, from `now` on for so many seconds.
    pub(crate) fn of(names: &[String], now: Timestamp, seconds: i64) -> Self {
        let issuer_key = KeyPair::generate().unwrap();
        let mut issuer = CertificateParams::new(vec![]).unwrap();
        issuer.distinguished_name.push(DnType::CommonName, "an authority");
        issuer.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = rcgen::Issuer::new(issuer, issuer_key);
        let mut params = CertificateParams::new(names.to_vec()).unwrap();
        params.distinguished_name.push(DnType::CommonName, names.first().map_or("none", String::as_str));
        let time = |timestamp: Timestamp| {
            let seconds = std::time::Duration::from_secs(u64::try_from(timestamp.as_second()).unwrap());
            std::time::SystemTime::UNIX_EPOCH.checked_add(seconds).unwrap()
        };
        let end = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        params.not_before = time(now).into();
        params.not_after = time(end).into();
        params.serial_number = Some(SerialNumber::from(fastrand::u64(1 << 48..1 << 62)));
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        Self { chain: certificate.pem(), key: key.serialize_pem() }
    }

    pub(crate) fn put(&self, store: &Store, names: &[String], now: Timestamp) -> Result<Pair, StoreError> {
        store.put(self.chain.as_bytes(), &Secret::new(self.key.clone().into_bytes()), names, now)
    }

    pub(crate) fn pair(&self) -> Pair {
        Pair::parse(self.chain.as_bytes(), &Secret::new(self.key.clone().into_bytes())).unwrap()
    }

    pub(crate) fn serial(&self) -> String {
        self.pair().leaf().serial.clone()
    }
}

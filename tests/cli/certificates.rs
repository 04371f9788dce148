//! Certificates for the tests of checks: an authority, and leaves of it with the dates that a test wants.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use crate::support::Desk;

/// An authority of its own.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// The first day of a month.
pub(crate) type Month = (i32, u8);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Example Root");
        params.not_before = date_time_ymd(2025, 1, 1);
        params.not_after = date_time_ymd(2045, 1, 1);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A desk with the authority as `ca.pem`.
    pub(crate) fn desk(&self) -> Desk {
        let desk = Desk::new();
        desk.write("ca.pem", &self.pem);
        desk
    }

    /// A leaf for a name, valid between two months, and its key: `NAME.pem` and `NAME.key` on the desk.
    pub(crate) fn leaf(&self, desk: &Desk, file: &str, name: &str, from: Month, to: Month) {
        use std::os::unix::fs::PermissionsExt as _;
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(from.0, from.1, 1);
        params.not_after = date_time_ymd(to.0, to.1, 1);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        desk.write(&format!("{file}.pem"), &leaf.pem());
        let path = desk.path(&format!("{file}.key"));
        std::fs::write(&path, key.serialize_pem()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// A desk with certificates in each state, as of [`NOW`]: `fine.pem`, `soon.pem` (a warning), `gone.pem`, `junk.pem`.
pub(crate) fn desk() -> Desk {
    let authority = Authority::new();
    let desk = authority.desk();
    authority.leaf(&desk, "fine", "api.example.com", (2030, 6), (2030, 8));
    authority.leaf(&desk, "soon", "soon.example.com", (2030, 4), (2030, 7));
    authority.leaf(&desk, "gone", "gone.example.com", (2030, 3), (2030, 6));
    desk.write("junk.pem", "this is no certificate\n");
    desk
}

/// The moment that those are judged as of: 17 days before the end of `soon.pem`, whose warning begins at 27.3.
pub(crate) const NOW: &str = "--at 2030-06-14T00:00:00Z --ca-file ca.pem";

//! A host on which certificates are renewed, and its clock.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use model::config::AcmeChallenge;
use model::host::{CertificateSource, ExternalAccount, HOST_SETTINGS_VERSION, HostSettings};
use model::{DeploymentId, Region};
use renewal::disk::{Disk, RealDisk};
use renewal::pair::Leaf;
use renewal::records::TxtRecords;
use renewal::run::{Host, Outcome, Report, run};
use renewal::state::RenewalState;
use renewal::store::{Owner, Store};
use tempfile::TempDir;
use test_support::Pebble;

use crate::records::Zone;

pub(crate) const NAME: &str = "api.test.corp";

/// A host.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) settings: HostSettings,
    /// Where HTTP-01 is answered.
    pub(crate) http_port: u16,
    /// How far the clock of this host is ahead.
    pub(crate) ahead: SignedDuration,
    pub(crate) is_forced: bool,
    /// The DNS of the names, where it is in reach.
    pub(crate) zone: Option<Arc<Zone>>,
}

impl Bench {
    /// A host with nothing on it yet.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("sre-renew-").tempdir().unwrap();
        for name in ["tls", "tls/challenges", "state"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let settings = HostSettings {
            version: HOST_SETTINGS_VERSION,
            deployment_id: DeploymentId::parse("sre-test").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
            domains: vec![NAME.to_owned()],
            certificate: CertificateSource::AcmExportable { certificate_arn: String::new() },
        };
        Self { folder, settings, http_port: 1, ahead: SignedDuration::ZERO, is_forced: false, zone: None }
    }

    /// The host is told to use this authority.
    pub(crate) fn at(mut self, pebble: &Pebble, challenge: AcmeChallenge) -> Self {
        self.http_port = pebble.options().http_port;
        self.settings.certificate = CertificateSource::Acme {
            directory: pebble.directory(),
            email: Some("ops@test.corp".to_owned()),
            challenge,
            profile: None,
            external_account: None,
            ca_path: Some(pebble.ca_file().display().to_string()),
        };
        self
    }

    /// The host is told another directory.
    pub(crate) fn with_directory(mut self, url: &str) -> Self {
        if let CertificateSource::Acme { directory, .. } = &mut self.settings.certificate {
            url.clone_into(directory);
        }
        self
    }

    /// The host is told other roots.
    pub(crate) fn with_roots(mut self, path: &str) -> Self {
        if let CertificateSource::Acme { ca_path, .. } = &mut self.settings.certificate {
            *ca_path = Some(path.to_owned());
        }
        self
    }

    /// The host is given the key of an external account.
    pub(crate) fn with_external_account(mut self, key_id: &str, key: &str) -> Self {
        let path = self.path("eab.hmac");
        fs::write(&path, key).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        if let CertificateSource::Acme { external_account, .. } = &mut self.settings.certificate {
            let hmac_path = path.display().to_string();
            *external_account = Some(ExternalAccount { key_id: key_id.to_owned(), hmac_path });
        }
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn store(&self) -> Store {
        Store::new(self.path("tls"), Owner::Writer)
    }

    /// The clock of this host.
    #[expect(clippy::disallowed_methods, reason = "a real authority lives in real time")]
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now().checked_add(self.ahead).unwrap()
    }

    /// One run.
    pub(crate) fn run(&self) -> Report {
        self.run_on(Arc::new(RealDisk))
    }

    /// One run over other operations on files.
    pub(crate) fn run_on(&self, disk: Arc<dyn Disk>) -> Report {
        self.run_until(disk, std::future::pending()).unwrap()
    }

    /// One run that may die on its way; none where it did.
    pub(crate) fn run_until(&self, disk: Arc<dyn Disk>, death: impl Future<Output = ()>) -> Option<Report> {
        let store = Store::on(disk, self.path("tls"), Owner::Writer);
        let host = Host {
            store: &store,
            settings: &self.settings,
            state: &self.path("state"),
            answers: &self.path("tls/challenges"),
            http: ([127, 0, 0, 1], self.http_port).into(),
            exporter: None,
            records: self.zone.as_deref().map(|zone| zone as &dyn TxtRecords),
            now: &|| self.now(),
            chance: 0.5,
            is_forced: self.is_forced,
            is_dry: false,
        };
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            tokio::select! {
                report = run(&host) => Some(report),
                () = death => None,
            }
        })
    }

    /// One run that has to bring a certificate.
    pub(crate) fn renewed(&self) -> Leaf {
        let report = self.run();
        let Outcome::Renewed { leaf, .. } = report.outcome else { panic!("{report:#?}") };
        assert_eq!(self.store().live().unwrap().unwrap().leaf(), &*leaf);
        assert_eq!(self.answers(), Vec::<String>::new());
        *leaf
    }

    /// One run that has to fail with this code; what was live still is.
    pub(crate) fn failed(&self, code: &str) -> model::Finding {
        let before = self.store().live().unwrap().map(|pair| pair.leaf().clone());
        let report = self.run();
        assert_eq!(report.outcome, Outcome::Failed, "{report:#?}");
        let finding = report.findings.last().unwrap().clone();
        assert_eq!(finding.code, code, "{report:#?}");
        assert!(finding.hint.is_some(), "{finding:#?}");
        if let Some(before) = before {
            assert_eq!(self.store().live().unwrap().unwrap().leaf(), &before);
        }
        assert_eq!(self.answers(), Vec::<String>::new());
        finding
    }

    /// What lies in the folder of answers.
    pub(crate) fn answers(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("tls/challenges")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    /// What the next run will know.
    pub(crate) fn state(&self) -> RenewalState {
        RenewalState::read(&self.path("state/renewal.json")).unwrap().unwrap()
    }
}

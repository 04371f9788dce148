//! An authority that speaks ACME (RFC 8555): account, order, challenge, certificate.
//!
//! The protocol is `instant-acme`'s. What is here is what surrounds it: where the account is kept, how challenges are
//! answered and the answers removed again, how long anything may take, and what each failure means to the operator.

mod account;
mod challenge;
mod connection;
mod meaning;
mod order;

use std::net::SocketAddr;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use model::config::AcmeChallenge;
use model::host::ExternalAccount;
use model::{Finding, Secret};

use crate::disk::Disk;
use crate::pair::Leaf;
use crate::records::TxtRecords;
use crate::schedule::Window;
use crate::trouble::Trouble;

pub use challenge::remove_answers;
pub use order::Issued;

/// An authority, and how it is to be asked.
#[derive(Debug, Clone, Copy)]
pub struct Authority<'a> {
    /// The URL of its directory.
    pub directory: &'a str,
    /// Who is told before a certificate expires.
    pub email: Option<&'a str>,
    /// How control of the names is shown.
    pub challenge: AcmeChallenge,
    /// Its kind of certificate.
    pub profile: Option<&'a str>,
    /// Binds the account to one at the authority.
    pub external_account: Option<&'a ExternalAccount>,
    /// PEM roots that its own server is trusted by; none takes the system's.
    pub ca_path: Option<&'a Path>,
}

/// Where the client keeps and shows things.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The folder of the account's key, mode 0700.
    pub accounts: &'a Path,
    /// Where the proxy looks for answers to TLS-ALPN-01.
    pub answers: &'a Path,
    /// Whom those files belong to.
    pub owner: Option<(u32, u32)>,
    /// Where HTTP-01 is answered.
    pub http: SocketAddr,
    /// Where DNS-01 is answered, where that is in reach.
    pub records: Option<&'a dyn TxtRecords>,
    /// Operations on files.
    pub disk: &'a dyn Disk,
}

/// A client of one authority.
pub struct Client<'a> {
    authority: Authority<'a>,
    place: Place<'a>,
    /// Worth knowing, whatever comes of it.
    findings: Vec<Finding>,
}

impl<'a> Client<'a> {
    /// One that has not spoken yet.
    pub fn new(authority: Authority<'a>, place: Place<'a>) -> Self {
        Self { authority, place, findings: Vec::new() }
    }

    /// The URL of the authority's directory.
    pub fn directory(&self) -> &'a str {
        self.authority.directory
    }

    /// What is worth knowing of what was done.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Asks when a certificate should be renewed (RFC 9773), and how long not to ask again. None where there is no
    /// account here yet, or the authority has no such place.
    pub async fn suggestion(&self, leaf: &Leaf) -> Result<Option<(Window, SignedDuration)>, Trouble> {
        order::suggestion(self, leaf).await
    }

    /// Obtains a certificate for these names, in place of the one that is served. The answers to challenges are taken
    /// back afterwards, whatever comes of it.
    pub async fn obtain(
        &mut self,
        names: &[String],
        replaces: Option<&Leaf>,
        now: Timestamp,
    ) -> Result<Issued, Trouble> {
        order::obtain(self, names, replaces, now).await
    }
}

/// The key of an external account, from its file.
fn external_key(external: &ExternalAccount) -> Result<Secret<Vec<u8>>, Trouble> {
    account::external_key(external)
}

//! By which way a certificate reaches a trusted root. The decision is rustls-webpki's, over all certificates
//! that are there and at any moment; here it is asked, and its best answer chosen.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage, VerifiedPath};

use super::Placed;
use super::roots::{Root, Roots};
use crate::Moment;

/// How many other moments are tried for a path that is out of time. A chain of four certificates has eight ends.
const MOST_MOMENTS: usize = 16;
/// How many certificates may take part in the search. Chains have three, with all cross-signs six; the number of ways
/// through them grows with the factorial, and a server can send what it likes.
const MOST_ISSUERS: usize = 8;

/// What came of looking for a path.
#[derive(Debug, Clone)]
pub(super) enum Trust {
    /// It reaches this root now.
    Verified(Root),
    /// It reaches this root, but not at this moment: the dates say why.
    OutOfTime(Root),
    /// It reaches no root; why.
    Failed(Box<webpki::Error>),
}

/// A path and what it is worth.
#[derive(Debug, Clone)]
pub(super) struct Path<'a> {
    /// From the leaf up, without the root where that is known from elsewhere.
    pub(super) certificates: Vec<Placed<'a>>,
    /// Whether it is trusted.
    pub(super) trust: Trust,
    /// Whether an extended key usage on the way does not allow servers.
    pub(super) forbids_servers: bool,
}

/// A path that webpki verified, before it is put together.
struct Candidate {
    /// SHA-256 would do; the places in the list of what was given are shorter.
    intermediates: Vec<usize>,
    root: Root,
    /// The first end on the way.
    end: Moment,
}

/// Accepts every usage: whether servers are allowed is a question of its own.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// The best path from `leaf` over any of `all` at the moment `at`: of several that are trusted the one that stays so
/// longest. Without one, the way up by names.
pub(super) fn best<'a>(leaf: Placed<'a>, all: &[Placed<'a>], roots: &Roots, at: Moment) -> Path<'a> {
    let search = Search::new(leaf, all, roots);
    let found = search.at(at);
    match found {
        Ok((candidate, forbids_servers)) => {
            let root = candidate.root.clone();
            Path { certificates: search.assemble(&candidate), trust: Trust::Verified(root), forbids_servers }
        }
        Err(error) => {
            if !is_of_time(&error) {
                return search.failed(all, at, error);
            }
            match search.at_another_moment(at) {
                Ok((candidate, forbids_servers)) => {
                    let root = candidate.root.clone();
                    let certificates = search.assemble(&candidate);
                    Path { certificates, trust: Trust::OutOfTime(root), forbids_servers }
                }
                Err(other) => search.failed(all, at, other.unwrap_or(error)),
            }
        }
    }
}

/// What is searched for a path.
struct Search<'s, 'a> {
    leaf: Placed<'a>,
    others: Vec<Placed<'a>>,
    /// DER of `others`, in the same order.
    ders: Vec<CertificateDer<'a>>,
    anchors: Vec<TrustAnchor<'static>>,
    roots: &'s Roots,
    /// Whether there were more within reach than are looked at.
    is_crowded: bool,
}

/// The certificates that can be on a path from `leaf` by their names, nearest first, each once; and whether there are
/// more than [`MOST_ISSUERS`].
fn within_reach<'a>(leaf: Placed<'a>, all: &[Placed<'a>]) -> (Vec<Placed<'a>>, bool) {
    let mut by_subject: HashMap<&[u8], Vec<Placed<'a>>> = HashMap::new();
    for placed in all {
        by_subject.entry(&placed.certificate.subject_der).or_default().push(*placed);
    }
    let mut found: Vec<Placed<'a>> = Vec::new();
    let mut next = Some(leaf);
    let mut seen = 0;
    while let Some(placed) = next {
        let issuers = by_subject.remove(&*placed.certificate.issuer_der).unwrap_or_default();
        for issuer in issuers {
            if issuer.der == leaf.der || found.iter().any(|known| known.der == issuer.der) {
                continue;
            }
            if found.len() >= MOST_ISSUERS {
                return (found, true);
            }
            found.push(issuer);
        }
        next = found.get(seen).copied();
        seen = seen.saturating_add(1);
    }
    (found, false)
}

impl<'s, 'a> Search<'s, 'a> {
    fn new(leaf: Placed<'a>, all: &[Placed<'a>], roots: &'s Roots) -> Self {
        let (others, is_crowded) = within_reach(leaf, all);
        let ders = others.iter().map(|placed| CertificateDer::from(&*placed.certificate.der)).collect();
        let mut issued = others.clone();
        issued.push(leaf);
        let anchors = roots.relevant(&issued);
        Self { leaf, others, ders, anchors, roots, is_crowded }
    }

    /// The best verified path at a moment, and whether a usage on it does not allow servers.
    fn at(&self, at: Moment) -> Result<(Candidate, bool), Box<webpki::Error>> {
        match self.verify(at, KeyUsage::server_auth()) {
            Ok(candidate) => Ok((candidate, false)),
            Err(error)
                if matches!(
                    *error,
                    webpki::Error::RequiredEkuNotFoundContext(_) | webpki::Error::EmptyEkuExtension
                ) =>
            {
                self.verify(at, AnyUsage).map(|candidate| (candidate, true))
            }
            Err(error) => Err(error),
        }
    }

    fn verify(
        &self,
        at: Moment,
        usage: impl ExtendedKeyUsageValidator,
    ) -> Result<Candidate, Box<webpki::Error>> {
        let seconds = u64::try_from(at.as_second()).unwrap_or(0);
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let der = CertificateDer::from(&*self.leaf.certificate.der);
        let leaf = EndEntityCert::try_from(&der).map_err(Box::new)?;
        let found: RefCell<Vec<Candidate>> = RefCell::default();
        // Each path that verifies is noted and turned down, so that the search goes on to the next.
        let note = |path: &VerifiedPath<'_>| {
            found.borrow_mut().push(self.candidate(path));
            Err(webpki::Error::UnknownIssuer)
        };
        let result = leaf.verify_for_usage(
            &self.roots.signatures().algorithms(),
            &self.anchors,
            &self.ders,
            time,
            usage,
            None,
            Some(&note),
        );
        let error = result.err().unwrap_or(webpki::Error::UnknownIssuer);
        let best = found.into_inner().into_iter().reduce(|best, next| {
            let is_better = next.end > best.end
                || (next.end == best.end && next.intermediates.len() < best.intermediates.len());
            if is_better { next } else { best }
        });
        best.ok_or(Box::new(error))
    }

    fn candidate(&self, path: &VerifiedPath<'_>) -> Candidate {
        let intermediates: Vec<usize> = path
            .intermediate_certificates()
            .filter_map(|intermediate| self.ders.iter().position(|der| *der == intermediate.der()))
            .collect();
        let end = intermediates
            .iter()
            .filter_map(|place| self.others.get(*place))
            .filter_map(|placed| placed.not_after)
            .min()
            .unwrap_or(Moment::NO_EXPIRY);
        Candidate { intermediates, root: Root::of(path.anchor(), self.roots), end }
    }

    fn assemble(&self, candidate: &Candidate) -> Vec<Placed<'a>> {
        let rest = candidate.intermediates.iter().filter_map(|place| self.others.get(*place)).copied();
        std::iter::once(self.leaf).chain(rest).collect()
    }

    fn failed(&self, all: &[Placed<'a>], at: Moment, error: Box<webpki::Error>) -> Path<'a> {
        // What was not looked at may have led further.
        let error =
            if self.is_crowded { Box::new(webpki::Error::MaximumPathBuildCallsExceeded) } else { error };
        Path {
            certificates: by_names(self.leaf, all, at),
            trust: Trust::Failed(error),
            forbids_servers: false,
        }
    }

    /// A path that verifies at another moment than `at`, the nearest to it. Without one, what is wrong with the
    /// certificates besides their dates.
    fn at_another_moment(&self, at: Moment) -> Result<(Candidate, bool), Option<Box<webpki::Error>>> {
        let mut moments: Vec<Moment> = std::iter::once(&self.leaf)
            .chain(&self.others)
            .flat_map(|placed| [placed.not_before, placed.not_after])
            .flatten()
            .collect();
        moments.sort_unstable_by_key(|moment| moment.since(at).saturating_abs());
        moments.dedup();
        let mut besides = None;
        for moment in moments.into_iter().take(MOST_MOMENTS) {
            match self.at(moment) {
                Ok(found) => return Ok(found),
                Err(error) if is_of_time(&error) => {}
                Err(error) => besides = besides.or(Some(error)),
            }
        }
        Err(besides)
    }
}

/// Whether only the moment is wrong.
fn is_of_time(error: &webpki::Error) -> bool {
    matches!(error, webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. })
}

/// The way up by names and key identifiers, as far as the certificates go. Nothing is verified; of several issuers one
/// that is valid at `at` is taken, and of these the one that ends last.
fn by_names<'a>(leaf: Placed<'a>, all: &[Placed<'a>], at: Moment) -> Vec<Placed<'a>> {
    let mut path = vec![leaf];
    let mut last = leaf;
    while !last.is_self_issued() {
        let issuer = all
            .iter()
            .filter(|placed| placed.subject_der == last.issuer_der && fits(placed, &last))
            .filter(|placed| !path.iter().any(|other| other.der == placed.der))
            .max_by_key(|placed| {
                let is_valid = placed.not_before.is_some_and(|first| first <= at)
                    && placed.not_after.is_some_and(|end| end >= at);
                (is_valid, placed.not_after)
            });
        let Some(issuer) = issuer else { break };
        path.push(*issuer);
        last = *issuer;
    }
    path
}

/// Whether the key identifiers do not speak against `issuer` having signed `certificate`.
fn fits(issuer: &Placed<'_>, certificate: &Placed<'_>) -> bool {
    match (&issuer.subject_key_id, &certificate.authority_key_id) {
        (Some(own), Some(wanted)) => own == wanted,
        _ => true,
    }
}

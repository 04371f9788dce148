//! A certificate from an authority: asked for when the schedule says so.

use std::cell::RefCell;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use model::host::CertificateSource;
use model::{Finding, Severity};

use super::remembered::Remembered;
use super::{Host, Outcome, clock, keep, outcome, state, warning};
use crate::acme::{Authority, Client, Place};
use crate::pair::{Leaf, Pair, Unfit};
use crate::records::TxtRecords;
use crate::schedule::{self, Decision, Facts, Suggestion};
use crate::state::{RenewalState, Wanted};
use crate::store::StoreError;
use crate::trouble::{Trouble, codes};

/// No timer is closer than an hour; a certificate that is due sooner than two runs after it came is always late.
const TOO_SHORT: SignedDuration = SignedDuration::from_hours(2);

pub(super) async fn attempt(
    host: &Host<'_>,
    live: Option<&Pair>,
    findings: &mut Vec<Finding>,
    now: Timestamp,
) -> Result<Outcome, Trouble> {
    let CertificateSource::Acme { directory, email, challenge, profile, external_account, ca_path } =
        &host.settings.certificate
    else {
        return Ok(Outcome::Failed);
    };
    let names = host.settings.domains.clone();
    if names.is_empty() {
        return Err(Trouble::new(
            codes::NO_NAME,
            "tls.domain",
            "no name is configured to ask a certificate for",
        )
        .hint("set `tls.domain`, and install again: sre-agent-deploy host install"));
    }
    let wanted = Wanted { names: names.clone(), directory: directory.clone(), profile: profile.clone() };
    let authority = Authority {
        directory,
        email: email.as_deref(),
        challenge: *challenge,
        profile: profile.as_deref(),
        external_account: external_account.as_ref(),
        ca_path: ca_path.as_deref().map(Path::new),
    };
    let place = Place {
        accounts: host.state,
        answers: host.answers,
        owner: host.store.owner().numbers(),
        http: host.http,
        records: host.records,
        disk: host.store.disk(),
    };
    let client = Client::new(authority, place);
    let mut known = state(host, findings, now);
    let leaf = live.map(Pair::leaf);
    let decide = |known: &RenewalState| {
        schedule::decide(&Facts { live: leaf, wanted: &wanted, state: known, is_forced: host.is_forced, now })
    };
    if let (Decision::Fresh { .. }, Some(leaf)) = (decide(&known), leaf) {
        look_for_suggestion(host, &client, leaf, &mut known, findings, now).await;
    }
    let decision = decide(&known);
    known.last_run = Some(now);
    let Decision::Due(reason) = decision else {
        keep(host, &known)?;
        if let (Decision::Wait { until, .. }, Some(failure)) = (decision, &known.last_failure) {
            findings.push(
                Finding::new(
                    codes::WAITING,
                    Severity::Warning,
                    names.join(", "),
                    format!(
                        "{} tries have failed, the last with {failure}; the next is at {until}",
                        known.failures
                    ),
                )
                .hint(format!(
                    "read `sre-agent-deploy explain {failure}`; then: sre-agent-deploy host renew --force"
                )),
            );
        }
        return outcome(decision);
    };
    if host.is_dry {
        return outcome(decision);
    }
    // Before the authority is asked: a run that dies in the middle has tried as well.
    known.begin(&wanted, now);
    keep(host, &known)?;
    let replaced = leaf.filter(|leaf| !leaf.is_self_signed && !leaf.is_placeholder);
    let shared = RefCell::new(known);
    let remembered = host.records.map(|records| Remembered::new(records, host, &shared));
    let records = remembered.as_ref().map(|records| records as &dyn TxtRecords);
    let mut client = Client::new(authority, Place { records, ..place });
    let obtained = client.obtain(&names, replaced, now).await;
    findings.extend(client.findings().iter().cloned());
    let mut known = shared.into_inner();
    let taken = obtained.and_then(|issued| {
        known.account = Some(issued.account.clone());
        let then = (host.now)();
        host.store.put(&issued.chain, &issued.key, &names, then).map_err(|error| refused(&error, directory))
    });
    match taken {
        Ok(pair) => {
            known.succeeded(pair.leaf(), &wanted, reason);
            findings.extend(too_short(pair.leaf()));
            // The pair is live: that its success cannot be noted is no failure of it.
            if let Err(trouble) = keep(host, &known) {
                findings.push(warning(trouble));
            }
            Ok(Outcome::Renewed { reason: Some(reason), leaf: Box::new(pair.leaf().clone()) })
        }
        Err(trouble) => {
            known.failed(&trouble.finding.code, trouble.retry_after, leaf, (host.now)());
            if let Err(other) = keep(host, &known) {
                findings.push(warning(other));
            }
            Err(trouble)
        }
    }
}

/// Asks the authority when to renew, where it is time to ask. That it does not answer changes nothing.
async fn look_for_suggestion(
    host: &Host<'_>,
    client: &Client<'_>,
    leaf: &Leaf,
    known: &mut RenewalState,
    findings: &mut Vec<Finding>,
    now: Timestamp,
) {
    let earlier = known.suggestion.clone().filter(|suggestion| suggestion.serial == leaf.serial);
    // A clock that was ahead must not keep it from being asked for years.
    let day = now.saturating_add(SignedDuration::from_hours(25)).unwrap_or(Timestamp::MAX);
    let is_early = |suggestion: &Suggestion| now < suggestion.ask_again && suggestion.ask_again <= day;
    if host.is_dry || earlier.as_ref().is_some_and(is_early) {
        return;
    }
    match client.suggestion(leaf).await {
        Ok(None) => {}
        Ok(Some((window, again))) => {
            let taken = Suggestion::taken(earlier.as_ref(), &leaf.serial, window, again, host.chance, now);
            if taken.is_none() {
                findings.push(Finding::new(
                    codes::SUGGESTION,
                    Severity::Info,
                    client.directory(),
                    "the authority suggests a window that ends before it begins; the usual rule holds",
                ));
            }
            known.suggestion = taken;
        }
        Err(trouble) => findings.push(Finding { severity: Severity::Info, ..*trouble.finding }),
    }
}

/// What the store says of a certificate that the authority has just issued.
fn refused(error: &StoreError, directory: &str) -> Trouble {
    match error {
        StoreError::Unfit(Unfit::Early(not_before)) => Trouble {
            finding: Box::new(clock(
                Severity::Error,
                format!(
                    "the new certificate is not valid before {not_before}, so the clock of this host is behind"
                ),
            )),
            retry_after: None,
        },
        StoreError::Unfit(unfit) => Trouble::new(
            codes::UNFIT,
            directory,
            format!("what the authority issued is not used: {unfit}"),
        )
        .hint(
            "the pair that was there is still served; compare `tls.domain` with what the authority may issue",
        ),
        error => Trouble::of_store(error),
    }
}

fn too_short(leaf: &Leaf) -> Option<Finding> {
    let until_due = schedule::due_by_rule(leaf).duration_since(leaf.not_before);
    (until_due < TOO_SHORT).then(|| {
        Finding::new(
            codes::SHORT,
            Severity::Warning,
            leaf.names.join(", "),
            format!(
                "the authority's certificates live from {} to {}: too short for a timer that looks once an hour",
                leaf.not_before, leaf.not_after
            ),
        )
        .hint("ask the authority for a longer profile: `tls.acme.profile`")
    })
}

//! Route 53 behind the renewal's own words: text records in the hosted zone that holds a name.
//!
//! A record set is read, and replaced against what was read, so that values of others stay whoever else is at work.

use std::time::Duration;

use cloud::port::route53::{ChangeState, NoZone, TxtChange, TxtQuery, TxtSet, zone_of};
use cloud::{CallError, Cloud, ErrorKind};
use model::{Finding, Severity};
use provision::advice;
use renewal::records::{Told, TxtRecords};
use renewal::trouble::codes;
use tokio::time::{Instant, sleep, timeout};

/// How long resolvers may keep an answer that is gone in a minute.
const TTL: u32 = 10;
/// How often a call is made that may heal, and how often a set is read that others change at the same time.
const ATTEMPTS: u32 = 6;
/// The first pause; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);
/// Route 53 usually needs less than a minute.
const IN_SYNC_WITHIN: Duration = Duration::from_mins(4);
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Taking back must not keep a run from its end; the next one tries again.
const TAKEN_BACK_WITHIN: Duration = Duration::from_mins(2);

/// Route 53 of an account.
pub(super) struct Zones<'c> {
    /// The account.
    pub(super) cloud: &'c Cloud,
    /// Says what is waited for.
    pub(super) say: &'c dyn Fn(&str),
}

/// What a set is changed into; none where there is nothing to change.
type Wish<'w> = &'w dyn Fn(Option<&TxtSet>) -> Option<Option<TxtSet>>;

impl Zones<'_> {
    /// The id of the zone that holds this name.
    async fn zone(&self, name: &str) -> Result<String, Box<Finding>> {
        let zones = persist(|| self.cloud.route53.list_hosted_zones(())).await;
        let zones = zones.map_err(|error| refused(name, &error))?;
        match zone_of(&zones, name) {
            Ok(zone) => Ok(zone.id.clone()),
            Err(NoZone::None) => Err(Box::new(
                Finding::new(
                    codes::NO_ZONE,
                    Severity::Error,
                    name,
                    format!("no public hosted zone of this account holds {name}"),
                )
                .hint(
                    "see which there are: aws route53 list-hosted-zones; without one, set `tls.acme.challenge: \
                     tls-alpn-01`",
                ),
            )),
            Err(NoZone::Several(ids)) => Err(Box::new(
                Finding::new(
                    codes::NO_ZONE,
                    Severity::Error,
                    name,
                    format!("several public hosted zones of one name hold {name}"),
                )
                .evidence(ids.join(", "))
                .hint("delete those that the registrar's name servers do not lead to"),
            )),
        }
    }

    /// Changes the set of a name into what is wished for; answers the id of the change.
    async fn change(&self, name: &str, wish: Wish<'_>) -> Result<Option<String>, Box<Finding>> {
        let query = TxtQuery { zone_id: self.zone(name).await?, name: name.to_owned() };
        let (mut left, mut pause) = (ATTEMPTS, PAUSE);
        loop {
            left = left.saturating_sub(1);
            let before = persist(|| self.cloud.route53.txt_set(query.clone())).await;
            let before = before.map_err(|error| refused(name, &error))?;
            let Some(after) = wish(before.as_ref()) else { return Ok(None) };
            let (zone_id, name) = (query.zone_id.clone(), query.name.clone());
            let change = TxtChange { zone_id, name, before, after };
            match self.cloud.route53.change_txt(change).await {
                Ok(id) => return Ok(Some(id)),
                // Somebody was faster, or nobody knows whether it was done: the next look says what there is.
                Err(error)
                    if left > 0 && (error.kind == ErrorKind::NotPropagated || may_heal(error.kind)) =>
                {
                    sleep(pause).await;
                    pause = pause.saturating_mul(2);
                }
                Err(error) => return Err(refused(&query.name, &error)),
            }
        }
    }

    /// Waits until all name servers have a change.
    async fn in_sync(&self, name: &str, id: &str) -> Result<(), Box<Finding>> {
        let began = Instant::now();
        let mut is_said = false;
        loop {
            let state = persist(|| self.cloud.route53.get_change(id.to_owned())).await;
            if state.map_err(|error| refused(name, &error))? == ChangeState::InSync {
                return Ok(());
            }
            if !is_said {
                (self.say)(
                    "waiting until all name servers of Route 53 have the record (usually under a minute)",
                );
                is_said = true;
            }
            if began.elapsed() >= IN_SYNC_WITHIN {
                return Err(Box::new(
                    Finding::new(
                        codes::NOT_IN_SYNC,
                        Severity::Error,
                        name,
                        format!(
                            "after {} s not all name servers of Route 53 have the record",
                            began.elapsed().as_secs()
                        ),
                    )
                    .evidence(format!("change {id} is PENDING"))
                    .hint("the next run tries again; see https://health.aws.amazon.com"),
                ));
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

impl TxtRecords for Zones<'_> {
    fn look<'a>(&'a self, name: &'a str) -> Told<'a> {
        Box::pin(async move { self.zone(name).await.map(|_| ()) })
    }

    fn publish<'a>(&'a self, name: &'a str, value: &'a str) -> Told<'a> {
        Box::pin(async move {
            let value = quoted(value);
            let id = self
                .change(name, &|before| {
                    // Also where the value is there already: only a change of our own says when it can be seen.
                    let mut set = before.cloned().unwrap_or(TxtSet { ttl: TTL, values: Vec::new() });
                    if !set.values.contains(&value) {
                        set.values.push(value.clone());
                    }
                    Some(Some(set))
                })
                .await?;
            match id {
                Some(id) => self.in_sync(name, &id).await,
                None => Ok(()),
            }
        })
    }

    fn withdraw<'a>(&'a self, name: &'a str, value: &'a str) -> Told<'a> {
        Box::pin(async move {
            let value = quoted(value);
            let without: Wish<'_> = &|before| {
                let before = before.filter(|set| set.values.contains(&value))?;
                let values: Vec<String> =
                    before.values.iter().filter(|&one| *one != value).cloned().collect();
                Some(Some(TxtSet { ttl: before.ttl, values }).filter(|set| !set.values.is_empty()))
            };
            let cause = match timeout(TAKEN_BACK_WITHIN, self.change(name, without)).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(why)) => match why.evidence {
                    Some(evidence) => format!("{}: {evidence}", why.message),
                    None => why.message,
                },
                Err(_) => format!("Route 53 had not answered after {} s", TAKEN_BACK_WITHIN.as_secs()),
            };
            let message = format!("the answer to the challenge is still in the DNS: TXT {name} {value}");
            let finding = Finding::new(codes::RECORD_LEFT, Severity::Error, name, message).evidence(cause);
            Err(Box::new(finding.hint("the next run takes it back; a value that stays harms nobody")))
        })
    }
}

/// As Route 53 writes it. What ACME publishes has no character that would need more.
fn quoted(value: &str) -> String {
    format!("\"{value}\"")
}

/// Makes a call that may be repeated, until it succeeds or fails for good.
async fn persist<T, F>(call: impl Fn() -> F) -> Result<T, CallError>
where
    F: Future<Output = Result<T, CallError>>,
{
    let (mut left, mut pause) = (ATTEMPTS, PAUSE);
    loop {
        left = left.saturating_sub(1);
        match call().await {
            Err(error) if left > 0 && may_heal(error.kind) => {
                sleep(pause).await;
                pause = pause.saturating_mul(2);
            }
            answer => return answer,
        }
    }
}

fn may_heal(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Throttled | ErrorKind::TimedOut | ErrorKind::Unreachable | ErrorKind::ServerFault
    )
}

/// What a failed call means to the operator.
fn refused(name: &str, error: &CallError) -> Box<Finding> {
    let hint = match error.kind {
        ErrorKind::Denied => {
            "the role that `deploy` makes may do this where the configuration says `challenge: dns-01`: deploy again with \
             it; another role needs what docs/certificates.md lists"
        }
        ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::NotPropagated => {
            "look at what is there: aws route53 list-resource-record-sets --hosted-zone-id ID; beside a CNAME, an alias or \
             a routing policy no text record can be written"
        }
        // Credentials, the network, AWS itself: said as everywhere.
        _ => return Box::new(advice::of_call(name, error)),
    };
    let message = format!("Route 53 does not take the text record for {name}");
    let finding = Finding::new(codes::RECORD, Severity::Error, name, message);
    Box::new(finding.evidence(error.to_string()).hint(hint))
}

#[cfg(test)]
mod tests;

//! The DNS record that clients need: which it is, and what name servers say of it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use checks::remote::dns::{NameFacts, NameServers, Trouble};
use model::plan::StepId;
use wizard::exchange::{Record, Seen, Verdict};

use super::around::Around;
use super::work;
use crate::commands::{check, resume};
use crate::storage;

/// How long name servers may take for an answer.
const STEP: Duration = Duration::from_secs(3);

/// Why nobody is asked in a rehearsal.
pub(super) const NOT_REAL: &str =
    "a rehearsal's address is invented, and its name is known to this machine only";

/// The record of the deployment at hand, as name servers have it now; none while its address is not known.
pub(super) fn look(around: &Around) -> Option<Box<Record>> {
    let is_rehearsal = work::is_rehearsal(around);
    let state_file = storage::state_file(&around.app, around.state.state_file.as_ref(), is_rehearsal);
    let state = storage::peek(&state_file).ok()??;
    let config = resume::approved_config(&state).ok()??;
    // An instance that was there before keeps the address that it has.
    let step = if config.instance.adopt_instance_id.is_some() { StepId::Instance } else { StepId::Address };
    let address = state.step(step).outputs.get("public_ip")?.clone();
    let name = config.tls.domain?;
    let is_practice = around.app.variable("SRE_AGENT_DEPLOY_PRACTICE_ACCOUNT").is_some();
    let seen = if is_rehearsal || is_practice {
        Seen::NotLooked { because: NOT_REAL.to_owned() }
    } else {
        match (look_up(&name), address.parse()) {
            (Ok(facts), Ok(address)) => seen(&facts, address),
            (Err(because), _) => Seen::Unknown { because },
            (_, Err(_)) => Seen::Unknown { because: format!("`{address}` is no IPv4 address") },
        }
    };
    Some(Box::new(Record { name, address, seen }))
}

/// What name servers say of a name.
pub(super) fn look_up(name: &str) -> Result<NameFacts, String> {
    // What only this machine knows is of no use to clients.
    let found = check::wait_simply(async || {
        Ok(match NameServers::of_system(STEP) {
            Ok(servers) => Ok(servers.look_up(name, "").await),
            Err(why) => Err(why),
        })
    });
    found.map_err(|failure| failure.line())?
}

/// Whether a name leads to the address, and nowhere else.
fn seen(facts: &NameFacts, address: Ipv4Addr) -> Seen {
    let others: Vec<String> = facts
        .addresses()
        .into_iter()
        .filter(|found| *found != IpAddr::V4(address))
        .map(|found| found.to_string())
        .collect();
    if !others.is_empty() {
        return Seen::Elsewhere { addresses: others };
    }
    let is_missing = |trouble: &Trouble| matches!(trouble, Trouble::NoSuchName | Trouble::NoRecords);
    match (&facts.v4, &facts.v6) {
        (Err(trouble), _) if is_missing(trouble) => Seen::Missing { because: trouble.to_string() },
        (Err(trouble), _) => Seen::Unknown { because: trouble.to_string() },
        // Clients prefer the other kind of address where there is one.
        (Ok(_), Err(trouble)) if !is_missing(trouble) => Seen::Unknown {
            because: format!("its A record is right, and whether it has an AAAA record: {trouble}"),
        },
        (Ok(_), _) => Seen::Right,
    }
}

/// Where a name leads, before there is an address that it should lead to.
pub(super) fn leads(facts: &NameFacts) -> Verdict {
    let found: Vec<String> = facts.addresses().iter().take(3).map(ToString::to_string).collect();
    if !found.is_empty() {
        return Verdict::Fine { note: format!("leads to {} now", found.join(", ")) };
    }
    match &facts.v4 {
        Err(Trouble::NoSuchName | Trouble::NoRecords) => Verdict::Fine {
            note: "leads nowhere yet: make its A record when the address is known".to_owned(),
        },
        Err(trouble) => Verdict::Unknown { because: trouble.to_string() },
        Ok(_) => Verdict::Unknown { because: "nothing was said".to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);

    type Addresses = Result<&'static [&'static str], Trouble>;

    fn facts(v4: Addresses, v6: Addresses) -> NameFacts {
        let parsed =
            |found: Addresses| found.map(|texts| texts.iter().map(|text| text.parse().unwrap()).collect());
        NameFacts {
            name: "api.example.com".to_owned(),
            aliases: Vec::new(),
            v4: parsed(v4),
            v6: parsed(v6),
            // A machine may know more than its name servers; clients do not.
            local: Ok(vec![IpAddr::V4(OURS)]),
            hosts_file: Vec::new(),
        }
    }

    #[test]
    fn a_record_is_right_only_where_it_was_seen_and_nothing_else_was() {
        use Trouble::{NoRecords, NoSuchName, Refused, ServerFailed, TimedOut};
        let ours: &'static [&'static str] = &["203.0.113.10"];
        let rows: [(Addresses, Addresses, &str); 10] = [
            (Ok(ours), Err(NoRecords), "name servers give this address, and no other"),
            (Err(NoSuchName), Err(NoSuchName), "not there yet: there is no such name (NXDOMAIN)"),
            (Err(NoRecords), Err(NoRecords), "not there yet: the name has no address"),
            (Ok(&["198.51.100.7"]), Err(NoRecords), "leads elsewhere: to 198.51.100.7"),
            (Ok(&["203.0.113.10", "198.51.100.7"]), Err(NoRecords), "leads elsewhere: to 198.51.100.7"),
            (Ok(ours), Ok(&["2001:db8::1"]), "leads elsewhere: to 2001:db8::1"),
            (Err(NoRecords), Ok(&["2001:db8::1"]), "leads elsewhere: to 2001:db8::1"),
            (Err(TimedOut), Err(NoRecords), "could not be seen: no name server answered"),
            (Err(ServerFailed), Err(Refused), "could not be seen: the name server failed (SERVFAIL)"),
            (
                Ok(ours),
                Err(TimedOut),
                "could not be seen: its A record is right, and whether it has an AAAA record: no name server answered",
            ),
        ];
        for (v4, v6, wanted) in rows {
            assert_eq!(seen(&facts(v4, v6), OURS).said(), wanted);
        }
    }

    #[test]
    fn before_there_is_an_address_a_name_may_lead_nowhere_but_must_have_been_asked_for() {
        let nowhere = facts(Err(Trouble::NoSuchName), Err(Trouble::NoSuchName));
        assert!(matches!(leads(&nowhere), Verdict::Fine { note } if note.starts_with("leads nowhere yet")));
        let somewhere = facts(Ok(&["198.51.100.7"]), Err(Trouble::NoRecords));
        assert!(matches!(leads(&somewhere), Verdict::Fine { note } if note == "leads to 198.51.100.7 now"));
        let unseen = facts(Err(Trouble::TimedOut), Err(Trouble::TimedOut));
        assert!(
            matches!(leads(&unseen), Verdict::Unknown { because } if because == "no name server answered")
        );
    }
}

//! Amazon Route 53: public hosted zones, and text records in them.
//!
//! A record set is changed against what was read of it: the call fails where somebody has changed it in between, so that
//! nobody's values are lost. Route 53 has no other way to change a part of a set.

use crate::hook::port;

/// A hosted zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedZone {
    /// Such as `Z0123456789ABCDEFGHIJ`.
    pub id: String,
    /// In lower case, without the final dot.
    pub name: String,
    /// Whether only VPCs see it.
    pub is_private: bool,
}

/// A text record set to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxtQuery {
    /// The zone.
    pub zone_id: String,
    /// Its name, in lower case and without the final dot.
    pub name: String,
}

/// All text records of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxtSet {
    /// How long resolvers may keep it, in seconds.
    pub ttl: u32,
    /// Each as Route 53 writes it: in quotation marks. At least one.
    pub values: Vec<String>,
}

/// A change of a text record set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxtChange {
    /// The zone.
    pub zone_id: String,
    /// Its name, in lower case and without the final dot.
    pub name: String,
    /// What is there now, as it was read; `None` where there is nothing.
    pub before: Option<TxtSet>,
    /// What is to be there; `None` deletes it.
    pub after: Option<TxtSet>,
}

/// How far a change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeState {
    /// Not all name servers of Route 53 have it.
    Pending,
    /// All of them have it.
    InSync,
}

/// Why no zone can be named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoZone {
    /// No public zone holds the name.
    None,
    /// Several public zones of one name do, and which of them the world asks is not known; their ids.
    Several(Vec<String>),
}

/// The public zone that holds a name: the one with the longest name that it ends with.
pub fn zone_of<'z>(zones: &'z [HostedZone], name: &str) -> Result<&'z HostedZone, NoZone> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let holds = |zone: &&HostedZone| {
        let above = name.strip_suffix(zone.name.as_str());
        !zone.is_private && !zone.name.is_empty() && above.is_some_and(|a| a.is_empty() || a.ends_with('.'))
    };
    let holding = || zones.iter().filter(holds);
    let longest = holding().map(|zone| zone.name.len()).max().ok_or(NoZone::None)?;
    let mut best = holding().filter(|zone| zone.name.len() == longest);
    match (best.next(), best.next()) {
        (Some(zone), None) => Ok(zone),
        _ => Err(NoZone::Several(
            holding().filter(|zone| zone.name.len() == longest).map(|zone| zone.id.clone()).collect(),
        )),
    }
}

port! {
    /// Amazon Route 53.
    "route53" Route53 {
        /// All hosted zones of the account.
        Read "ListHostedZones" list_hosted_zones(()) -> Vec<HostedZone>;
        /// The text record set of a name; a zone that does not exist is the kind `NotFound`. One that is an alias, or one
        /// of several with routing between them, is the kind `Invalid`.
        Read "ListResourceRecordSets" txt_set(TxtQuery) -> Option<TxtSet>;
        /// Puts one text record set in the place of another and answers the id of the change. The kind is
        /// `NotPropagated` where the set is not the one that was read.
        Write "ChangeResourceRecordSets" change_txt(TxtChange) -> String;
        /// How far a change has come, by its id.
        Read "GetChange" get_change(String) -> ChangeState;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(id: &str, name: &str) -> HostedZone {
        HostedZone { id: id.to_owned(), name: name.to_owned(), is_private: false }
    }

    #[test]
    fn the_longest_public_zone_holds_a_name() {
        let private = HostedZone { is_private: true, ..zone("Z9", "api.corp.io") };
        let zones = [zone("Z1", "io"), zone("Z2", "corp.io"), zone("Z3", "rp.io"), private];
        let id = |name: &str| zone_of(&zones, name).map(|zone| zone.id.as_str());
        assert_eq!(id("_acme-challenge.api.corp.io"), Ok("Z2"));
        assert_eq!(id("_acme-challenge.API.Corp.IO."), Ok("Z2"));
        assert_eq!(id("corp.io"), Ok("Z2"));
        assert_eq!(id("xcorp.io"), Ok("Z1"));
        assert_eq!(id("corp.org"), Err(NoZone::None));
        // A part of the tree that was handed to a zone of its own.
        let zones = [zone("Z1", "corp.io"), zone("Z2", "_acme-challenge.api.corp.io")];
        assert_eq!(zone_of(&zones, "_acme-challenge.api.corp.io").map(|zone| zone.id.as_str()), Ok("Z2"));
    }

    #[test]
    fn two_zones_of_one_name_are_told() {
        let zones = [zone("Z1", "corp.io"), zone("Z2", "corp.io"), zone("Z3", "io")];
        let both = NoZone::Several(vec!["Z1".to_owned(), "Z2".to_owned()]);
        assert_eq!(zone_of(&zones, "api.corp.io"), Err(both));
        assert_eq!(zone_of(&zones, "api.io").map(|zone| zone.id.as_str()), Ok("Z3"));
    }
}

//! Hosted zones and text records in them.

use crate::port::route53::{ChangeState, TxtChange, TxtQuery, TxtSet, zone_of};
use crate::{Cloud, ErrorKind};

use super::{Fixture, refused};

/// Finds the zone of a name among all, adds a value beside one that is there, waits for it, takes both away.
pub async fn text_records(cloud: &Cloud, fixture: &Fixture) {
    let route53 = &cloud.route53;
    let zones = route53.list_hosted_zones(()).await.expect("zones can be listed");
    let name = format!("_acme-challenge.{}.{}", fixture.deployment, fixture.zone);
    let zone = zone_of(&zones, &name).expect("the fixture's zone is there");
    assert_eq!(zone.name, fixture.zone);
    assert!(!zone.id.contains('/'), "{zone:?}");
    let query = TxtQuery { zone_id: zone.id.clone(), name: name.clone() };
    assert_eq!(route53.txt_set(query.clone()).await.expect("nothing there is no error"), None);

    let set = |values: &[&str]| TxtSet { ttl: 10, values: values.iter().map(|&v| v.to_owned()).collect() };
    let change = |before: Option<TxtSet>, after: Option<TxtSet>| TxtChange {
        zone_id: zone.id.clone(),
        name: name.clone(),
        before,
        after,
    };
    let one = set(&["\"first value\""]);
    let two = set(&["\"first value\"", "\"second\" \"in two parts\""]);
    for (before, after) in [(None, Some(&one)), (Some(&one), Some(&two)), (Some(&two), Some(&one))] {
        let id = route53.change_txt(change(before.cloned(), after.cloned())).await.expect("a change is made");
        assert!(!id.contains('/'), "{id}");
        fixture
            .until("all name servers have the change", async || {
                let state = route53.get_change(id.clone()).await.expect("a change can be asked about");
                (state == ChangeState::InSync).then_some(())
            })
            .await;
        let seen = route53.txt_set(query.clone()).await.expect("read");
        assert_eq!(seen.as_ref(), after, "the order of the values is that in which they were given");
    }
    // The name below it has nothing, though the list goes on there.
    let above = TxtQuery { name: name.replace("_acme-challenge", "_a"), ..query.clone() };
    assert_eq!(route53.txt_set(above).await.expect("read"), None);
    route53.change_txt(change(Some(one.clone()), None)).await.expect("the set is deleted");
    assert_eq!(route53.txt_set(query).await.expect("read"), None);

    let nowhere = "Z0000000000NOWHERE00".to_owned();
    let query = TxtQuery { zone_id: nowhere.clone(), name: name.clone() };
    refused(route53.txt_set(query).await, ErrorKind::NotFound, "ListResourceRecordSets");
    let change = TxtChange { zone_id: nowhere, ..change(None, Some(one)) };
    refused(route53.change_txt(change).await, ErrorKind::NotFound, "ChangeResourceRecordSets");
}

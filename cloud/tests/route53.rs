//! Laws of text records that only Route 53 and the practice account keep.

use cloud::ErrorKind;
use cloud::port::route53::{ChangeState, TxtChange, TxtQuery, TxtSet};
use cloud::practice::{Practice, PracticeOptions};

const NAME: &str = "_acme-challenge.api.corp.io";

fn set(values: &[&str]) -> TxtSet {
    TxtSet { ttl: 10, values: values.iter().map(|&value| value.to_owned()).collect() }
}

#[tokio::test]
async fn a_change_against_what_is_not_there_any_more_is_refused() {
    let practice = Practice::in_memory(PracticeOptions::instant());
    let zone_id = practice.seed(|seed| seed.hosted_zone("corp.io", false)).unwrap();
    let route53 = practice.cloud().route53;
    let change = |before: Option<TxtSet>, after: Option<TxtSet>| {
        route53.change_txt(TxtChange { zone_id: zone_id.clone(), name: NAME.to_owned(), before, after })
    };
    let (a, b) = (set(&["\"a\""]), set(&["\"a\"", "\"b\""]));
    for (before, after) in [(Some(a.clone()), Some(b.clone())), (Some(a.clone()), None)] {
        assert_eq!(change(before, after).await.unwrap_err().kind, ErrorKind::NotPropagated);
    }
    change(None, Some(b.clone())).await.unwrap();
    let stale = [
        (None, Some(a.clone())),
        (Some(a.clone()), Some(b.clone())),
        (Some(a.clone()), None),
        (Some(TxtSet { ttl: 11, ..b.clone() }), None),
    ];
    for (before, after) in stale {
        assert_eq!(change(before, after).await.unwrap_err().kind, ErrorKind::NotPropagated);
    }
    // What Route 53 would not keep.
    for wrong in [set(&[]), set(&["bare"]), set(&["\"a\"", "\"a\""])] {
        assert_eq!(change(Some(b.clone()), Some(wrong)).await.unwrap_err().kind, ErrorKind::Invalid);
    }
    let query = TxtQuery { zone_id: zone_id.clone(), name: NAME.to_owned() };
    assert_eq!(route53.txt_set(query).await.unwrap(), Some(b));
    assert_eq!(practice.inventory()[0]["values"], serde_json::json!(["\"a\"", "\"b\""]));
    let outside = TxtChange { zone_id, name: "corp.org".to_owned(), before: None, after: Some(a) };
    assert_eq!(route53.change_txt(outside).await.unwrap_err().kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn a_change_takes_its_time_to_reach_all_name_servers() {
    let practice = Practice::in_memory(PracticeOptions { settle_reads: 2, ..PracticeOptions::instant() });
    let zone_id = practice.seed(|seed| seed.hosted_zone("corp.io", false)).unwrap();
    let route53 = practice.cloud().route53;
    let change = TxtChange { zone_id, name: NAME.to_owned(), before: None, after: Some(set(&["\"a\""])) };
    let id = route53.change_txt(change).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(route53.get_change(id.clone()).await.unwrap());
    }
    assert_eq!(seen, [ChangeState::Pending, ChangeState::Pending, ChangeState::InSync]);
    assert_eq!(route53.get_change("C0".to_owned()).await.unwrap_err().kind, ErrorKind::NotFound);
    practice.seed(|seed| seed.deny("route53:GetChange")).unwrap();
    assert_eq!(route53.get_change(id).await.unwrap_err().kind, ErrorKind::Denied);
}

//! The guide for the exportable certificate.

use model::guide::Entry;
use model::plan::{Fields, StepId};

use super::{Guide, by_tag, clicks, page, tag_entries, text};
use crate::steps::{Context, Want};

pub(crate) fn certificate(cx: &Context<'_>, want: &Want) -> Guide {
    let domain = text(want, "domain");
    let mut values = vec![
        Entry::new("Certificate type", "Request a public certificate"),
        Entry::new("Fully qualified domain name", &domain),
        Entry::new("Allow export", "Enable export")
            .note("it cannot be switched on later; exportable certificates are charged for"),
        Entry::new("Validation method", "DNS validation"),
        Entry::new("Key algorithm", "RSA 2048"),
    ];
    values.extend(tag_entries(cx, StepId::Certificate));
    Guide {
        title: format!("Request a certificate for {domain}"),
        console: page(cx.region, &format!("acm/home?region={}#/certificates/request", cx.region)),
        path: clicks(["AWS Certificate Manager", "Request certificate"]),
        values,
        finds: by_tag(cx, &format!(", or as an exportable certificate for {domain}")),
        fixes: vec![
            ("domain", "a certificate keeps its name: delete it and request another".to_owned()),
            ("exportable", "export cannot be switched on later: delete it and request another".to_owned()),
        ],
        more: Fields::new(),
    }
}

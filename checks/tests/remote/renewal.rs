//! Renewal information of an authority, over the network.

use std::io::{Read as _, Write as _};
use std::sync::mpsc;

use checks::cert::facts::{Item, Material};
use checks::cert::read;
use checks::remote::ari::{certificate_id, enrich};
use checks::remote::http::{Options, Url};
use checks::{Subject, SubjectKind};
use model::Severity;

use crate::parts::{Pki, Scripted};

fn material(pki: &Pki) -> Material {
    let mut material = Material::new(Subject::new(SubjectKind::File, "x"));
    material.items =
        pki.chain.iter().map(|der| Item::Certificate(Box::new(read::certificate(der).unwrap()))).collect();
    material
}

/// An authority that answers each path so; what it was asked for comes out of the channel.
fn authority(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> (Scripted, mpsc::Receiver<String>) {
    let (sender, receiver) = mpsc::channel();
    let server = Scripted::start(move |mut stream| {
        let mut request = [0; 2048];
        let count = stream.read(&mut request).unwrap();
        let text = String::from_utf8_lossy(request.get(..count).unwrap()).into_owned();
        let path = text.split(' ').nth(1).unwrap().to_owned();
        let (status, body) = answer(&path);
        let head =
            format!("HTTP/1.1 {status} x\r\nRetry-After: 21600\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).unwrap();
        let _ = sender.send(path);
    });
    (server, receiver)
}

async fn asked(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> (Material, Vec<String>) {
    let (server, paths) = authority(answer);
    let pki = Pki::new(&["api.example.com"]);
    let mut materials = [material(&pki)];
    let directory: Url = format!("http://{}/directory", server.address).parse().unwrap();
    enrich(&mut materials, Some(&directory), &Options::default()).await;
    drop(server);
    let [material] = materials;
    (material, paths.try_iter().collect())
}

/// A directory that says where renewal information is.
fn directory(base: &str) -> (u16, String) {
    (200, format!(r#"{{"newNonce": "x", "renewalInfo": "{base}"}}"#))
}

#[tokio::test]
async fn the_authority_is_asked_by_the_name_of_the_certificate() {
    let (info, paths) = authority(|_| {
        (
            200,
            r#"{"suggestedWindow": {"start": "2027-01-02T00:00:00Z", "end": "2027-01-03T00:00:00Z"}}"#
                .to_owned(),
        )
    });
    let base = format!("http://{}/info/", info.address);
    let (found, _) = asked(move |_| directory(&base)).await;
    assert!(found.remarks.is_empty(), "{:?}", found.remarks);
    assert_eq!(found.renewal.as_ref().unwrap().start.to_string(), "2027-01-02T00:00:00Z");
    let (_, leaf) = found.certificates().next().unwrap();
    assert_eq!(paths.try_iter().collect::<Vec<_>>(), [format!("/info/{}", certificate_id(leaf).unwrap())]);
}

#[tokio::test]
async fn what_the_authority_does_not_say_is_a_remark_and_no_failure() {
    let (knows_nothing, _paths) = authority(|_| (404, String::new()));
    let (talks_nonsense, _paths) = authority(|_| (200, "<html>".to_owned()));
    let at = |server: &Scripted| directory(&format!("http://{}/", server.address));
    for (answer, severity, said) in [
        ((200, "{}".to_owned()), Severity::Info, "has no renewal information"),
        ((200, "no JSON".to_owned()), Severity::Unknown, "no ACME directory"),
        ((503, String::new()), Severity::Unknown, "HTTP 503"),
        (directory("nonsense"), Severity::Unknown, "no URL"),
        (at(&knows_nothing), Severity::Info, "does not know this certificate"),
        (at(&talks_nonsense), Severity::Unknown, "no renewal information"),
    ] {
        let (found, _) = asked(move |_| answer.clone()).await;
        assert_eq!(found.renewal, None);
        let remark = &found.remarks[0];
        assert_eq!((remark.code.as_str(), remark.severity), ("SRE-NET-011", severity));
        assert!(remark.message.contains(said), "{}", remark.message);
    }
}

//! Renewal, reconfiguration and the end: nobody who is being served notices.

use std::time::{Duration, Instant};

use cloud_loopback::Script;
use serde_json::json;
use tokio::task::JoinSet;

use crate::rig::{Rig, SOON, until};
use crate::stream::{Connector, run, streamed_hello};

const STREAMS: usize = 200;
const CHANGES: usize = 50;

#[test]
fn streams_survive_reloads_and_new_certificates() {
    let mut rig = Rig::start();
    // As long as it takes to change everything fifty times, with room for a busy machine.
    rig.bedrock.script(Script::paced(100, Duration::from_millis(80)));
    let (connector, token, body) = (Connector::new(&rig), rig.token(), streamed_hello());
    let mut newest = Vec::new();
    run(async {
        let mut streams = JoinSet::new();
        for _ in 0..STREAMS {
            let (connector, token, body) = (connector.clone(), token.clone(), body.clone());
            streams.spawn(async move { connector.stream(&token, &body).await });
        }
        let started = Instant::now();
        while rig.bedrock.open_streams() < STREAMS as u64 {
            assert!(started.elapsed() < SOON, "only {} streams are open", rig.bedrock.open_streams());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for change in 0..CHANGES {
            rig.reconfigure(|config| {
                config["models"][format!("model-{change}")] = json!("amazon.nova-micro-v1:0");
            });
            newest = rig.pki.renew();
            // New connections work all the time, whichever of the two certificates they get.
            connector.certificate().await.unwrap_or_else(|error| panic!("after change {change}: {error}"));
        }
        assert!(rig.bedrock.open_streams() > 0, "the streams ended before the changes did");
        let ended = streams.join_all().await;
        let broken: Vec<&String> = ended
            .iter()
            .filter_map(|ended| match ended {
                Ok(text) if text.trim_end().ends_with("data: [DONE]") => None,
                Ok(text) | Err(text) => Some(text),
            })
            .collect();
        assert_eq!(ended.len(), STREAMS);
        assert!(broken.is_empty(), "{} of {STREAMS} broke; the first: {}", broken.len(), broken[0]);
    });
    until("the last certificate is in use", || {
        run(connector.certificate()).is_ok_and(|served| served == newest).then_some(())
    });
    let last = format!("/v1/models/model-{}", CHANGES - 1);
    until("the last configuration holds", || {
        (rig.curl(&last).header(&rig.bearer()).reply().status == 200).then_some(())
    });
}

#[test]
fn a_wrong_configuration_or_certificate_changes_nothing() {
    let mut rig = Rig::start();
    let connector = Connector::new(&rig);
    let before = run(connector.certificate()).unwrap();
    // A certificate whose key is another one's.
    let key = std::fs::read(rig.pki.key()).unwrap();
    let after = rig.pki.renew();
    until("the renewed certificate is in use", || {
        run(connector.certificate()).is_ok_and(|served| served == after).then_some(())
    });
    assert_ne!(before, after);
    crate::pki::replace(&rig.pki.key(), &key);
    rig.reconfigure(|config| config["listne"] = json!({}));
    until("the mistake is in the log", || rig.log().contains("listne").then_some(()));
    assert_eq!(run(connector.certificate()).unwrap(), after);
    assert_eq!(rig.curl("/v1/models/gpt-4o").header(&rig.bearer()).reply().status, 200);
}

#[test]
fn a_stream_is_finished_after_sigterm() {
    let mut rig = Rig::start();
    rig.bedrock.script(Script::paced(60, Duration::from_millis(50)));
    let (connector, token, body) = (Connector::new(&rig), rig.token(), streamed_hello());
    run(async {
        let mut tasks = JoinSet::new();
        let client = connector.clone();
        tasks.spawn(async move { client.stream(&token, &body).await });
        let started = Instant::now();
        while rig.bedrock.open_streams() == 0 {
            assert!(started.elapsed() < SOON, "no stream begins");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        rig.signal("TERM");
        while connector.connect().await.is_ok() {
            assert!(started.elapsed() < SOON, "it still takes connections");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(rig.bedrock.open_streams(), 1, "the stream goes on");
        let ended = tasks.join_all().await;
        assert!(ended[0].as_ref().is_ok_and(|text| text.trim_end().ends_with("data: [DONE]")), "{ended:?}");
    });
    let status = rig.ended();
    assert!(status.success(), "{status}");
}

#[test]
fn a_stream_without_end_is_cut_in_good_form() {
    let mut rig = Rig::with(|config| config["listen"]["drain"] = json!("1s"));
    rig.bedrock.script(Script::paced(1000, Duration::from_millis(100)));
    let running = rig.begin(
        "
seen = 0
def read():
    global seen
    for chunk in client.chat.completions.create(model='gpt-4o-mini', stream=True,
                                                messages=[{'role': 'user', 'content': 'hello'}]):
        seen += 1
print(json.dumps([failure(read), seen]))
",
    );
    until("the stream begins", || (rig.bedrock.open_streams() == 1).then_some(()));
    rig.signal("TERM");
    let status = rig.ended();
    assert!(status.success(), "{status}");
    let seen = running.finish();
    assert_eq!(seen[0]["class"], "APIError", "{seen}");
    assert!(seen[0]["message"].is_string(), "{seen}");
}

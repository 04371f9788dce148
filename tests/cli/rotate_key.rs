//! `gateway rotate-key`: another key in the provider and in the sample's file, and in nothing else.

use serde_json::Value;

use crate::agent_directory::half_way;
use crate::gateway_steps;
use crate::support::Desk;
use crate::terminal::typing;

const ENV: &str = "SRE-agent/gateway/.env";

/// The key that the practice account has.
fn key(desk: &Desk) -> String {
    let account: Value = serde_json::from_str(&desk.read("account.json")).unwrap();
    let provider = &account["account"]["providers"]["sre-agent-api-key-credential-provider"];
    provider["api_key"].as_str().unwrap().to_owned()
}

fn deployed() -> Desk {
    let desk = gateway_steps::desk().deployed();
    half_way(&desk);
    desk.run("gateway files --dir SRE-agent --on-conflict replace").expect(0);
    desk
}

#[test]
fn the_provider_and_the_samples_file_get_another_key_and_nobody_sees_it() {
    let desk = deployed();
    let (old, before) = (key(&desk), desk.read(ENV));
    assert!(before.contains(&format!("BACKEND_API_KEY={old}\n")), "the file has the key of the provider");
    let beside = || std::fs::read_dir(desk.path("SRE-agent/gateway")).unwrap().count();
    let count = beside();
    let ended = desk.run("gateway rotate-key --dir SRE-agent --yes --format json -vv").expect(0);
    let new = key(&desk);
    assert!(new != old && new.len() == 64 && new.bytes().all(|byte| byte.is_ascii_hexdigit()), "256 bits");
    assert_eq!(desk.read(ENV), before.replace(&old, &new), "one line changes");
    assert_eq!(beside(), count, "no copy of the old key is left");
    let journal = desk.read(".deployment_state");
    assert!(journal.contains("has another key"), "the journal knows that it happened");
    for text in [&ended.stdout, &ended.stderr, &journal] {
        assert!(!text.contains(&new) && !text.contains(&old));
    }
    assert_eq!(ended.json()["files"], serde_json::json!(["gateway/.env"]));
    // A deployment that is finished stays so, and its files are as it wants them.
    assert_eq!(desk.run("status --format json").expect(0).json()["phase"], "finished");
    let again = desk.run("gateway files --dir SRE-agent").expect(0);
    assert!(again.stdout.contains("has everything already"), "{}", again.stdout);
    desk.run("--config config.yaml --mode production --yes").expect(0).says(&["nothing to do"]);
    // Without a folder the provider alone.
    let text = desk.run("gateway rotate-key --yes").expect(0).stdout;
    assert!(text.contains("restart the backends") && text.contains("systemctl restart"), "{text}");
    assert!(key(&desk) != new && desk.read(ENV).contains(&new));
}

#[test]
fn nothing_is_rotated_unless_somebody_says_yes() {
    let desk = deployed();
    let old = key(&desk);
    desk.run("gateway rotate-key --dir SRE-agent").expect(2).says(&["--yes"]);
    for typed in ["n\n", "\n", "\u{4}"] {
        let ended = typing(&desk, "gateway rotate-key --dir SRE-agent", typed).expect(8);
        assert!(ended.stdout.contains("until they are restarted"), "{}", ended.stdout);
        assert_eq!(key(&desk), old);
    }
    let ended = typing(&desk, "gateway rotate-key --dir SRE-agent", "y\n").expect(0);
    let new = key(&desk);
    assert!(new != old && !ended.stdout.contains(&new) && !ended.stdout.contains(&old), "{}", ended.stdout);
}

#[test]
fn a_key_that_others_may_use_is_theirs_to_change() {
    let desk = deployed();
    let old = key(&desk);
    // Memory and provider are one for an account; this deployment wants no memory.
    let second = desk.read("config.yaml").replace("sre-cli", "sre-two");
    desk.write("two.yaml", &second.replace("sre-gateway, memory_days: 90", "sre-other"));
    let line = "deploy --config two.yaml --mode production --yes --state-file two \
                --adopt gateway.credential-provider=sre-agent-api-key-credential-provider";
    desk.run(line).expect(0);
    desk.run("gateway rotate-key --yes --state-file two").expect(2).says(&["SRE-AGENT-024"]);
    assert_eq!(key(&desk), old);
    desk.run("gateway rotate-key --yes --dir .").expect(2).says(&["SRE-AGENT-001"]);
    let other = Desk::new();
    other.run("gateway rotate-key --yes").expect(2).says(&["SRE-STATE-005"]);
    other.deployed().run("gateway rotate-key --yes").expect(2).says(&["SRE-AGENT-022"]);
}

//! `host.install: user-data` on an account over real HTTP, with S3 over TLS: what the deploy puts there, what it makes of
//! what the instance says, and that nothing is left.

use std::process::Child;

use serde_json::{Value, json};

use crate::workbench::{Ended, Workbench};

const DEPLOY: [&str; 7] =
    ["--config", "config.yaml", "--mode", "production", "--yes", "--programs", "programs"];

/// Waits for the instance, reads its user data, fetches what that names, and says in the parameter what the arguments say:
/// phases, the last with trouble and detail where it failed.
const PLAY: &str = r#"
import base64, boto3, hashlib, json, re, sys, time, urllib.error, urllib.request

ec2, s3, ssm = (boto3.client(name) for name in ("ec2", "s3", "ssm"))

def started():
    for reservation in ec2.describe_instances()["Reservations"]:
        for instance in reservation["Instances"]:
            if instance["State"]["Name"] == "running":
                return instance["InstanceId"]

until = time.monotonic() + 400
while not started():
    if time.monotonic() > until:
        sys.exit("no instance was started")
    time.sleep(0.05)
instance = started()
data = ec2.describe_instance_attribute(InstanceId=instance, Attribute="userData")["UserData"]["Value"]
said = dict(re.findall("^([A-Z0-9]+) = '(.*)'$", base64.b64decode(data).decode(), re.MULTILINE))

def fetch(path):
    return s3.get_object(Bucket=said["BUCKET"], Key=said["PREFIX"] + path)["Body"].read()

sums = fetch("SHA256SUMS")
digests = {"SHA256SUMS": hashlib.sha256(sums).hexdigest() == said["DIGEST"]}
for line in sums.decode().splitlines():
    digest, path = line.split("  ", 1)
    digests[path] = hashlib.sha256(fetch(path)).hexdigest() == digest
plain = boto3.client("s3", endpoint_url=sys.argv[1])
try:
    plain.get_object(Bucket=said["BUCKET"], Key=said["PREFIX"] + "SHA256SUMS")
    in_the_clear = "answered"
except plain.exceptions.ClientError as error:
    in_the_clear = error.response["ResponseMetadata"]["HTTPStatusCode"]

for phase in json.loads(sys.argv[2]):
    value = {"instance": instance, "bundle": said["DIGEST"], **phase}
    ssm.put_parameter(Name=said["PARAMETER"], Type="String", Overwrite=True, Value=json.dumps(value))
print(json.dumps({"said": said, "digests": digests, "in_the_clear": in_the_clear, "instance": instance}))
"#;

/// Plays the instance while the program runs; what it saw, and how that ended.
fn played(bench: &Workbench, child: Child, phases: &Value) -> (Value, Ended) {
    std::thread::scope(|scope| {
        // Whoever writes into a pipe that nobody reads stops.
        let ended = scope.spawn(|| child.wait_with_output().unwrap());
        let seen = play(bench, phases);
        (seen, Ended::of(ended.join().unwrap()))
    })
}

/// Plays the instance: it says all of these phases.
fn play(bench: &Workbench, phases: &Value) -> Value {
    bench.python(PLAY, &[&bench.moto.endpoint(), &phases.to_string()])
}

fn phases(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"phase": name})).collect()
}

fn only<'a>(inventory: &'a Value, kind: &str) -> &'a Value {
    let things = inventory[kind].as_array().unwrap();
    assert_eq!(things.len(), 1, "{kind}: {things:#?}");
    &things[0]
}

#[test]
fn an_instance_that_installs_itself_is_waited_for_and_all_of_it_goes_again() {
    let bench = Workbench::installing_itself();
    let empty = bench.inventory();
    let child = bench.command(&DEPLOY).spawn().unwrap();
    let all = phases(&["started", "fetched", "verified", "installed"]);
    let (seen, ended) = played(&bench, child, &all);
    let ended = ended.expect(0);
    assert!(ended.stderr.contains("host.installed: done"), "{}", ended.stderr);

    // What the instance is told leads to the bundle, which is whole, and which nobody gets in the clear.
    let paths = ["SHA256SUMS", "bin/bedrock-nova-proxy", "bin/sre-agent-deploy", "host.json", "proxy.yaml"];
    assert_eq!(
        seen["digests"],
        paths.iter().map(|path| ((*path).to_owned(), json!(true))).collect::<Value>()
    );
    assert_eq!(seen["in_the_clear"], 403);
    let said = &seen["said"];
    let bucket = said["BUCKET"].as_str().unwrap();
    assert_eq!(said["S3"], json!(format!("https://{bucket}.s3.us-east-1.amazonaws.com")));
    assert_eq!(
        (&said["SSM"], &said["IMDS"]),
        (&json!("https://ssm.us-east-1.amazonaws.com"), &json!("http://169.254.169.254"))
    );

    let whole = bench.inventory();
    let made = only(&whole, "buckets");
    assert_eq!(made["name"], bucket);
    assert_eq!(made["objects"].as_array().unwrap().len(), paths.len(), "{made:#}");
    assert_eq!(
        made["policy"]["Statement"][0]["Condition"],
        json!({"Bool": {"aws:SecureTransport": "false"}})
    );
    assert_eq!(made["policy"]["Statement"][0]["Effect"], "Deny");
    assert!(made["encryption"].to_string().contains("AES256"), "{made:#}");
    let blocked = made["blocked"].as_object().unwrap();
    assert!(blocked.len() == 4 && blocked.values().all(|value| value == true), "{made:#}");
    assert_eq!(made["tags"]["sre-agent-deploy:deployment"], "sre-e2e");
    let parameter = only(&whole, "parameters");
    assert_eq!(parameter["name"], "/sre-agent-deploy/sre-e2e/host");
    assert_eq!(parameter["tags"]["sre-agent-deploy:deployment"], "sre-e2e");
    assert!(parameter["value"].as_str().unwrap().contains("installed"), "{parameter}");
    let status: Value =
        serde_json::from_str(&bench.run(&["status", "--format", "json"]).expect(0).stdout).unwrap();
    assert!(status.to_string().contains("host.installed"), "{status:#}");

    // Again: there is nothing to do.
    let before = bench.proxy.calls().len();
    bench.run(&DEPLOY).expect(0);
    assert!(bench.proxy.calls()[before..].iter().all(|call| !call.mutating), "{:?}", bench.changes());
    assert_eq!(bench.inventory(), whole);

    bench.cleanup().expect(0);
    assert_eq!(bench.inventory(), empty);
}

#[test]
fn a_first_boot_that_failed_is_explained_and_gone_on_with_and_a_cleanup_needs_no_state_file() {
    let bench = Workbench::installing_itself();
    let empty = bench.inventory();
    let failed = json!([
        {"phase": "started"},
        {"phase": "failed", "trouble": "install", "detail": "{\"code\": \"SRE-HOST-012\"}"},
    ]);
    let (_, ended) = played(&bench, bench.command(&DEPLOY).spawn().unwrap(), &failed);
    let ended = ended.expect(4);
    for wanted in ["SRE-HOST-075", "SRE-HOST-012", "--resume --state-file", "--programs programs"] {
        assert!(ended.stderr.contains(wanted), "{wanted} is missing:\n{}", ended.stderr);
    }
    // Somebody runs the script again.
    play(&bench, &phases(&["verified", "installed"]));
    bench.run(&["--resume", "--state-file", ".deployment_state", "--programs", "programs"]).expect(0);
    std::fs::remove_file(bench.path(".deployment_state")).unwrap();
    bench.cleanup().expect(0);
    assert_eq!(bench.inventory(), empty);
}

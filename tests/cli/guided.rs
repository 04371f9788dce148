//! Steps that the operator does in the Console: shown on a terminal, refused without one.

use crate::support::Desk;
use crate::terminal::typing;

const DEPLOY: &str = "deploy --config config.yaml --yes --guided ec2.address";
const RESUME: &str = "--resume --state-file .deployment_state";

#[test]
fn a_guided_step_needs_somebody_and_a_step_that_can_be_guided() {
    let desk = Desk::new();
    desk.run(DEPLOY).expect(2).says(&["SRE-CLI-002", "somebody for the guided steps: a terminal"]);
    for step in ["s3.bucket", "gateway.schemas", "gateway.memory", "gateway.runtime"] {
        let refused = desk.run(&format!("deploy --config config.yaml --yes --guided {step}")).expect(2);
        refused.says(&["it is all, or one of ec2.security-group", "gateway.gateway, gateway.target-k8s"]);
    }
    assert!(!desk.path(".deployment_state").exists());
}

#[test]
fn a_task_is_shown_stopped_at_listed_without_a_terminal_and_left_to_calls() {
    let desk = Desk::new();
    let stopped = typing(&desk, DEPLOY, "q\n").expect(8).stdout;
    for words in [
        "(by hand, in the Console)",
        "By hand, ec2.address: Allocate an Elastic IP address",
        "https://us-east-1.console.aws.amazon.com/ec2/home?region=us-east-1#AllocateAddress:",
        "Tag sre-agent-deploy:deployment: sre-cli",
        "Enter when done, a for automatic, q to stop, or paste the id:",
    ] {
        assert!(stopped.contains(words), "{words} is not in {stopped}");
    }
    desk.run(RESUME).expect(4).says(&["SRE-RUN-020", "#AllocateAddress:", "resume: "]);
    // What does not wait for it was done meanwhile; a terminal that goes away is no answer.
    typing(&desk, RESUME, "\u{4}").expect(8);
    typing(&desk, RESUME, "a\n").expect(0);
    let status = desk.run("status").expect(0).stdout;
    assert!(status.contains("finished"), "{status}");
}

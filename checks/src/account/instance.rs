//! Whether the instance runs and is well. That it is as it was made says neither.

use model::{Finding, Severity};

use super::facts::{InstanceFacts, Told};
use super::unchecked;

const CODE: &str = "SRE-DRIFT-003";

/// SRE-DRIFT-003: the instance runs and passes EC2's status checks.
pub fn instance(id: &str, told: &Told<Option<InstanceFacts>>) -> Vec<Finding> {
    let new = |severity, message: String| Finding::new(CODE, severity, id, message);
    vec![match told {
        Err(why) => unchecked(CODE, id, "whether the instance runs", why),
        Ok(None) => new(Severity::Error, format!("the instance {id} of the state file is gone"))
            .hint("see what is missing: sre-agent-deploy plan; deploying again makes a new one"),
        Ok(Some(facts)) if facts.state != "running" => {
            let finding = new(Severity::Error, format!("the instance {id} is {}: nothing answers", facts.state));
            match facts.state.as_str() {
                "stopped" => finding.hint(format!("start it: aws ec2 start-instances --instance-ids {id}")),
                _ => finding.hint(format!("wait and look again: aws ec2 describe-instances --instance-ids {id}")),
            }
        }
        Ok(Some(InstanceFacts { checks_passed: Some(true), .. })) => {
            new(Severity::Ok, format!("the instance {id} runs, and its status checks passed"))
        }
        Ok(Some(InstanceFacts { checks_passed: Some(false), .. })) => {
            new(Severity::Error, format!("the instance {id} runs, and fails EC2's status checks")).hint(format!(
                "see which: aws ec2 describe-instance-status --instance-ids {id}; stopping and starting moves it to another host"
            ))
        }
        Ok(Some(InstanceFacts { checks_passed: None, .. })) => {
            new(Severity::Unknown, format!("the instance {id} runs, and EC2 has no result of its status checks yet"))
                .hint("check again in some minutes")
        }
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_running_instance_that_is_well_is_in_order() {
        let facts =
            |state: &str, checks_passed| Ok(Some(InstanceFacts { state: state.to_owned(), checks_passed }));
        for (told, severity) in [
            (facts("running", Some(true)), Severity::Ok),
            (facts("running", Some(false)), Severity::Error),
            (facts("running", None), Severity::Unknown),
            (facts("stopped", Some(true)), Severity::Error),
            (facts("pending", None), Severity::Error),
            (Ok(None), Severity::Error),
        ] {
            assert_eq!(instance("i-0123", &told).first().map(|finding| finding.severity), Some(severity));
        }
    }
}

//! What the account says of a runtime, changed in one place at a time.

use jiff::Timestamp;
use model::Severity;

use super::super::runtime::{Facts, RuntimeFacts, Token, judge};
use super::says;
use crate::account::facts::NotTold;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn facts() -> Facts {
    Facts {
        id: "sre_agent-0123456789".to_owned(),
        runtime: Ok(Some(RuntimeFacts {
            status: "READY".to_owned(),
            reasons: Vec::new(),
            artifact: "s3://bucket/agent.zip".to_owned(),
            token: Token::Ends(at("2026-11-22T07:00:00Z")),
        })),
    }
}

fn runtime(facts: &mut Facts) -> &mut RuntimeFacts {
    facts.runtime.as_mut().unwrap().as_mut().unwrap()
}

#[test]
fn a_runtime_that_is_ready_says_when_its_token_ends() {
    let now = at("2026-11-22T06:00:00Z");
    let findings = judge(&facts(), Some("s3://bucket/agent.zip"), now).findings;
    assert_eq!((findings.len(), findings[0].severity), (1, Severity::Ok), "{findings:#?}");
    assert_eq!(findings[0].evidence.as_deref(), Some("its token ends at 2026-11-22T07:00:00Z"));
    // What an adopted one is to run is nobody's wish here.
    assert_eq!(judge(&facts(), None, now).findings, findings);
}

#[test]
fn what_is_wrong_with_a_runtime_is_said() {
    type Change = fn(&mut Facts);
    let cases: [(Change, Severity, &str); 8] = [
        (|f| f.runtime = Ok(None), Severity::Error, "is gone"),
        (|f| runtime(f).status = "CREATING".to_owned(), Severity::Unknown, "is CREATING"),
        (|f| runtime(f).status = "UPDATE_FAILED".to_owned(), Severity::Error, "is UPDATE_FAILED"),
        (|f| runtime(f).artifact = "s3://bucket/old.zip".to_owned(), Severity::Error, "runs something else"),
        (|f| runtime(f).token = Token::Missing, Severity::Warning, "has no token"),
        (|f| runtime(f).token = Token::Unreadable("it has no parts"), Severity::Error, "it has no parts"),
        (
            |f| runtime(f).token = Token::Ends(at("2026-11-22T06:00:00Z")),
            Severity::Error,
            "ended at 2026-11-22T06:00:00Z",
        ),
        (
            |f| {
                f.runtime = Err(NotTold {
                    action: "bedrock-agentcore:GetAgentRuntime".to_owned(),
                    reason: "denied".to_owned(),
                    is_denied: true,
                    is_unsupported: false,
                });
            },
            Severity::Unknown,
            "bedrock-agentcore:GetAgentRuntime",
        ),
    ];
    for (change, severity, words) in cases {
        let mut facts = facts();
        change(&mut facts);
        let findings = judge(&facts, Some("s3://bucket/agent.zip"), at("2026-11-22T06:00:00Z")).findings;
        assert_eq!((findings.len(), findings[0].severity), (1, severity), "{findings:#?}");
        says(&findings, "SRE-GW-016", words);
    }
}

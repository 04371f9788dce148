//! Whether clocks agree: a signature of AWS is refused when they differ by minutes, with words that sound like wrong
//! credentials, and a certificate seems not valid yet.

use jiff::Timestamp;
use model::{Finding, Severity};

use super::CLOCK;

/// From here on somebody should look.
pub const WARN_SECONDS: i64 = 30;
/// From here on AWS refuses signatures.
pub const FAIL_SECONDS: i64 = 300;

/// Two clocks at the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockFacts {
    /// What the server's `Date` says; whole seconds.
    pub theirs: Timestamp,
    /// What the clock here said when the request was sent.
    pub sent: Timestamp,
    /// What it said when the answer came.
    pub received: Timestamp,
}

/// Seconds that the server is ahead; 0 where its clock fits between request and answer.
pub fn ahead(facts: ClockFacts) -> i64 {
    let theirs = facts.theirs.as_second();
    let (sent, received) = (facts.sent.as_second(), facts.received.as_second());
    if theirs < sent { theirs.saturating_sub(sent) } else { theirs.saturating_sub(received).max(0) }
}

/// What that means. `server` is who said the time.
pub fn judge(facts: ClockFacts, server: &str, subject: &str) -> Finding {
    let ahead = ahead(facts);
    let apart = ahead.unsigned_abs();
    let severity = match apart {
        0..=30 => Severity::Ok,
        31..=300 => Severity::Warning,
        _ => Severity::Error,
    };
    if severity == Severity::Ok {
        return Finding::new(
            CLOCK.code,
            severity,
            subject,
            format!("the clocks agree within {WARN_SECONDS} s"),
        );
    }
    let side = if ahead > 0 { "behind" } else { "ahead of" };
    let message = format!("this machine's clock is {apart} s {side} that of {server}");
    Finding::new(CLOCK.code, severity, subject, message)
        .evidence(format!("{} there, {} here", facts.theirs, facts.received))
        .hint("find out which of them is wrong: `timedatectl timesync-status` or `chronyc tracking` on both; on EC2 the time is at 169.254.169.123")
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(theirs: i64, sent: i64, took: i64) -> ClockFacts {
        let second = |second| Timestamp::from_second(second).unwrap();
        ClockFacts { theirs: second(theirs), sent: second(sent), received: second(sent + took) }
    }

    #[test]
    fn the_thresholds_are_where_they_are_said_to_be() {
        const NOW: i64 = 1_800_000_000;
        for (by, severity) in [
            (0, Severity::Ok),
            (WARN_SECONDS, Severity::Ok),
            (WARN_SECONDS + 1, Severity::Warning),
            (FAIL_SECONDS, Severity::Warning),
            (FAIL_SECONDS + 1, Severity::Error),
        ] {
            assert_eq!(judge(at(NOW + by, NOW, 0), "x", "y").severity, severity, "{by}");
            assert_eq!(judge(at(NOW - by, NOW, 0), "x", "y").severity, severity, "-{by}");
        }
        let said = judge(at(NOW - 400, NOW, 0), "sts.us-east-1.amazonaws.com", "y").message;
        assert_eq!(said, "this machine's clock is 400 s ahead of that of sts.us-east-1.amazonaws.com");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Feature: aws-ec2-production-deployment, Property 4: a slow answer is no wrong clock.
        #[test]
        fn the_time_of_the_answer_is_not_skew(sent in 0_i64..4_000_000_000, took in 0_i64..600, share in 0_i64..=100, skew in -900_i64..900) {
            let honest = sent + took * share / 100;
            prop_assert_eq!(ahead(at(honest, sent, took)), 0);
            let off = ahead(at(honest + skew, sent, took));
            prop_assert!(off.abs() <= skew.abs() && (off == 0 || off.signum() == skew.signum()));
        }
    }
}

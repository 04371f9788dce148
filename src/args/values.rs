//! Values of flags: from text to what they mean, or the rule that the text breaks.

use std::time::Duration;

use model::config::Mode;
use model::plan::StepId;
use model::{DeploymentId, Region};

use crate::guided::Guided;

pub(super) fn mode(text: &str) -> Result<Mode, String> {
    [Mode::Production, Mode::Staging, Mode::Rehearsal]
        .into_iter()
        .find(|mode| mode.name() == text)
        .ok_or_else(|| "it is one of production, staging, rehearsal".to_owned())
}

pub(super) fn region(text: &str) -> Result<Region, String> {
    Region::parse(text).map_err(|invalid| format!("it {}, such as {}", invalid.rule, invalid.example))
}

pub(super) fn deployment_id(text: &str) -> Result<DeploymentId, String> {
    DeploymentId::parse(text).map_err(|invalid| format!("it {}, such as {}", invalid.rule, invalid.example))
}

pub(super) fn assignment(text: &str) -> Result<(String, String), String> {
    let (path, value) = text.split_once('=').ok_or("it is written PATH=VALUE")?;
    Ok((path.trim().to_owned(), value.to_owned()))
}

pub(super) fn adoption(text: &str) -> Result<(StepId, String), String> {
    let steps = || StepId::ALL.iter().map(|step| step.as_str()).collect::<Vec<_>>().join(", ");
    let (step, id) =
        text.split_once('=').ok_or("it is written STEP=ID, such as ec2.security-group=sg-0123")?;
    let step =
        StepId::parse(step).ok_or_else(|| format!("there is no step `{step}`; steps are {}", steps()))?;
    if id.is_empty() || !step.can_adopt() {
        return Err("there is nothing to adopt".to_owned());
    }
    Ok((step, id.to_owned()))
}

pub(super) fn guided(text: &str) -> Result<Guided, String> {
    let possible = || StepId::ALL.iter().filter(|step| step.can_be_guided()).map(|step| step.as_str());
    match StepId::parse(text) {
        _ if text == "all" => Ok(Guided::All),
        Some(step) if step.can_be_guided() => Ok(Guided::Step(step)),
        _ => Err(format!("it is all, or one of {}", possible().collect::<Vec<_>>().join(", "))),
    }
}

/// `500ms`, `30s`, `2m`, `1h`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| "it is written like 500ms, 30s or 2m".to_owned())?;
    let seconds = match unit {
        "ms" => return Ok(Duration::from_millis(number)),
        "" | "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        _ => return Err(format!("the unit `{unit}` is none of ms, s, m, h")),
    };
    // No run waits for longer than a week; larger numbers only overflow clocks.
    seconds
        .filter(|seconds| *seconds <= 7 * 24 * 3600)
        .map(Duration::from_secs)
        .ok_or_else(|| "it is longer than a week".to_owned())
}

pub(super) fn call_timeout(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("a call needs some time".to_owned()),
        time => Ok(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for text in ["", "s", "-1s", "1.5s", "2 m", "99999999h", "184467440737095516159s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}

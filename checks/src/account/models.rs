//! Whether the models of `proxy.models` can be called.

use jiff::Timestamp;
use model::{Finding, Severity};

use super::facts::{Life, ModelFacts};
use super::unchecked;

const ACCESS_PAGE: &str = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html";
const LIFE_PAGE: &str = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html";
const PROFILE_PAGE: &str =
    "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html";

/// Judges each model; says once that all is well.
fn each(
    code: &str,
    models: &[ModelFacts],
    well: &str,
    judge: impl Fn(&ModelFacts) -> Option<Finding>,
) -> Vec<Finding> {
    if models.is_empty() {
        let finding = Finding::new(code, Severity::Warning, "proxy.models", "no model is configured");
        return vec![finding.hint("name at least one in `proxy.models`")];
    }
    let findings: Vec<Finding> = models.iter().filter_map(judge).collect();
    if findings.is_empty() { vec![Finding::new(code, Severity::Ok, "proxy.models", well)] } else { findings }
}

fn subject(facts: &ModelFacts) -> String {
    format!("proxy.models.{}", facts.alias)
}

/// SRE-BED-001: the models exist in the Region.
pub fn exist(models: &[ModelFacts]) -> Vec<Finding> {
    let code = "SRE-BED-001";
    each(code, models, "all models exist in the Region", |facts| {
        match &facts.model {
        Err(why) => Some(unchecked(code, &subject(facts), &format!("whether {} exists", facts.called), why)),
        Ok(Some(_)) => None,
        Ok(None) => Some(
            Finding::new(
                code,
                Severity::Error,
                subject(facts),
                format!("there is no model {} in this Region", facts.called),
            )
            .hint(format!(
                "choose one of: aws bedrock list-foundation-models --query 'modelSummaries[].modelId'; then correct {}",
                subject(facts)
            )),
        ),
    }
    })
}

/// SRE-BED-002: the account may use them.
pub fn accessible(models: &[ModelFacts]) -> Vec<Finding> {
    let code = "SRE-BED-002";
    each(code, models, "the account has access to all models", |facts| {
        let open = match &facts.availability {
            Err(why) => {
                return Some(unchecked(
                    code,
                    &subject(facts),
                    &format!("the access to {}", facts.called),
                    why,
                ));
            }
            // That it does not exist has been said.
            Ok(None) if matches!(facts.model, Ok(None)) => return None,
            Ok(None) => {
                let message = format!("Bedrock says nothing about the access to {}", facts.called);
                return Some(Finding::new(code, Severity::Unknown, subject(facts), message));
            }
            Ok(Some(open)) => open,
        };
        let agreed = open.agreement.as_deref().is_none_or(|status| status == "AVAILABLE");
        let obstacle = match (open.in_region, open.entitled, open.authorized, agreed) {
            (false, ..) => "the Region does not offer it",
            (_, false, ..) => "the account is not entitled to it",
            (_, _, false, _) => "the identity is not authorised to use it",
            (.., false) => "the agreement with its maker is not made",
            _ => return None,
        };
        let message = format!("the account has no access to {}: {obstacle}", facts.called);
        let model =
            facts.model.as_ref().ok().and_then(Option::as_ref).map_or(&facts.called, |model| &model.id);
        let hint = if agreed {
            "open the model catalogue of the Bedrock console in this Region and ask for access".to_owned()
        } else {
            format!(
                "see the offer, and accept it: aws bedrock list-foundation-model-agreement-offers --model-id {model}"
            )
        };
        let mut finding =
            Finding::new(code, Severity::Error, subject(facts), message).hint(hint).doc(ACCESS_PAGE);
        finding.evidence = open.agreement.as_ref().filter(|_| !agreed).map(|status| {
            format!("agreement {status}. {}", open.agreement_message.as_deref().unwrap_or_default())
        });
        Some(finding)
    })
}

/// Days before the end of life from which on it is an error that the model is still configured.
const LAST_DAYS: i64 = 30;

/// SRE-BED-003: none is on its way out.
pub fn lasting(models: &[ModelFacts], now: Timestamp) -> Vec<Finding> {
    let code = "SRE-BED-003";
    each(code, models, "no model is on its way out", |facts| {
        let model = match &facts.model {
            Err(why) => {
                return Some(unchecked(
                    code,
                    &subject(facts),
                    &format!("the life cycle of {}", facts.called),
                    why,
                ));
            }
            Ok(None) => return None,
            Ok(Some(model)) => model,
        };
        let days =
            model.end_of_life.map(|end| end.as_second().saturating_sub(now.as_second()).div_euclid(86_400));
        let (severity, message) = match (&model.life, days) {
            (_, Some(days)) if days < 0 => {
                (Severity::Error, format!("{} has reached its end of life", model.id))
            }
            (_, Some(days)) if days < LAST_DAYS => {
                (Severity::Error, format!("{} stops answering in {days} days", model.id))
            }
            (Life::Legacy, Some(days)) => {
                (Severity::Warning, format!("{} is deprecated and stops answering in {days} days", model.id))
            }
            (Life::Legacy, None) => (Severity::Warning, format!("{} is deprecated", model.id)),
            (Life::Active, _) => return None,
            (Life::Other(status), _) => {
                let said = if status.is_empty() { "nothing" } else { status };
                (Severity::Unknown, format!("Bedrock says {said} about the life cycle of {}", model.id))
            }
        };
        let mut finding = Finding::new(code, severity, subject(facts), message)
            .hint(format!("choose an active model and change {}", subject(facts)))
            .doc(LIFE_PAGE);
        finding.evidence = model.end_of_life.map(|end| format!("end of life {end}"));
        Some(finding)
    })
}

/// SRE-BED-004: each answers to the name that it is called by: its own id, or an active inference profile.
pub fn called_right(models: &[ModelFacts]) -> Vec<Finding> {
    let code = "SRE-BED-004";
    each(code, models, "all models answer to the names that they are called by", |facts| {
        let called = &facts.called;
        let error =
            |message: String| Finding::new(code, Severity::Error, subject(facts), message).doc(PROFILE_PAGE);
        match (&facts.profile, &facts.model) {
            (Some(Err(why)), _) => {
                Some(unchecked(code, &subject(facts), &format!("the inference profile {called}"), why))
            }
            (Some(Ok(None)), _) => Some(
                error(format!("there is no inference profile {called} in this Region"))
                    .hint("choose one of: aws bedrock list-inference-profiles --query 'inferenceProfileSummaries[].inferenceProfileId'"),
            ),
            (Some(Ok(Some(profile))), _) if !profile.active => {
                Some(error(format!("the inference profile {called} is not active")).hint("choose another one"))
            }
            (Some(Ok(Some(profile))), _) if profile.model_arns.is_empty() => {
                Some(error(format!("the inference profile {called} leads to no model")).hint("choose another one"))
            }
            (Some(Ok(Some(_))), _) | (None, Ok(None)) => None,
            (None, Err(why)) => {
                Some(unchecked(code, &subject(facts), &format!("how {called} is to be called"), why))
            }
            (None, Ok(Some(model))) if model.on_demand => None,
            (None, Ok(Some(model))) => Some(
                error(format!("{} answers through an inference profile only", model.id)).hint(format!(
                    "name a profile of it in {}: aws bedrock list-inference-profiles --query \
                     \"inferenceProfileSummaries[?contains(inferenceProfileId, '{}')].inferenceProfileId\"",
                    subject(facts),
                    model.id
                )),
            ),
        }
    })
}

/// SRE-BED-005: each answers one token, where that was asked for.
pub fn answer(models: &[ModelFacts]) -> Vec<Finding> {
    let code = "SRE-BED-005";
    if models.iter().all(|facts| facts.converse.is_none()) && !models.is_empty() {
        let message = "no model was called; --converse asks each for one token";
        return vec![Finding::new(code, Severity::Skipped, "proxy.models", message)];
    }
    each(code, models, "all models answer", |facts| {
        match &facts.converse {
        Some(Ok(tokens)) if *tokens > 0 => None,
        Some(Ok(_)) => {
            Some(Finding::new(code, Severity::Error, subject(facts), format!("{} answers with nothing", facts.called)))
        }
        Some(Err(error)) if error.is_verdict || error.told.is_denied => Some(
            Finding::new(code, Severity::Error, subject(facts), format!("{} does not answer", facts.called))
                .evidence(error.told.reason.clone())
                .hint("see SRE-BED-002 and SRE-BED-004 above; the identity needs bedrock:InvokeModel on the model"),
        ),
        Some(Err(error)) => {
            Some(unchecked(code, &subject(facts), &format!("whether {} answers", facts.called), &error.told))
        }
        None => Some(Finding::new(
            code,
            Severity::Unknown,
            subject(facts),
            format!("{} was not called", facts.called),
        )),
    }
    })
}

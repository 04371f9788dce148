//! Whether the proxy answers a caller with a token as clients of OpenAI expect it: models, a chat, a stream.

use std::collections::BTreeSet;
use std::time::Duration;

use http::header;
use model::Finding;

use super::about::About;
use super::facts::{End, Outcome, Reply, excerpt};
use super::openai::{self, Completion};
use super::sse;

pub(crate) const MODELS: &str = "/v1/models";
pub(crate) const CHAT: &str = "/v1/chat/completions";
/// The last event of a stream that is complete.
const DONE: &str = "[DONE]";
/// What ends an answer of OpenAI's.
const FINISH_REASONS: [&str; 5] = ["stop", "length", "tool_calls", "content_filter", "function_call"];
/// A stream this long whose text came all at the end was held back by something.
const LONG_STREAM: Duration = Duration::from_secs(2);

/// Whether the models of the configuration are listed; which are.
pub(crate) fn models(
    about: &About<'_>,
    outcome: &Outcome,
    configured: &BTreeSet<String>,
) -> Result<(BTreeSet<String>, Vec<Finding>), Vec<Finding>> {
    let reply = about.whole(outcome, MODELS)?;
    let reply = granted(about, reply, MODELS)?;
    let listed = openai::models(reply).map_err(|why| vec![unreadable(about, reply, MODELS, &why)])?;
    let missing: Vec<&str> = configured.difference(&listed).map(String::as_str).collect();
    let mut findings = Vec::new();
    if listed.is_empty() {
        findings.push(
            about.error("the proxy lists no model").hint("name some below `models` in its configuration"),
        );
    } else if !missing.is_empty() {
        findings.push(
            about
                .error(format!("configured, but not served: {}", missing.join(", ")))
                .evidence(format!("served: {}", excerpt(join(&listed).as_bytes())))
                .hint("add them below `models` in the proxy's configuration; it takes the change over by itself"),
        );
    } else {
        let count = listed.len();
        let word = if count == 1 { "model is" } else { "models are" };
        findings.push(about.ok(format!("{count} {word} listed")).evidence(excerpt(join(&listed).as_bytes())));
    }
    Ok((listed, findings))
}

fn join(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The model to ask: the first of the configuration that is listed, or else the first that is listed. One that makes
/// embeddings cannot chat.
pub(crate) fn model_to_ask(listed: &BTreeSet<String>, configured: &BTreeSet<String>) -> Option<String> {
    let can_chat = |name: &&String| !name.contains("embed");
    let first = configured.intersection(listed).find(can_chat);
    first.or_else(|| listed.iter().find(can_chat)).or_else(|| listed.first()).cloned()
}

/// Whether a chat is answered.
pub(crate) fn chat(about: &About<'_>, outcome: &Outcome, model: &str) -> Vec<Finding> {
    match chat_answer(about, outcome, model) {
        Ok(findings) | Err(findings) => findings,
    }
}

fn chat_answer(about: &About<'_>, outcome: &Outcome, model: &str) -> Result<Vec<Finding>, Vec<Finding>> {
    let reply = granted(about, about.whole(outcome, CHAT)?, CHAT)?;
    let answer: Completion = openai::json(reply).map_err(|why| vec![unreadable(about, reply, CHAT, &why)])?;
    let wrong = |why: &str| Err(vec![unreadable(about, reply, CHAT, why)]);
    if answer.object != "chat.completion" {
        return wrong("its `object` is not `chat.completion`");
    }
    let Some(choice) = answer.choices.first() else { return wrong("it has no choice") };
    if !choice.finish_reason.as_deref().is_some_and(|reason| FINISH_REASONS.contains(&reason)) {
        return wrong("it has no `finish_reason` of OpenAI's");
    }
    let text = choice.message.as_ref().and_then(|message| message.content.as_deref()).unwrap_or_default();
    if text.trim().is_empty() {
        return wrong("it has no text");
    }
    let Some(usage) = answer.usage.filter(|usage| usage.total > 0) else {
        return wrong("it has no `usage`");
    };
    if usage.prompt.checked_add(usage.completion) != Some(usage.total) {
        return wrong("its `usage` does not add up");
    }
    let message = format!("{model} answers, {} tokens in {}", usage.total, ms(reply.total));
    Ok(vec![about.ok(message)])
}

/// Whether a streamed chat comes in pieces, with its usage, to its end.
pub(crate) fn stream(about: &About<'_>, outcome: &Outcome, model: &str) -> Vec<Finding> {
    match stream_answer(about, outcome, model) {
        Ok(findings) | Err(findings) => findings,
    }
}

fn stream_answer(about: &About<'_>, outcome: &Outcome, model: &str) -> Result<Vec<Finding>, Vec<Finding>> {
    let reply = granted(about, about.reply(outcome, CHAT)?, CHAT)?;
    if !openai::is_of_type(reply, sse::MEDIA_TYPE) {
        let said = reply.header(&header::CONTENT_TYPE).unwrap_or("nothing");
        let why = format!("its content-type is {}, not {}", excerpt(said.as_bytes()), sse::MEDIA_TYPE);
        return Err(vec![unreadable(about, reply, CHAT, &why)]);
    }
    let seen = read_stream(reply).map_err(|why| vec![broken_stream(about, &why)])?;
    if let Some(finding) = about.end(reply, CHAT) {
        return Err(vec![finding]);
    }
    let missing = [
        (seen.is_done, "it ends without `[DONE]`: a client cannot tell it from one that broke"),
        (seen.texts > 0, "it holds no text"),
        (seen.is_finished, "no chunk has a `finish_reason` of OpenAI's"),
        (seen.tokens > 0, "no chunk has the `usage` that was asked for"),
    ];
    let wrong: Vec<Finding> =
        missing.iter().filter(|(is_there, _)| !is_there).map(|(_, why)| broken_stream(about, why)).collect();
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let first = seen.first_text.unwrap_or(reply.total);
    let held_back = reply.total > LONG_STREAM && first.as_secs_f64() > reply.total.as_secs_f64() * 0.9;
    if held_back && seen.texts > 4 {
        return Ok(vec![
            about.warning(format!("all of the stream came at its end, after {}", ms(first))).hint(
                "something between here and the proxy holds it back: switch response buffering off there",
            ),
        ]);
    }
    let message = format!(
        "{model} streams to [DONE]: first text after {}, {} pieces of text, {} tokens, {} in all",
        ms(first),
        seen.texts,
        seen.tokens,
        ms(reply.total)
    );
    Ok(vec![about.ok(message)])
}

/// What a stream held.
#[derive(Debug, Default)]
struct Seen {
    texts: usize,
    first_text: Option<Duration>,
    is_finished: bool,
    tokens: u64,
    is_done: bool,
}

/// Reads a stream as a client would; why a client could not.
fn read_stream(reply: &Reply) -> Result<Seen, String> {
    let mut reader = sse::Reader::default();
    let mut seen = Seen::default();
    for (at, piece) in &reply.pieces {
        for event in reader.push(piece) {
            seen.event(*at, &event)?;
        }
    }
    if reader.is_in_event() && reply.end == End::Whole {
        let after =
            if seen.is_done { "it goes on after `[DONE]`" } else { "it ends in the middle of an event" };
        return Err(after.to_owned());
    }
    Ok(seen)
}

impl Seen {
    fn event(&mut self, at: Duration, event: &str) -> Result<(), String> {
        if self.is_done {
            return Err("it goes on after `[DONE]`".to_owned());
        }
        if event == DONE {
            self.is_done = true;
            return Ok(());
        }
        let chunk: Completion = serde_json::from_str(event)
            .map_err(|error| format!("an event is no chunk: {error}: {}", excerpt(event.as_bytes())))?;
        if let Some(error) = &chunk.error {
            let text =
                error.get("message").and_then(serde_json::Value::as_str).unwrap_or("without a message");
            return Err(format!("it broke off with an error: {}", excerpt(text.as_bytes())));
        }
        if chunk.object != "chat.completion.chunk" {
            return Err(format!("an event is no `chat.completion.chunk`: {}", excerpt(event.as_bytes())));
        }
        for choice in &chunk.choices {
            let text = choice.delta.as_ref().and_then(|delta| delta.content.as_deref()).unwrap_or_default();
            if !text.is_empty() {
                self.texts = self.texts.saturating_add(1);
                self.first_text.get_or_insert(at);
            }
            self.is_finished |=
                choice.finish_reason.as_deref().is_some_and(|reason| FINISH_REASONS.contains(&reason));
        }
        if let Some(usage) = chunk.usage {
            self.tokens = self.tokens.max(usage.total);
        }
        Ok(())
    }
}

fn broken_stream(about: &About<'_>, why: &str) -> Finding {
    about.error(format!("the stream is not as clients need it: {why}")).hint(format!(
        "see what comes: curl -N -H 'Authorization: Bearer TOKEN' -H 'content-type: application/json' -d '{{\"model\":\"MODEL\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}' {}{CHAT}",
        about.site.base
    ))
}

fn unreadable(about: &About<'_>, reply: &Reply, path: &str, why: &str) -> Finding {
    about
        .error(format!("the answer of {path} is not OpenAI's: {why}"))
        .evidence(reply.excerpt())
        .hint("make sure that the address is that of bedrock-nova-proxy and that nothing in front of it answers in its place")
}

/// The answer, if the caller got what it asked for; otherwise what stands in its way.
fn granted<'r>(about: &About<'_>, reply: &'r Reply, path: &str) -> Result<&'r Reply, Vec<Finding>> {
    if reply.status == 200 {
        return Ok(reply);
    }
    if reply.status == 429 {
        return Err(vec![limited(about, reply, path)]);
    }
    let error = openai::error_of(reply);
    let code = error.as_ref().ok().and_then(|error| error.code.as_deref()).unwrap_or_default();
    let where_to_look = match reply.request_id() {
        Some(id) => format!("the reason is in the proxy's log, request {}", excerpt(id.as_bytes())),
        None => "the reason is in the proxy's log".to_owned(),
    };
    let (message, hint) = match (reply.status, code) {
        (401, _) => (
            "the proxy refuses the token",
            "it has to be an access token, not expired, of an issuer and client that `auth` in the proxy's configuration names",
        ),
        (403, "insufficient_scope") => (
            "the token lacks a scope that the proxy requires",
            "compare `required_scopes` in the proxy's configuration with the scopes of the app client",
        ),
        (403, _) => (
            "Bedrock refuses the model to this account or role",
            "find out what is missing: sre-agent-deploy check account --converse",
        ),
        (404, _) => {
            ("the proxy does not know the model or the path", "look at what it lists: GET /v1/models")
        }
        (502, "upstream_auth_error") => (
            "the proxy's AWS credentials are refused",
            "look at the role of the instance: sre-agent-deploy check account",
        ),
        (500..=599, _) => (
            "the proxy or Bedrock behind it fails",
            "look at the proxy: journalctl -u bedrock-nova-proxy --since -10min",
        ),
        _ => ("the request was refused", "make sure that nothing in front of the proxy answers in its place"),
    };
    let evidence = match &error {
        Ok(error) => excerpt(error.message.as_bytes()),
        Err(_) => reply.excerpt(),
    };
    let finding = about.error(format!("{path} answered {}: {message}", reply.status));
    Err(vec![finding.evidence(evidence).hint(format!("{hint}; {where_to_look}"))])
}

/// A limit hides the answer.
pub(crate) fn limited(about: &About<'_>, reply: &Reply, path: &str) -> Finding {
    let wait = reply.header(&header::RETRY_AFTER).and_then(|text| text.parse::<u64>().ok());
    let again = wait.map_or_else(|| "later".to_owned(), |seconds| format!("in {seconds} s"));
    about
        .unknown(format!("{path} could not be judged: a limit of the proxy or of Bedrock was reached"))
        .evidence(reply.excerpt())
        .hint(format!("run the check again {again}, or with a token whose limits are not used up"))
}

/// A time as an operator compares it.
pub(crate) fn ms(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

//! Metrics for CloudWatch as lines of the log: the embedded metric format, one line a model and minute.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Observed;
use crate::ledger::Outcome;

/// Values that one metric of a line may have.
const VALUES: usize = 100;

/// What came together since the last line.
#[derive(Debug)]
pub(super) struct Emf {
    namespace: String,
    models: Mutex<BTreeMap<Arc<str>, Minute>>,
}

/// One model's minute.
#[derive(Debug, Default)]
struct Minute {
    requests: u64,
    failed: u64,
    abandoned: u64,
    input_tokens: u64,
    output_tokens: u64,
    cache_read_tokens: u64,
    cache_write_tokens: u64,
    durations_ms: Sample,
    first_bytes_ms: Sample,
}

/// At most [`VALUES`] values, evenly spread over all that came: each time the list is full, every other one goes and
/// only every other one that comes is kept from then on.
#[derive(Debug, Default)]
struct Sample {
    values: Vec<u64>,
    seen: u64,
    /// One of 2^`stride_log2` is kept.
    stride_log2: u32,
}

impl Sample {
    fn add(&mut self, value: u64) {
        let turn = self.seen.trailing_zeros() >= self.stride_log2;
        self.seen = self.seen.wrapping_add(1);
        if !turn {
            return;
        }
        if self.values.len() >= VALUES {
            let mut keep = false;
            self.values.retain(|_| {
                keep = !keep;
                keep
            });
            self.stride_log2 = self.stride_log2.saturating_add(1);
        }
        self.values.push(value);
    }
}

impl Emf {
    pub(super) fn new(namespace: String) -> Self {
        Self { namespace, models: Mutex::default() }
    }

    /// One more request; `model` is a label, not what a client wrote.
    pub(super) fn observe(&self, model: Arc<str>, observed: &Observed<'_>) {
        let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = models.entry(model).or_default();
        let usage = observed.usage;
        for (sum, more) in [
            (&mut minute.requests, 1),
            (&mut minute.failed, u64::from(observed.outcome == Outcome::Failed)),
            (&mut minute.abandoned, u64::from(observed.outcome == Outcome::Abandoned)),
            (&mut minute.input_tokens, usage.input_tokens),
            (&mut minute.output_tokens, usage.output_tokens),
            (&mut minute.cache_read_tokens, usage.cache_read_tokens),
            (&mut minute.cache_write_tokens, usage.cache_write_tokens),
        ] {
            *sum = sum.saturating_add(more);
        }
        minute.durations_ms.add(ms(observed.duration));
        minute.first_bytes_ms.add(ms(observed.first_byte));
    }

    /// The lines, and a new beginning.
    pub(super) fn take(&self, now: Timestamp) -> Vec<String> {
        let models = std::mem::take(&mut *self.models.lock().unwrap_or_else(PoisonError::into_inner));
        models.into_iter().map(|(model, minute)| self.line(&model, &minute, now).to_string()).collect()
    }

    fn line(&self, model: &str, minute: &Minute, now: Timestamp) -> Value {
        let metrics: Vec<Value> = [
            ("Requests", "Count"),
            ("Failed", "Count"),
            ("Abandoned", "Count"),
            ("InputTokens", "Count"),
            ("OutputTokens", "Count"),
            ("CacheReadTokens", "Count"),
            ("CacheWriteTokens", "Count"),
            ("Duration", "Milliseconds"),
            ("FirstByte", "Milliseconds"),
        ]
        .into_iter()
        .map(|(name, unit)| json!({"Name": name, "Unit": unit}))
        .collect();
        json!({
            "_aws": {
                "Timestamp": now.as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": self.namespace,
                    // All models together, and each by itself.
                    "Dimensions": [["Service"], ["Service", "Model"]],
                    "Metrics": metrics,
                }],
            },
            "Service": "bedrock-nova-proxy",
            "Model": model,
            "Requests": minute.requests,
            "Failed": minute.failed,
            "Abandoned": minute.abandoned,
            "InputTokens": minute.input_tokens,
            "OutputTokens": minute.output_tokens,
            "CacheReadTokens": minute.cache_read_tokens,
            "CacheWriteTokens": minute.cache_write_tokens,
            "Duration": minute.durations_ms.values,
            "FirstByte": minute.first_bytes_ms.values,
        })
    }
}

#[cfg(test)]
mod tests;

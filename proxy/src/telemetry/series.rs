//! Numbers by label: what metrics are kept in, readable by every exporter.
//!
//! The Prometheus library's own family and histogram can be written to by everybody and read by its encoder only;
//! OpenTelemetry needs the same numbers. These are the two of them that had to be ours.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{MetricType, TypedMetric},
};

/// One metric for each set of labels, in the order of the labels.
#[derive(Debug)]
pub(super) struct Series<L, M>(Arc<RwLock<BTreeMap<L, M>>>);

impl<L, M> Clone for Series<L, M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<L, M> Default for Series<L, M> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<L: Ord + Clone, M: Default + Clone> Series<L, M> {
    /// The metric with these labels, a handle that counts for all of them.
    pub(super) fn get(&self, labels: &L) -> M {
        if let Some(metric) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(labels) {
            return metric.clone();
        }
        self.0.write().unwrap_or_else(PoisonError::into_inner).entry(labels.clone()).or_default().clone()
    }

    /// Shows each of them.
    pub(super) fn each(&self, mut show: impl FnMut(&L, &M)) {
        for (labels, metric) in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            show(labels, metric);
        }
    }
}

impl<L, M> EncodeMetric for Series<L, M>
where
    L: EncodeLabelSet + fmt::Debug + Send + Sync + 'static,
    M: EncodeMetric + TypedMetric + Send + Sync + 'static,
{
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, metric) in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            metric.encode(encoder.encode_family(labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }
}

/// Upper bounds in seconds, from a cached answer to the longest that a client waits by default.
pub(super) const BOUNDS_SECONDS: [f64; 14] =
    [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// How long things took: a histogram without a lock.
#[derive(Debug, Clone, Default)]
pub(super) struct Durations(Arc<Cells>);

#[derive(Debug, Default)]
struct Cells {
    /// One for each bound, and one for what is above them all.
    buckets: [AtomicU64; BOUNDS_SECONDS.len() + 1],
    sum_us: AtomicU64,
}

/// What a histogram holds at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spread {
    /// How many are in each bucket, not in those below it.
    pub(super) buckets: Vec<u64>,
    /// Seconds.
    pub(super) sum: f64,
}

impl Durations {
    pub(super) fn observe(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let index = BOUNDS_SECONDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS_SECONDS.len());
        if let Some(bucket) = self.0.buckets.get(index) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.0.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    pub(super) fn spread(&self) -> Spread {
        Spread {
            buckets: self.0.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect(),
            sum: Duration::from_micros(self.0.sum_us.load(Ordering::Relaxed)).as_secs_f64(),
        }
    }
}

impl TypedMetric for Durations {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let spread = self.spread();
        let bounds = BOUNDS_SECONDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(spread.buckets.iter().copied()).collect();
        encoder.encode_histogram::<NoLabelSet>(spread.sum, spread.buckets.iter().sum(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_once_and_in_the_lowest_bucket_that_holds_it() {
        let durations = Durations::default();
        for ms in [0, 25, 26, 600_000, 600_001] {
            durations.observe(Duration::from_millis(ms));
        }
        let spread = durations.spread();
        assert_eq!(spread.buckets, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert!((spread.sum - 1200.052).abs() < 1e-9, "{spread:?}");
    }
}

//! A histogram of atomic counters. The one of `prometheus_client` takes a lock for each observation, and has no way to add many equal
//! ones at once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// How often values of some size were observed. Clones are handles to the same histogram.
///
/// ```
/// use std::time::Duration;
///
/// use chat_lib::metrics::Histogram;
///
/// let commits = Histogram::seconds();
/// commits.observe_time(Duration::from_millis(3), 1);
/// assert_eq!(commits.count(), 1);
/// ```
#[derive(Clone)]
pub struct Histogram(Arc<Inner>);

struct Inner {
    /// The upper ends of all buckets but the last, which has none.
    bounds: &'static [f64],
    buckets: Box<[AtomicU64]>,
    /// The sum of all values, in units of `1 / scale`.
    sum: AtomicU64,
    scale: f64,
}

impl Histogram {
    /// A histogram of times, from 50 µs to 10 s.
    #[must_use]
    pub fn seconds() -> Self {
        Self::new(&SECONDS, NANOSECONDS)
    }

    /// A histogram of counts, from 1 to 10,000.
    #[must_use]
    pub fn counts() -> Self {
        Self::new(&COUNTS, 1.0)
    }

    fn new(bounds: &'static [f64], scale: f64) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Inner { bounds, buckets, sum: AtomicU64::new(0), scale }))
    }

    /// Adds `times` observations of `value`.
    pub fn observe(&self, value: f64, times: u64) {
        let Inner { bounds, buckets, sum, scale } = &*self.0;
        if let Some(bucket) = buckets.get(bounds.partition_point(|bound| *bound < value)) {
            bucket.fetch_add(times, Ordering::Relaxed);
        }
        // A float that is too large becomes the largest integer.
        let value = (value * scale).round() as u64;
        sum.fetch_add(value.saturating_mul(times), Ordering::Relaxed);
    }

    /// As [`observe`](Self::observe), for a histogram of [`seconds`](Self::seconds).
    pub fn observe_time(&self, time: Duration, times: u64) {
        self.observe(time.as_secs_f64(), times);
    }

    /// How many values were observed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    /// The sum of all values that were observed.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.0.sum.load(Ordering::Relaxed) as f64 / self.0.scale
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let Inner { bounds, buckets, .. } = &*self.0;
        let bounds = bounds.iter().copied().chain([f64::INFINITY]);
        let counts = buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(self.sum(), count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Histogram").field("count", &self.count()).field("sum", &self.sum()).finish_non_exhaustive()
    }
}

const NANOSECONDS: f64 = 1e9;

const SECONDS: [f64; 16] =
    [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

const COUNTS: [f64; 13] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_bucket_whose_end_it_does_not_pass() {
        let counts = Histogram::counts();
        for (value, times) in [(0.0, 1), (1.0, 2), (1.5, 4), (10_000.0, 8), (1e300, 0), (10_001.0, 16)] {
            counts.observe(value, times);
        }
        let buckets: Vec<u64> = counts.0.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        assert_eq!(buckets, [3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 16]);
        assert_eq!((counts.count(), counts.sum()), (31, 2.0 + 8.0 + 80_000.0 + 160_016.0));
    }

    #[test]
    fn times_are_in_seconds() {
        let seconds = Histogram::seconds();
        seconds.observe_time(Duration::from_millis(1500), 2);
        assert_eq!((seconds.count(), seconds.sum()), (2, 3.0));
    }
}

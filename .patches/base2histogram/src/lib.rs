//! Numbers → their distribution in 252 buckets: what openraft asks of the crate `base2histogram`, and no more.
//!
//! The original builds tables for sixteen precisions at the first histogram, of which openraft uses one: 26 MiB
//! of memory and a tenth of a second that an agent does not have. Here a bucket is computed, and a histogram
//! without samples takes no memory. The part that draws charts is left out: it prints nothing.

use std::fmt;
use std::marker::PhantomData;

/// A distribution of numbers, each bucket a quarter of a power of two wide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram<T = ()> {
    /// How many numbers fell into each bucket; empty before the first.
    counts: Vec<u64>,
    /// The original attaches data to time slots; openraft does not.
    slots: PhantomData<T>,
}

impl<T> Histogram<T> {
    /// Makes one without samples.
    #[must_use]
    pub fn new() -> Self {
        Self { counts: Vec::new(), slots: PhantomData }
    }

    /// Counts a number.
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Counts a number several times.
    pub fn record_n(&mut self, value: u64, times: u64) {
        self.counts.resize(BUCKETS, 0);
        if let Some(count) = self.counts.get_mut(bucket(value)) {
            *count += times;
        }
    }

    /// How the numbers are distributed; all zero without samples.
    #[must_use]
    pub fn percentile_stats(&self) -> PercentileStats {
        let samples = self.counts.iter().sum();
        let at = |permille| self.at(permille, samples);
        PercentileStats {
            samples,
            p0_1: at(1),
            p1: at(10),
            p5: at(50),
            p10: at(100),
            p50: at(500),
            p90: at(900),
            p99: at(990),
            p99_9: at(999),
        }
    }

    /// The least number of the bucket that holds a rank, in thousandths of all.
    fn at(&self, permille: u64, samples: u64) -> u64 {
        let rank = u128::from(samples) * u128::from(permille) / 1000;
        let mut below = 0;
        for (index, count) in self.counts.iter().enumerate() {
            below += u128::from(*count);
            if rank < below {
                return least(index);
            }
        }
        0
    }
}

impl<T> Default for Histogram<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Percentiles of a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PercentileStats {
    /// How many numbers there were.
    pub samples: u64,
    /// A thousandth is below.
    pub p0_1: u64,
    /// A hundredth is below.
    pub p1: u64,
    /// A twentieth is below.
    pub p5: u64,
    /// A tenth is below.
    pub p10: u64,
    /// Half are below.
    pub p50: u64,
    /// Nine tenths are below.
    pub p90: u64,
    /// All but a hundredth are below.
    pub p99: u64,
    /// All but a thousandth are below.
    pub p99_9: u64,
}

impl fmt::Display for PercentileStats {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { samples, p0_1, p1, p5, p10, p50, p90, p99, p99_9 } = self;
        write!(
            out,
            "[samples: {samples}, P0.1: {p0_1}, P1: {p1}, P5: {p5}, P10: {p10}, P50: {p50}, P90: {p90}, \
             P99: {p99}, P99.9: {p99_9}]"
        )
    }
}

/// A chart that prints nothing.
#[derive(Debug, Clone, Default)]
pub struct AsciiChart;

impl AsciiChart {
    /// Makes one.
    #[must_use]
    pub fn new() -> Self {
        Self
    }

    /// Ignores a histogram.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "the original's signature")]
    pub fn add(self, _name: impl Into<String>, _histogram: Histogram) -> Self {
        self
    }

    /// Changes nothing.
    #[must_use]
    pub fn detailed(self) -> Self {
        self
    }
}

impl fmt::Display for AsciiChart {
    fn fmt(&self, _out: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// The bucket of a number: below 4 each has its own, then four for each power of two.
fn bucket(value: u64) -> usize {
    if value < 4 {
        return usize::try_from(value).unwrap_or(0);
    }
    let power = value.ilog2();
    let quarter = (value >> (power - 2)) & 3;
    usize::try_from(u64::from(power - 1) * 4 + quarter).unwrap_or(BUCKETS - 1)
}

/// The least number of a bucket.
fn least(index: usize) -> u64 {
    let index = u64::try_from(index).unwrap_or(0);
    if index < 4 { index } else { (4 + index % 4) << (index / 4 - 1) }
}

/// All numbers of 64 bits.
const BUCKETS: usize = 252;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_begins_with_its_least_number() {
        for index in 0..BUCKETS {
            assert_eq!(bucket(least(index)), index);
            assert!(index == 0 || bucket(least(index) - 1) == index - 1);
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_in_the_right_bucket() {
        let mut histogram = Histogram::<()>::new();
        assert_eq!(histogram.percentile_stats().p50, 0);
        (0..1000).for_each(|value| histogram.record(value));
        let stats = histogram.percentile_stats();
        assert_eq!((stats.samples, stats.p1, stats.p50, stats.p99), (1000, 10, 448, 896));
    }
}

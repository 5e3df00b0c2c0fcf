//! Network coordinates (Vivaldi, as Serf speaks it): two of them → the estimated round trip between their nodes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where a node is in the network, measured by itself. Lengths are in seconds.
///
/// Numbers are kept as their bits: the catalog compares and copies them, and must never compute with them, since
/// replicas have to stay byte-identical. Nobody but [`Coordinate::round_trip`] makes numbers of them again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coordinate {
    /// Position in Euclidean space.
    vec: [Bits; COORDINATE_DIMENSIONS],
    /// How unsure the position is; no length.
    error: Bits,
    /// What measurements differ from the estimate on average.
    adjustment: Bits,
    /// The way to where the space begins: an access link, which every path of the node takes.
    height: Bits,
}

/// The bits of a number that is finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Bits(u64);

/// The numbers of a coordinate, for those who read or write them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoordinateNumbers {
    /// Position, in seconds.
    pub vec: [f64; COORDINATE_DIMENSIONS],
    /// How unsure it is.
    pub error: f64,
    /// Offset, in seconds.
    pub adjustment: f64,
    /// Distance to the network, in seconds.
    pub height: f64,
}

/// A number of a coordinate that is not finite: nothing could be compared with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid coordinate")]
pub struct CoordinateFault;

impl Coordinate {
    /// Keeps numbers.
    ///
    /// # Errors
    /// [`CoordinateFault`], where one of them is not finite.
    pub fn new(numbers: &CoordinateNumbers) -> Result<Self, CoordinateFault> {
        let CoordinateNumbers { vec, error, adjustment, height } = numbers;
        let is_finite = vec.iter().chain([error, adjustment, height]).all(|n| n.is_finite());
        if !is_finite {
            return Err(CoordinateFault);
        }
        Ok(Self {
            vec: vec.map(Bits::of),
            error: Bits::of(*error),
            adjustment: Bits::of(*adjustment),
            height: Bits::of(*height),
        })
    }

    /// Where a node is that has measured nothing yet (Serf's defaults).
    #[must_use]
    pub fn origin() -> Self {
        let zero = Bits::of(0.0);
        Self {
            vec: [zero; COORDINATE_DIMENSIONS],
            error: Bits::of(1.5),
            adjustment: zero,
            height: Bits::of(1e-5),
        }
    }

    /// Its numbers.
    #[must_use]
    pub fn numbers(&self) -> CoordinateNumbers {
        CoordinateNumbers {
            vec: self.vec.map(Bits::number),
            error: self.error.number(),
            adjustment: self.adjustment.number(),
            height: self.height.number(),
        }
    }

    /// How long a packet takes to another node and back, estimated. Adjustments count only while the result stays
    /// positive, as in Serf.
    #[must_use]
    pub fn round_trip(&self, other: &Self) -> Duration {
        let (own, other) = (self.numbers(), other.numbers());
        let squares = own.vec.iter().zip(&other.vec).map(|(a, b)| (a - b) * (a - b));
        let raw = squares.sum::<f64>().sqrt() + own.height + other.height;
        let adjusted = raw + own.adjustment + other.adjustment;
        let seconds = if 0.0 < adjusted { adjusted } else { raw };
        // Far beyond any network, or less than nothing: clients may send any numbers.
        let seconds = if seconds.is_nan() { f64::MAX } else { seconds.max(0.0) };
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

impl Bits {
    fn of(number: f64) -> Self {
        Self(number.to_bits())
    }

    fn number(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// Numbers of a position (Serf's default, which Consul does not change).
pub const COORDINATE_DIMENSIONS: usize = 8;

#[cfg(test)]
mod tests;

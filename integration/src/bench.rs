//! What the benches say to each other, and what they compute from it.
//!
//! In: finished runs. Out: the pauses between their steps. Never: a measurement of its own.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use api::runs::{Run, RunDetail};
use domain::clock::Timestamp;
use serde::{Deserialize, Serialize};

/// What the bare client shall do: its standard input, as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    pub directories: Vec<Directory>,
    pub http01_port: u16,
    pub hostnames: Vec<String>,
    pub in_flight_per_directory: usize,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Directory {
    pub url: String,
    pub root_file: PathBuf,
}

/// What it did: its standard output, as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub issued: usize,
    pub seconds: f64,
    pub cpu_ms: u64,
    pub peak_rss_kib: u64,
}

/// A pause between two steps of one run.
#[derive(Debug, Clone)]
pub struct Gap {
    /// The step that began at its end.
    pub before: String,
    pub ms: f64,
}

/// The pauses between the steps of a run.
#[must_use]
pub fn gaps(run: &RunDetail) -> Vec<Gap> {
    let pairs = run.steps.windows(2).map(|pair| Gap {
        before: pair[1].step.clone(),
        ms: pair[1].started_at.since(pair[0].ended_at).as_secs_f64() * 1000.0,
    });
    pairs.collect()
}

/// How long it took until the last of these runs had ended.
///
/// # Errors
/// If none has.
pub fn took(begun: SystemTime, runs: &[Run]) -> Result<Duration> {
    let ends = runs.iter().filter_map(|run| run.ended_at);
    let last = ends.max().context("no run has ended")?;
    Ok(last.since(Timestamp::nearest(begun.into())))
}

/// The value that `share` of all values do not exceed; 0 if there are none.
#[must_use]
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_there() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!((percentile(&values, 0.5), percentile(&values, 0.99)), (100.0, 198.0));
        assert_eq!((percentile(&[7.0], 0.99), percentile(&[], 0.5)), (7.0, 0.0));
    }
}

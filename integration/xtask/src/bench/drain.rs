//! What a run costs when a thousand of them wait, and when a hundred thousand do.
//!
//! In: how many runs at most. Out: JSON with the CPU per run of planner, NATS and Postgres together. Never: two
//! measurements on the same servers: each begins with an empty record.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use integration::drain::{Drain, Point};
use integration::meter::Used;
use serde_json::{Value, json};

use super::rounded;

/// Runs that wait, unless `--runs` says that these are too many.
const POINTS: [u32; 3] = [1_000, 10_000, 100_000];

#[derive(Args)]
pub struct DrainArgs {
    /// The most runs that wait at once
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    runs: u32,
}

/// Measures at every point, on servers of its own; the workers are of these binaries.
pub async fn measure(args: &DrainArgs, binaries: &Path) -> Result<Value> {
    let mut points = Vec::new();
    for runs in sizes(args.runs) {
        let drain = Drain::start().await?;
        let point = drain.measure(runs as usize, &binaries.join("null-workers")).await?;
        tell(&point);
        points.push(point);
    }
    Ok(report(args.runs, &points))
}

/// The points below the largest, and the largest.
fn sizes(most: u32) -> Vec<u32> {
    let smaller = POINTS.into_iter().filter(|runs| *runs < most);
    smaller.chain([most]).collect()
}

pub fn tell(point: &Point) {
    let each = |used: Used| rounded(used.cpu_ms as f64 / point.runs as f64);
    eprintln!(
        "bench: {} runs in {:.1} s; CPU ms per run: planner {}, NATS {}, Postgres {}",
        point.runs,
        point.seconds,
        each(point.planner),
        each(point.nats),
        each(point.postgres),
    );
}

fn report(most: u32, points: &[Point]) -> Value {
    let costs = || points.iter().map(Point::cpu_ms_per_run);
    let (least, highest) = (costs().fold(f64::MAX, f64::min), costs().fold(0.0, f64::max));
    let largest = points.last();
    json!({
        "runs": most,
        "runs_per_s": largest.map(|point| rounded(point.runs as f64 / point.seconds)),
        "points": points.iter().map(shown).collect::<Vec<_>>(),
        "flatness": rounded(highest / least),
    })
}

fn shown(point: &Point) -> Value {
    let mib = |used: Used| rounded(used.peak_rss_kib as f64 / 1024.0);
    json!({
        "runs": point.runs,
        "cpu_ms_per_run": rounded(point.cpu_ms_per_run()),
        "seconds": rounded(point.seconds),
        "peak_rss_mib": {
            "planner": mib(point.planner), "nats": mib(point.nats), "postgres": mib(point.postgres),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_point_is_what_was_asked_for() {
        assert_eq!(sizes(20_000), [1_000, 10_000, 20_000]);
        assert_eq!(sizes(100_000), [1_000, 10_000, 100_000]);
        assert_eq!(sizes(500), [500]);
    }
}

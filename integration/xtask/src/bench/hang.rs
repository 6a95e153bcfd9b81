//! How much later the others end when a tenth of the hosts hangs.
//!
//! In: how many runs. Out: JSON with both times and the delay, as a part. Never: a tenth that is missing: the same others
//! stand beside it when it behaves and when it hangs.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use integration::drain::{BESIDE, Drain, HANGS};
use serde_json::{Value, json};

use super::{drain, rounded};

#[derive(Args)]
pub struct HangArgs {
    /// Runs that wait at once, a tenth of which will hang for 20 s
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=200_000))]
    runs: u32,
    /// Each of the two is measured so many times in turn; the medians count
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=15))]
    rounds: u8,
}

/// Each on servers of its own; the workers are of these binaries.
pub async fn measure(args: &HangArgs, binaries: &Path) -> Result<Value> {
    let (runs, workers) = (args.runs as usize, binaries.join("null-workers"));
    let (mut well, mut hanging) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        for (tenth, times) in [(BESIDE, &mut well), (HANGS, &mut hanging)] {
            let point = Drain::start().await?.beside(tenth, runs, &workers).await?;
            eprintln!(
                "bench: beside a tenth that {}:",
                if tenth == HANGS { "hangs" } else { "behaves" }
            );
            drain::tell(&point);
            times.push(point.seconds);
        }
    }
    Ok(report(args.runs, median(well), median(hanging)))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn report(runs: u32, well: f64, hanging: f64) -> Value {
    json!({
        "runs": runs,
        "hanging": runs / 10,
        "seconds_none_hangs": rounded(well),
        "seconds": rounded(hanging),
        "delay": rounded(hanging / well - 1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_round_decides_nothing() {
        let medians = [median(vec![30.0, 90.0, 31.0]), median(vec![5.0])];
        assert_eq!(medians, [31.0, 5.0]);
    }
}

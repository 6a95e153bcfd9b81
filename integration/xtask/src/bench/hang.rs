//! How much later the others end when a tenth of the hosts hangs.
//!
//! In: how many runs. Out: JSON with both times and the delay, as a part. Never: a tenth that is missing: the same others
//! stand beside it when it behaves and when it hangs.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use integration::drain::{BESIDE, Drain, HANGS};
use serde_json::{Value, json};

use super::rounded;

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
            let time = Drain::start().await?.beside(tenth, runs, &workers).await?;
            eprintln!(
                "bench: beside {}: {:.1} s",
                tenth.trim_end_matches('-'),
                time.as_secs_f64()
            );
            times.push(time);
        }
    }
    Ok(report(args.runs, median(well), median(hanging)))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn report(runs: u32, well: Duration, hanging: Duration) -> Value {
    json!({
        "runs": runs,
        "hanging": runs / 10,
        "seconds_none_hangs": rounded(well.as_secs_f64()),
        "seconds": rounded(hanging.as_secs_f64()),
        "delay": rounded(hanging.as_secs_f64() / well.as_secs_f64() - 1.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_round_decides_nothing() {
        assert_eq!(
            median([30, 90, 31].map(Duration::from_secs).into()),
            Duration::from_secs(31)
        );
        assert_eq!(median(vec![Duration::from_secs(5)]), Duration::from_secs(5));
    }
}

//! CPU time of a call, for programs that measure what one thing costs.
//!
//! In: a call, how often it is made. Out: microseconds of this thread: a busy machine changes them less than it changes a
//! clock. Never: the time of other threads, or of a server on the same machine.

use anyhow::{Context, Result};

/// CPU time of one call in microseconds, after a tenth as many calls that warm up.
///
/// # Errors
/// Those of the call, and where the system does not say what a thread has used.
pub fn micros(rounds: u32, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    for _ in 0..rounds / 10 {
        call()?;
    }
    let begun = of_this_thread()?;
    for _ in 0..rounds {
        call()?;
    }
    Ok((of_this_thread()? - begun) / f64::from(rounds))
}

/// To a tenth, as a report gives it.
pub fn rounded(micros: f64) -> f64 {
    (micros * 10.0).round() / 10.0
}

fn of_this_thread() -> Result<f64> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").context("the CPU time of this thread")?;
    let nanos = told.split(' ').next().context("its first number")?;
    Ok(nanos.parse::<f64>()? / 1e3)
}

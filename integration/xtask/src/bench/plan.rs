//! `cargo xtask bench plan`: how long a bulk renewal of so many hosts takes to plan and to commit.

use anyhow::Result;
use clap::Args;
use integration::planning::Planning;
use serde_json::{Value, json};

use super::rounded;

#[derive(Args)]
pub struct PlanArgs {
    /// How many hosts the plan is made for
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    hosts: u32,
}

/// Measured on servers of its own, with an empty record.
pub async fn measure(args: &PlanArgs) -> Result<Value> {
    let hosts = args.hosts;
    let many = usize::try_from(hosts)?;
    let planning = Planning::start().await?;
    eprintln!("bench: adding {hosts} hosts with their policies");
    planning.add(many).await?;
    let measured = planning.measure(many).await?;
    Ok(json!({
        "hosts": hosts, "plan_s": rounded(measured.plan_s), "commit_s": rounded(measured.commit_s),
        "peak_rss_mib": rounded(measured.peak_rss_mib),
    }))
}

//! `cargo xtask bench plan`: how long a bulk renewal of so many hosts takes to plan and to commit.

use anyhow::Result;
use clap::Args;
use integration::fleet;
use integration::planning::Planning;
use serde_json::{Value, json};

use super::release_directory;
use crate::{demo, setup};

#[derive(Args)]
pub struct PlanArgs {
    /// How many hosts the plan is made for
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    hosts: u32,
}

pub fn run(args: &PlanArgs) -> Result<()> {
    setup::run()?;
    eprintln!("bench: building vigilo in release (the first time takes some minutes)");
    demo::build(&["--release"])?;
    fleet::choose_vigilo(release_directory()?.join("vigilo"));
    let report = tokio::runtime::Runtime::new()?.block_on(measure(args.hosts))?;
    println!("{report}");
    Ok(())
}

async fn measure(hosts: u32) -> Result<Value> {
    let many = usize::try_from(hosts)?;
    let planning = Planning::start().await?;
    eprintln!("bench: adding {hosts} hosts with their policies");
    planning.add(many).await?;
    let measured = planning.measure(many).await?;
    let rounded = |value: f64| (value * 100.0).round() / 100.0;
    Ok(json!({
        "hosts": hosts, "plan_s": rounded(measured.plan_s), "commit_s": rounded(measured.commit_s),
        "peak_rss_mib": rounded(measured.peak_rss_mib),
    }))
}

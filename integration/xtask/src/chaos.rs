//! `cargo xtask chaos`: renewals while processes die.
//!
//! In: a seed and how many renewals. Out: what was found, as JSON in the last line, and status 0 only if nothing is
//! wrong.

use anyhow::{Result, ensure};
use clap::Args;
use integration::chaos::{self, Plan};

use crate::{demo, setup};

#[derive(Args)]
pub struct ChaosArgs {
    /// Decides who fails, who is killed and when; without it one is drawn and printed
    #[arg(long)]
    seed: Option<u64>,
    /// How many hosts are renewed
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u16).range(25..=2000))]
    runs: u16,
}

pub fn run(args: &ChaosArgs) -> Result<()> {
    setup::run()?;
    eprintln!("chaos: building vigilo (the first time takes some minutes)");
    demo::build(&["vigilo"], &[])?;
    let seed = args.seed.unwrap_or_else(drawn);
    let plan = Plan {
        seed,
        runs: usize::from(args.runs),
    };
    eprintln!(
        "chaos: seed {seed}; the same again: cargo xtask chaos --seed {seed} --runs {}",
        plan.runs
    );
    let outcome = tokio::runtime::Runtime::new()?.block_on(chaos::run(plan))?;
    println!("{}", serde_json::to_string(&outcome)?);
    ensure!(outcome.is_clean(), "the lines above say what is wrong");
    Ok(())
}

fn drawn() -> u64 {
    rand::random::<u32>().into()
}

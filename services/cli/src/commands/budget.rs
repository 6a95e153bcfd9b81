//! `vigilo budget`: what may be spent in a calendar month, what was, and what waits for money.

use api::budget::{Budget, NewBudget};
use clap::Subcommand;

use crate::args::Global;
use crate::client::Client;
use crate::failed::Failed;
use crate::{out, print};

#[derive(Subcommand)]
pub enum BudgetCommand {
    /// Show the budget of the calendar month (UTC): limit, spent, under way, left, and how many policies wait for money
    Show {
        #[command(flatten)]
        global: Global,
    },
    /// Set what the schedule and bulk plans may spend in a calendar month; what you renew yourself goes beyond it with a
    /// warning
    Set {
        /// Such as 250 or 0.15
        #[arg(value_name = "USD", required_unless_present = "none", conflicts_with = "none")]
        amount: Option<String>,
        /// No budget any more
        #[arg(long)]
        none: bool,
        #[command(flatten)]
        global: Global,
    },
}

pub async fn run(command: BudgetCommand) -> Result<(), Failed> {
    let (json_wanted, found): (bool, Budget) = match command {
        BudgetCommand::Show { global } => (global.json, Client::new(&global)?.get("/budget").await?),
        BudgetCommand::Set { amount, global, .. } => {
            let limit = amount.as_deref().map(domain::price::parse_usd).transpose();
            let limit = limit.map_err(|why| Failed::Refused(format!("USD: {why}")))?;
            let body = NewBudget {
                budget_micro_usd_per_month: limit,
            };
            (global.json, Client::new(&global)?.put("/budget", &body).await?)
        }
    };
    out::answer(json_wanted, &found, print::budget::budget);
    Ok(())
}

//! `vigilo budget`: what may be spent in a calendar month, what was, and what waits for money.

use clap::Subcommand;
use domain::price::usd;
use serde_json::{Value, json};

use super::client::Client;
use super::show::{line, text};
use super::{Failed, Global};

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
    let (client, found) = match command {
        BudgetCommand::Show { global } => {
            let client = Client::new(&global)?;
            let found = client.get("/budget").await?;
            (client, found)
        }
        BudgetCommand::Set { amount, global, .. } => {
            let limit = amount.as_deref().map(domain::price::parse_usd).transpose();
            let limit = limit.map_err(|why| Failed::Refused(format!("USD: {why}")))?;
            let client = Client::new(&global)?;
            let body = json!({"budget_micro_usd_per_month": limit});
            let found = client.put("/budget", &body).await?;
            (client, found)
        }
    };
    show(&found, client.json);
    Ok(())
}

fn show(budget: &Value, json_wanted: bool) {
    if json_wanted {
        return line(&budget.to_string());
    }
    let month = text(&budget["month"]);
    match budget["budget_micro_usd_per_month"].as_u64() {
        Some(limit) => line(&format!(
            "budget of {month}: {}, {} left until {}",
            usd(limit),
            usd(budget["left_micro_usd"].as_u64().unwrap_or(0)),
            text(&budget["month_ends_at"])
        )),
        None => line(&format!("no budget; in {month}:")),
    }
    line(&format!("  spent      {}", sum(&budget["spent"])));
    line(&format!("  under way  {}", sum(&budget["active"])));
    if let Some(over @ 1..) = budget["over_micro_usd"].as_u64() {
        line(&format!("  beyond it by {}", usd(over)));
    }
    if let Some(waiting @ 1..) = budget["policies_waiting"].as_u64() {
        line(&format!(
            "  {waiting} policies are due and wait for money; vigilo policy list says until when"
        ));
    }
}

fn sum(of: &Value) -> String {
    let known = usd(of["micro_usd"].as_u64().unwrap_or(0));
    match of["price_unknown"].as_u64() {
        None | Some(0) => known,
        Some(some) => format!("{known}, and {some} certificate(s) at a price that is not known"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_says_what_is_not_in_it() {
        assert_eq!(sum(&json!({"micro_usd": 500_000, "price_unknown": 0})), "0.50 USD");
        let said = sum(&json!({"micro_usd": 0, "price_unknown": 2}));
        assert_eq!(said, "0.00 USD, and 2 certificate(s) at a price that is not known");
    }
}

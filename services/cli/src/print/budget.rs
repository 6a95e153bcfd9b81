//! The budget of the month.

use api::budget::Budget;
use domain::budget::Sum;
use domain::counted;
use domain::price::usd;

use super::Text;

pub fn budget(budget: &Budget) -> Text {
    let mut text = Text::default();
    text.line(match budget.budget_micro_usd_per_month {
        Some(limit) => format!(
            "budget of {}: {}, {} left until {}",
            budget.month,
            usd(limit),
            usd(budget.left_micro_usd.unwrap_or(0)),
            budget.month_ends_at
        ),
        None => format!("no budget; in {}:", budget.month),
    });
    text.line(format!("  spent      {}", sum(&budget.spent)));
    text.line(format!("  under way  {}", sum(&budget.active)));
    if budget.over_micro_usd > 0 {
        text.line(format!("  beyond it by {}", usd(budget.over_micro_usd)));
    }
    if budget.policies_waiting > 0 {
        text.line(format!(
            "  {} for money; vigilo policy list says until when",
            waits(budget.policies_waiting)
        ));
    }
    text
}

fn waits(policies: u32) -> String {
    match policies {
        1 => "1 policy is due and waits".to_owned(),
        many => format!("{many} policies are due and wait"),
    }
}

/// What is not in the sum is said beside it.
fn sum(of: &Sum) -> String {
    let known = usd(of.micro_usd);
    match of.price_unknown {
        0 => known,
        some => format!(
            "{known}, and {} at a price that is not known",
            counted(some, "certificate")
        ),
    }
}

//! What a plan decided of each host.

use api::jobs::JobLine;
use domain::job::{Cap, Decision, Included, LeftOut};
use domain::plan::Candidate;
use domain::price;

use super::{Text, run};

/// `why_wanted`: also who issues and why, and who does not and why not.
pub fn lines(items: &[JobLine], why_wanted: bool) -> Text {
    let mut text = Text::default();
    for item in items {
        match &item.decision {
            Decision::Included(included) => {
                text.line(one_included(item, included));
                if why_wanted {
                    text.line(format!("             {}", included.choice.why));
                    lost(&included.choice.lost, &mut text);
                }
            }
            Decision::LeftOut(reason) => {
                text.line(format!(
                    "{:>7}  {:<40} left out: {}",
                    item.nr,
                    item.hostname,
                    why(reason)
                ));
                if let (true, LeftOut::NoProvider { lost: all }) = (why_wanted, reason) {
                    lost(all, &mut text);
                }
            }
        }
    }
    text
}

fn one_included(item: &JobLine, included: &Included) -> String {
    let refused = item.refused.map(domain::job::Refusal::as_str);
    let stands = item.held.as_deref().or(refused).or(item.run_status.as_deref());
    let later = included.waits_for.as_ref().map(|limit| format!(" ({limit})"));
    let despite = included.despite.as_ref().map(|passed| format!(" (despite {passed})"));
    format!(
        "{:>7}  {:<40} {}  {:>10}  {}{}  {}",
        item.nr,
        item.hostname,
        included.choice.ca,
        price::shown(included.choice.cost_micro_usd),
        included.start_at,
        later.or(despite).unwrap_or_default(),
        stands.unwrap_or("planned"),
    )
}

fn lost(all: &[Candidate], text: &mut Text) {
    for one in all {
        let price = price::shown(one.cost_micro_usd);
        text.line(format!(
            "             not {} ({price}): {}",
            run::candidate(one),
            one.because
        ));
    }
}

/// The reason with what it says beside.
fn why(left_out: &LeftOut) -> String {
    let more = match left_out {
        LeftOut::Cooldown { until } => format!("until {}", until),
        LeftOut::ActiveRun { run_id } => format!("run {run_id}"),
        LeftOut::Budget {
            cost_micro_usd,
            left_micro_usd,
            cap,
        } => {
            let of = match cap {
                Cap::Job => "the job",
                Cap::Month => "the month",
            };
            let (cost, left) = (price::shown(*cost_micro_usd), price::usd(*left_micro_usd));
            format!("costs {cost}, {left} left of {of}")
        }
        LeftOut::Quota { limit, until } => format!("{limit} allows it at {}", until),
        LeftOut::Window { opens_at: Some(at) } => format!("opens {}", at),
        LeftOut::Window { opens_at: None } => "those of the job and of the host are never open together".to_owned(),
        LeftOut::NoProvider { .. } => "no CA can serve its policy; who and why not: vigilo job lines --why".to_owned(),
        LeftOut::Infeasible { why } => why.to_string(),
        LeftOut::NoPolicy | LeftOut::UnknownHost => return left_out.reason().to_owned(),
    };
    format!("{}: {more}", left_out.reason())
}

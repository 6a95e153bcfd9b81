//! Which provider issues. Pure: the facts of a policy, the catalogue, a strategy → the choice with all of its reasons.
//!
//! *Policy default* takes the policy's own provider, and the first of its fallbacks that fits where the own one does
//! not. *Cost-aware* takes the cheapest that fits, but never surprises: only the policy's own provider, its fallbacks
//! and the workspace's `preferred_provider` take part, and the own one alone where the policy pins it. A price that is
//! not known counts as the dearest. Of equally cheap ones the first in `preferred_provider` is taken, then the policy's
//! own, then by rank and id.

mod contenders;
#[cfg(test)]
mod tests;

use domain::Invalid;
use domain::plan::{Candidate, Choice, Strategy};
use domain::policy::PolicyFacts;
use domain::price::{shown, usd};
use domain::provider::Catalogue;

use self::contenders::{Contender, Fit, everyone, named, sorted};

/// The provider of this charge, or everyone who was looked at and why none will do.
pub fn choose(facts: &PolicyFacts, catalogue: &Catalogue, strategy: Strategy) -> Result<Choice, Vec<Candidate>> {
    let spec = &facts.policy.spec;
    match strategy {
        Strategy::PolicyDefault => first_named(named(spec, catalogue), catalogue),
        Strategy::CostAware => cheapest(everyone(spec, catalogue), catalogue),
    }
}

/// Who is asked while the chosen one is down: the policy's own provider and its fallbacks, in their order, as far as
/// they fit.
pub fn fallbacks(facts: &PolicyFacts, catalogue: &Catalogue, chosen: &Choice) -> Vec<Choice> {
    let spec = &facts.policy.spec;
    if spec.fallbacks.is_empty() && spec.ca().is_ok_and(|own| own == chosen.ca) {
        return Vec::new();
    }
    let (fits, _) = sorted(named(spec, catalogue));
    let others = fits.into_iter().filter(|fit| fit.ca != chosen.ca);
    others
        .map(|fit| won(fit, "asked while those before it are down or out of quota", catalogue))
        .collect()
}

/// The refusal of a policy that no provider fits.
pub fn refusal(candidates: &[Candidate]) -> Invalid {
    let named = |one: &Candidate| match (&one.id, &one.ca) {
        (Some(id), _) => id.to_string(),
        (None, Some(ca)) => ca.to_string(),
        (None, None) => "the policy's provider".to_owned(),
    };
    let each: Vec<String> = candidates
        .iter()
        .map(|one| format!("{}: {}", named(one), one.because))
        .collect();
    let remedy = "see vigilo provider list; change the policy, or enable a provider that fits";
    Invalid::new("provider", format!("no provider fits: {}", each.join("; ")), remedy)
}

fn first_named(chain: Vec<Contender<'_>>, catalogue: &Catalogue) -> Result<Choice, Vec<Candidate>> {
    let (fits, mut lost) = sorted(chain);
    let mut fits = fits.into_iter();
    let Some(winner) = fits.next() else { return Err(lost) };
    let because = match winner.named {
        Some(0) => "the policy names it",
        Some(_) | None => "the policy's first provider that fits",
    };
    lost.extend(fits.map(|fit| fit.lost("stands by: it is named later".to_owned())));
    let choice = won(winner, because, catalogue);
    Ok(Choice { lost, ..choice })
}

fn cheapest(all: Vec<Contender<'_>>, catalogue: &Catalogue) -> Result<Choice, Vec<Candidate>> {
    let (mut fits, mut lost) = sorted(all);
    let best = fits.iter().enumerate().min_by(|(_, one), (_, other)| {
        let order = |fit| order(fit, catalogue);
        order(one).cmp(&order(other))
    });
    let Some((place, _)) = best else { return Err(lost) };
    let because = match fits.len() {
        1 => "the only one that fits".to_owned(),
        many => format!("the cheapest of {many} that fit"),
    };
    let winner = fits.swap_remove(place);
    lost.extend(fits.into_iter().map(|fit| {
        let because = no_better(fit.cost, &winner);
        fit.lost(because)
    }));
    let choice = won(winner, &because, catalogue);
    Ok(Choice { lost, ..choice })
}

/// Smaller is better: price (not known is the dearest), preference, the policy's own, rank, id.
fn order<'a>(fit: &'a Fit<'_>, catalogue: &Catalogue) -> impl Ord + use<'a> {
    let preference = fit.id().and_then(|id| catalogue.preference(id));
    (
        fit.cost.unwrap_or(u64::MAX),
        preference.unwrap_or(usize::MAX),
        fit.named != Some(0),
        fit.entry.map_or(i16::MAX, |entry| entry.rank),
        fit.entry.map(|entry| entry.id.as_str()),
        &fit.ca,
    )
}

fn no_better(price: Option<u64>, winner: &Fit<'_>) -> String {
    match (price, winner.cost) {
        (None, Some(best)) => format!("its price is not known; {} is {}", winner.title(), shown(Some(best))),
        (Some(price), Some(best)) if price > best => format!("dearer by {}", usd(price - best)),
        (Some(_) | None, Some(_) | None) => format!("no cheaper than {}, which comes first", winner.title()),
    }
}

fn won(fit: Fit<'_>, because: &str, catalogue: &Catalogue) -> Choice {
    let mut why = format!("{} ({}): {because}", fit.title(), shown(fit.cost));
    let remark = match fit.entry {
        None => Some("it is not in the catalogue"),
        Some(entry) => catalogue.stale(&entry.id),
    };
    if let Some(remark) = remark {
        why.push_str("; ");
        why.push_str(remark);
    }
    Choice {
        provider: fit.kind,
        id: fit.id().cloned(),
        why,
        cost_micro_usd: fit.cost,
        ca: fit.ca,
        lost: Vec::new(),
    }
}

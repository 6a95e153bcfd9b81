//! Providers.

use api::providers::{Provider, Providers};
use domain::price::{self, Price, PricedPer};
use domain::provider::Scope;

use super::{Text, or_dash, text_or_dash};

pub fn all(all: &Providers) -> Text {
    let mut text = super::list(&all.items, row);
    let preferred: Vec<&str> = all.preferred_provider.iter().map(|id| id.as_str()).collect();
    text.line(if preferred.is_empty() {
        "preferred_provider: none; of equally cheap ones the policy's own is taken".to_owned()
    } else {
        format!("preferred_provider: {}", preferred.join(", "))
    });
    text
}

fn row(provider: &Provider) -> String {
    let entry = &provider.entry;
    let state = match (entry.served, entry.enabled) {
        (false, _) => "not served",
        (true, false) => "disabled",
        (true, true) => "in use",
    };
    let stale = provider.stale.as_ref().map(|why| format!("  ! {why}"));
    format!(
        "{:<20} {:<11} {state:<10} {:<28} {}{}",
        entry.id.as_str(),
        entry.kind.as_str(),
        cost(&entry.price),
        entry.title,
        stale.unwrap_or_default(),
    )
}

fn cost(of: &Price) -> String {
    let per = match of.per {
        PricedPer::Certificate => "",
        PricedPer::Name => " a name",
    };
    let one = price::shown(of.micro_usd);
    match of.wildcard_micro_usd {
        Some(wildcard) => format!("{one}{per}, wildcard {}", price::usd(wildcard)),
        None => format!("{one}{per}"),
    }
}

pub fn detail(provider: &Provider) -> Text {
    let entry = &provider.entry;
    let mut text = Text::of(row(provider));
    let scope = match entry.scope {
        Scope::Global => "global",
        Scope::Workspace => "workspace",
    };
    for (name, value) in [
        ("scope", scope.to_owned()),
        ("directory_url", or_dash(entry.directory_url.as_ref())),
        ("staging_url", or_dash(entry.staging_url.as_ref())),
        ("max_validity_days", or_dash(entry.max_validity_days)),
        ("rank", entry.rank.to_string()),
        ("source", text_or_dash(&entry.source).to_owned()),
        ("last_verified", or_dash(entry.last_verified)),
    ] {
        text.line(format!("    {name:<18} {value}"));
    }
    for (ability, value) in abilities(provider) {
        text.line(format!("    {ability:<18} {value}"));
    }
    if !entry.price.note.is_empty() {
        text.line(format!("    {:<18} {}", "price", entry.price.note));
    }
    text
}

/// Each as `--abilities` takes it, so that none is forgotten.
fn abilities(provider: &Provider) -> Vec<(String, String)> {
    match serde_json::to_value(&provider.entry.abilities) {
        Ok(serde_json::Value::Object(all)) => {
            let mut all: Vec<(String, String)> =
                all.into_iter().map(|(name, value)| (name, value.to_string())).collect();
            all.sort();
            all
        }
        Ok(_) | Err(_) => Vec::new(),
    }
}

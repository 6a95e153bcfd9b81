//! What paces the runs.

use api::pacing::{TagWindows, TargetGroup};
use domain::limit::Limit;
use domain::window::Window;

use super::Text;

pub fn limits(items: &[Limit]) -> Text {
    super::list(items, |limit| {
        format!(
            "{:<36} {:>6} at once, then 1 in {} s  {} ({}, verified {}){}",
            limit.id,
            limit.burst,
            limit.period_seconds,
            limit.title,
            limit.source,
            limit.last_verified,
            if limit.enabled { "" } else { "  (off)" },
        )
    })
}

pub fn groups(items: &[TargetGroup]) -> Text {
    super::list(items, |group| format!("{:<40} {} at once", group.name, group.at_once))
}

pub fn tags(items: &[TagWindows]) -> Text {
    let said = |window: &Window| format!("\"{}\" {} for {} min", window.cron(), window.zone(), window.minutes());
    super::list(items, |tag| {
        let windows: Vec<String> = tag.windows.iter().map(said).collect();
        format!("{:<30} {}", tag.tag, windows.join(", "))
    })
}

//! Fields of the API by the flags that give them: a refusal names what was typed.

/// Fields, or whole paths, whose flag is called otherwise than the field with `-` for `_`.
const FLAGS: [(&str, &str); 23] = [
    ("addresses", "--address"),
    ("tags", "--tag"),
    ("sans", "--san"),
    ("fallbacks", "--fallback"),
    ("windows", "--window"),
    ("notify_on_failure", "--notify"),
    ("probe_interval_seconds", "--probe-interval"),
    ("targets", "--target or --target-file"),
    ("provider_pinned", "--pin-provider"),
    ("auto_renew", "--by-hand"),
    ("hostnames", "the hosts"),
    ("environments", "--environment"),
    ("criticalities", "--criticality"),
    ("providers", "--provider"),
    ("days_until_expiry", "--expires-within"),
    ("hostname_glob", "--glob"),
    ("strategy", "--cost-aware"),
    ("mode", "--dry-run"),
    ("budget_micro_usd", "--budget"),
    ("cooldown", "--schedule-cooldown or --ignore-cooldown"),
    ("canary", "--canary"),
    ("halt.percent", "--halt-percent"),
    ("halt.at_least", "--halt-at-least"),
];

/// Fields whose flags are called as they are.
const SAME: [&str; 23] = [
    "port",
    "environment",
    "criticality",
    "provider",
    "directory_url",
    "staging",
    "key_source",
    "profile",
    "key_algorithm",
    "cooldown_seconds",
    "renew_before_days",
    "dry_run_default",
    "title",
    "scope",
    "burst",
    "period_seconds",
    "start_at",
    "ends_at",
    "concurrency",
    "reason",
    "idempotency_key",
    "note",
    "since",
];

/// Fields of a target that have flags of their own.
const OF_A_TARGET: [(&str, &str); 2] = [
    ("activate", "--activate"),
    ("activate_timeout_seconds", "--activate-timeout-seconds"),
];

/// What a person typed to give this field, if that is a flag.
pub fn flag(field: &str) -> Option<String> {
    let field = field.strip_prefix("spec.").unwrap_or(field);
    let field = field.strip_prefix("filter.").unwrap_or(field);
    let (name, place) = field.split_at(field.find(['[', '.']).unwrap_or(field.len()));
    let named = |wanted: &str| FLAGS.iter().find(|(known, _)| *known == wanted).map(|(_, flag)| *flag);
    if let Some(whole) = named(field) {
        return Some(whole.to_owned());
    }
    let own = || SAME.contains(&name).then(|| format!("--{}", name.replace('_', "-")));
    let flag = named(name).map(str::to_owned).or_else(own)?;
    let which = place.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let Some((index, inner)) = which.and_then(|(index, inner)| Some((index.parse::<usize>().ok()?, inner))) else {
        return Some(flag);
    };
    let inner = inner.trim_start_matches('.');
    if let Some((_, flag)) = OF_A_TARGET
        .iter()
        .find(|(of_a_target, _)| name == "targets" && *of_a_target == inner)
    {
        return Some((*flag).to_owned());
    }
    let inner = if inner.is_empty() {
        String::new()
    } else {
        format!(" ({inner})")
    };
    Some(format!("{flag} {}{inner}", index.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Subcommand;

    use super::*;

    fn flags_of(command: &clap::Command, known: &mut BTreeSet<String>) {
        known.extend(
            command
                .get_arguments()
                .filter_map(|one| Some(format!("--{}", one.get_long()?))),
        );
        command.get_subcommands().for_each(|one| flags_of(one, known));
    }

    #[test]
    fn every_flag_that_a_refusal_names_is_one() {
        let mut known = BTreeSet::new();
        let whole = crate::OperatorCommand::augment_subcommands(clap::Command::new("vigilo"));
        flags_of(&whole, &mut known);
        let same = SAME.map(|field| format!("--{}", field.replace('_', "-")));
        let others = FLAGS
            .iter()
            .chain(&OF_A_TARGET)
            .flat_map(|(_, flag)| flag.split(" or "));
        for flag in others.map(str::to_owned).chain(same).filter(|flag| flag != "the hosts") {
            assert!(known.contains(&flag), "{flag} is no flag: {known:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_flag_that_was_typed() {
        for (field, said) in [
            ("probe_interval_seconds", Some("--probe-interval")),
            ("tags[1]", Some("--tag 2")),
            (
                "targets[0].chain_path",
                Some("--target or --target-file 1 (chain_path)"),
            ),
            ("targets[0].activate", Some("--activate")),
            (
                "targets[1].activate_timeout_seconds",
                Some("--activate-timeout-seconds"),
            ),
            ("cooldown_seconds", Some("--cooldown-seconds")),
            ("spec.start_at", Some("--start-at")),
            ("spec.filter.tags[0]", Some("--tag 1")),
            ("spec.filter.days_until_expiry", Some("--expires-within")),
            ("spec.halt.at_least", Some("--halt-at-least")),
            ("spec.canary.percent", Some("--canary")),
            ("spec.budget_micro_usd", Some("--budget")),
            ("filter.hostnames[2]", Some("the hosts 3")),
            ("provider_pinned", Some("--pin-provider")),
            ("since", Some("--since")),
            ("hostname", None),
            ("run_id", None),
        ] {
            assert_eq!(flag(field).as_deref(), said, "{field}");
        }
    }
}

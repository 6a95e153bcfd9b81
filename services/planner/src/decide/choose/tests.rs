use domain::Timestamp;
use domain::ca::CaRef;
use domain::plan::{Candidate, Choice, Strategy};
use domain::policy::PolicyFacts;
use domain::provider::{Catalogue, ProviderEntry, ProviderId};
use proptest::prelude::*;
use proptest::strategy::Strategy as Drawn;
use samples::{policy_facts, provider};
use serde_json::{Value, json};

use super::{choose, fallbacks, refusal};

fn now() -> Timestamp {
    Timestamp::from_unix(1_790_000_000).expect("an instant")
}

fn priced(id: &str, micro_usd: u64) -> ProviderEntry {
    provider(id, json!({"price": {"micro_usd": micro_usd}}))
}

fn ids(texts: &[&str]) -> Vec<ProviderId> {
    texts.iter().map(|text| text.parse().expect("an id")).collect()
}

fn catalogue_of(entries: Vec<ProviderEntry>, preferred: &[&str]) -> Catalogue {
    Catalogue::new(entries, ids(preferred), now())
}

/// Of a policy whose own provider is the CA `own`.
fn facts(changes: Value) -> PolicyFacts {
    let own = json!({"directory_url": "https://own.example.org/dir"});
    policy_facts(samples::with(own, changes))
}

fn winner(facts: &PolicyFacts, catalogue: &Catalogue, strategy: Strategy) -> String {
    match choose(facts, catalogue, strategy) {
        Ok(choice) => choice.id.map_or(choice.ca.to_string(), |id| id.to_string()),
        Err(all) => refusal(&all).to_string(),
    }
}

fn because<'a>(choice: &'a Choice, id: &str) -> &'a str {
    let named = |one: &&Candidate| one.id.as_ref().is_some_and(|own| own.as_str() == id);
    choice
        .lost
        .iter()
        .find(named)
        .map_or("not among the losers", |one| &one.because)
}

#[test]
fn cost_aware_takes_the_cheapest_of_those_that_somebody_named() {
    let all = vec![priced("own", 3_000_000), priced("cheap", 1_000_000), priced("free", 0)];
    let policy = facts(json!({"fallbacks": ["cheap"]}));
    let catalogue = catalogue_of(all.clone(), &[]);

    let choice = choose(&policy, &catalogue, Strategy::CostAware).expect("a choice");

    assert_eq!(choice.cost_micro_usd, Some(1_000_000));
    assert!(choice.why.contains("cheapest of 2 that fit"), "{}", choice.why);
    assert_eq!(because(&choice, "own"), "dearer by 2.00 USD");
    assert_eq!(
        because(&choice, "free"),
        "neither the policy nor preferred_provider names it"
    );
    assert_eq!(
        winner(&policy, &catalogue_of(all, &["free"]), Strategy::CostAware),
        "free"
    );
}

#[test]
fn policy_default_keeps_to_the_own_one_whatever_it_costs() {
    let all = vec![priced("own", 3_000_000), priced("free", 0)];
    let policy = facts(json!({"fallbacks": ["free"]}));
    let catalogue = catalogue_of(all, &["free"]);
    let choice = choose(&policy, &catalogue, Strategy::PolicyDefault).expect("a choice");
    assert_eq!(choice.id, Some("own".parse().expect("an id")));
    assert!(because(&choice, "free").contains("stands by"), "{choice:?}");
    let standing_by = fallbacks(&policy, &catalogue, &choice);
    assert_eq!(standing_by.len(), 1);
    assert_eq!(standing_by[0].id, Some("free".parse().expect("an id")));
}

#[test]
fn equally_cheap_ones_are_told_apart_by_preference_then_the_own_then_rank_then_id() {
    let free = |id| provider(id, json!({}));
    let policy = facts(json!({"fallbacks": ["b", "a"]}));
    let won = |entries, preferred: &[&str]| winner(&policy, &catalogue_of(entries, preferred), Strategy::CostAware);
    assert_eq!(won(vec![free("own"), free("a"), free("b")], &["b", "own"]), "b");
    assert_eq!(won(vec![free("own"), free("a"), free("b")], &[]), "own");
    let off = provider("own", json!({"enabled": false}));
    let ranked = provider("b", json!({"rank": 1}));
    assert_eq!(won(vec![off.clone(), free("a"), ranked], &[]), "b");
    assert_eq!(won(vec![off, free("a"), free("b")], &[]), "a");
}

#[test]
fn a_pinned_policy_stays_with_its_own() {
    let all = vec![priced("own", 3_000_000), priced("free", 0)];
    let policy = facts(json!({"fallbacks": ["free"], "provider_pinned": true}));
    let choice = choose(&policy, &catalogue_of(all, &["free"]), Strategy::CostAware).expect("a choice");
    assert_eq!(choice.id, Some("own".parse().expect("an id")));
    assert_eq!(because(&choice, "free"), "the policy pins its own provider");
}

#[test]
fn exportable_acm_needs_the_policys_word() {
    let sold = provider("own", json!({"abilities": {"exports_key_for_money": true}}));
    let catalogue = catalogue_of(vec![sold], &[]);
    for strategy in [Strategy::CostAware, Strategy::PolicyDefault] {
        let refused = winner(&facts(json!({})), &catalogue, strategy);
        assert!(refused.contains("allow_exportable_acm"), "{refused}");
        let allowed = winner(&facts(json!({"allow_exportable_acm": true})), &catalogue, strategy);
        assert_eq!(allowed, "own");
    }
}

#[test]
fn what_does_not_fit_says_why() {
    let wildcard = json!({"sans": ["*.example.org"], "challenge": "dns-01"});
    for (abilities, policy, reason) in [
        (json!({"challenges": ["dns-01"]}), json!({}), "does not offer http-01"),
        (
            json!({"max_names": 1}),
            json!({"sans": ["b.example.org"]}),
            "takes 1 name, the policy has 2",
        ),
        (json!({"wildcard": false}), wildcard, "issues no wildcard"),
        (json!({"key_algorithms": ["rsa2048"]}), json!({}), "takes no p256 keys"),
        (
            json!({"profiles": ["classic"]}),
            json!({"profile": "shortlived"}),
            "has no profile shortlived",
        ),
        (
            json!({"key_backends": []}),
            json!({}),
            "no CSR of the policy's key source",
        ),
        (json!({"targets": ["aws_acm"]}), json!({}), "cannot be used at"),
        (json!({"external_account": true}), json!({}), "bound to an external one"),
    ] {
        let own = provider("own", json!({ "abilities": abilities }));
        let refused = winner(&facts(policy), &catalogue_of(vec![own], &[]), Strategy::PolicyDefault);
        assert!(
            refused.starts_with("provider: ") && refused.contains(reason),
            "{refused}"
        );
    }
}

#[test]
fn a_policy_that_asks_for_staging_gets_no_other_ones_production() {
    let body = json!({"provider": "letsencrypt", "directory_url": null, "fallbacks": ["own"],
                      "key_backend_config": {"endpoint": "staging"}});
    let known = json!({"kind": "letsencrypt", "directory_url": "https://acme-v02.api.letsencrypt.org/directory",
                       "staging_url": "https://acme-staging-v02.api.letsencrypt.org/directory"});
    let catalogue = catalogue_of(vec![provider("letsencrypt", known), priced("own", 0)], &[]);
    let choice = choose(&facts(body), &catalogue, Strategy::CostAware).expect("a choice");
    assert!(choice.ca.to_string().contains("staging"), "{choice:?}");
    assert!(because(&choice, "own").contains("no staging"), "{choice:?}");
}

#[test]
fn a_directory_that_the_catalogue_does_not_know_is_taken_at_an_unknown_price() {
    let policy = facts(json!({}));
    let choice = choose(
        &policy,
        &catalogue_of(vec![priced("free", 0)], &[]),
        Strategy::PolicyDefault,
    )
    .expect("a choice");
    assert_eq!((choice.id, choice.cost_micro_usd), (None, None));
    assert!(
        choice.why.contains("price not known") && choice.why.contains("not in the catalogue"),
        "{}",
        choice.why
    );
    let cheapest = winner(
        &policy,
        &catalogue_of(vec![priced("free", 5)], &["free"]),
        Strategy::CostAware,
    );
    assert_eq!(cheapest, "free", "what is not known counts as the dearest");
}

#[test]
fn old_facts_are_said_with_the_choice() {
    let old = provider("own", json!({"last_verified": "2025-01-01"}));
    let choice = choose(
        &facts(json!({})),
        &catalogue_of(vec![old], &[]),
        Strategy::PolicyDefault,
    )
    .expect("a choice");
    assert!(choice.why.contains("2025-01-01"), "{}", choice.why);
}

fn any_entry(id: &'static str) -> impl Drawn<Value = ProviderEntry> {
    (
        any::<bool>(),
        any::<bool>(),
        prop::option::of(0_u64..4),
        0_i16..3,
        any::<bool>(),
    )
        .prop_map(move |(enabled, served, price, rank, http)| {
            let challenges = if http { json!(["http-01"]) } else { json!(["dns-01"]) };
            provider(
                id,
                json!({"enabled": enabled, "served": served, "rank": rank, "price": {"micro_usd": price},
                       "abilities": {"challenges": challenges}}),
            )
        })
}

fn key(id: Option<&ProviderId>, ca: Option<&CaRef>) -> String {
    id.map(ToString::to_string)
        .or(ca.map(ToString::to_string))
        .unwrap_or_default()
}

proptest! {
    #[test]
    fn the_winner_is_never_dearer_and_everyone_is_there_once(
        own in any_entry("own"), a in any_entry("a"), b in any_entry("b"), c in any_entry("c"),
        pinned in any::<bool>(), named in prop::sample::subsequence(vec!["a", "b"], 0..=2),
        preferred in prop::sample::subsequence(vec!["own", "b", "c"], 0..=3),
    ) {
        let policy = facts(json!({"fallbacks": named, "provider_pinned": pinned}));
        let catalogue = catalogue_of(vec![own, a, b, c], &preferred);
        let chosen = choose(&policy, &catalogue, Strategy::CostAware);
        prop_assert_eq!(&chosen, &choose(&policy, &catalogue, Strategy::CostAware), "the same again");
        let (won, lost) = match &chosen {
            Ok(choice) => (vec![key(choice.id.as_ref(), Some(&choice.ca))], &choice.lost),
            Err(all) => (Vec::new(), all),
        };
        let losers = lost.iter().map(|one| key(one.id.as_ref(), one.ca.as_ref()));
        let mut everyone: Vec<String> = won.into_iter().chain(losers).collect();
        everyone.sort();
        prop_assert_eq!(everyone, ["a", "b", "c", "own"]);
        if let Ok(choice) = &chosen {
            let cost = choice.cost_micro_usd.unwrap_or(u64::MAX);
            for one in lost.iter().filter(|one| one.because.starts_with("no cheaper") || one.because.starts_with("dearer")) {
                prop_assert!(cost <= one.cost_micro_usd.unwrap_or(u64::MAX), "{:?} beats {:?}", choice, one);
            }
            let entry = catalogue.at(&choice.ca).expect("in the catalogue");
            let allowed = entry.id.as_str() == "own"
                || (!pinned && (named.contains(&entry.id.as_str()) || preferred.contains(&entry.id.as_str())));
            prop_assert!(entry.enabled && entry.served && allowed, "{:?}", choice);
        }
    }
}

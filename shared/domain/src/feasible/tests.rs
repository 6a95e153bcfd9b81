use serde_json::{Value, json};

use super::*;

fn changed(mut whole: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().into_iter().flatten() {
        whole[key] = value.clone();
    }
    whole
}

fn policy(changes: &Value) -> NewPolicy {
    let whole = json!({
        "hostname": "www.example.org", "provider": "acme", "directory_url": "https://ca.example.org/dir",
        "targets": [{"kind": "file", "chain_path": "/t/a.crt", "key_path": "/t/a.key"}],
    });
    serde_json::from_value(changed(whole, changes)).expect("a policy")
}

fn provider(changes: &Value, abilities: &Value) -> ProviderEntry {
    let whole = json!({
        "id": "own", "scope": "workspace", "kind": "acme", "title": "Our own", "directory_url": "https://ca.example.org/dir",
        "staging_url": null, "price": {"micro_usd": 0}, "abilities": abilities, "max_validity_days": 90, "source": "a test",
        "last_verified": "2026-09-01", "enabled": true, "served": true, "rank": 100,
    });
    serde_json::from_value(changed(whole, changes)).expect("a provider")
}

const VAULT: &str =
    r#"{"kind": "vault", "address": "https://vault.example.org/", "key": "web", "credential": "vault"}"#;

fn vault() -> Value {
    serde_json::from_str(VAULT).expect("a key source")
}

fn of(reasons: Result<(), Vec<Reason>>) -> Vec<String> {
    reasons
        .err()
        .unwrap_or_default()
        .iter()
        .map(Reason::to_string)
        .collect()
}

/// The policy, the abilities of the provider, and everything that is said.
#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn every_combination_is_judged_and_every_reason_is_said() {
    let nothing = json!({});
    let wildcard = json!({"sans": ["*.example.org"]});
    let by_dns = json!({"sans": ["*.example.org"], "challenge": "dns-01"});
    let two_names = json!({"sans": ["b.example.org"]});
    let only_http = "only http-01 is served by this version";
    let cases: [(&Value, Value, &[&str]); 13] = [
        (&nothing, json!({}), &[]),
        (
            &nothing,
            json!({"challenges": ["dns-01"]}),
            &["it does not offer http-01"],
        ),
        (&wildcard, json!({}), &["*.example.org cannot be proven by http-01"]),
        (&by_dns, json!({}), &[only_http]),
        (
            &by_dns,
            json!({"wildcard": false}),
            &["it issues no wildcard such as *.example.org", only_http],
        ),
        (&two_names, json!({"max_names": 2}), &[]),
        (
            &two_names,
            json!({"max_names": 1}),
            &["it takes 1 name, the policy has 2"],
        ),
        (
            &json!({"profile": "shortlived"}),
            json!({"profiles": ["classic"]}),
            &["it has no profile shortlived"],
        ),
        (
            &nothing,
            json!({"key_algorithms": ["rsa2048"]}),
            &["it takes no p256 keys"],
        ),
        (
            &nothing,
            json!({"key_backends": []}),
            &["it takes no CSR of the policy's key source"],
        ),
        (
            &nothing,
            json!({"targets": ["aws_acm"]}),
            &["what it issues cannot be used at file /t/a.crt"],
        ),
        (
            &json!({"key_source": vault()}),
            json!({"key_backends": ["local"]}),
            &[
                "it takes no CSR of the policy's key source",
                "only local is served by this version",
                "file /t/a.crt needs the private key, which never leaves its source",
                "it needs the secret vault, and this version keeps none by name",
            ],
        ),
        (
            &wildcard,
            json!({"challenges": ["dns-01"], "key_algorithms": ["p384"], "max_names": 1}),
            &[
                "it does not offer http-01",
                "it takes 1 name, the policy has 2",
                "it takes no p256 keys",
                "*.example.org cannot be proven by http-01",
            ],
        ),
    ];
    for (asked, abilities, said) in cases {
        let found = of(feasible(&policy(asked), &provider(&json!({}), &abilities)));
        assert_eq!(found, said, "{asked} at {abilities}");
    }
}

#[test]
fn what_an_operator_can_change_is_a_reason_too_but_none_of_the_combination() {
    for (entry, abilities, said) in [
        (json!({"enabled": false}), json!({}), "disabled in the catalogue"),
        (json!({"served": false}), json!({}), "not served by this version"),
        (json!({}), json!({"external_account": true}), "bound to an external one"),
        (
            json!({}),
            json!({"exports_key_for_money": true}),
            "allow_exportable_acm",
        ),
    ] {
        let reasons = feasible(&policy(&json!({})), &provider(&entry, &abilities)).expect_err(said);
        assert!(in_words(&reasons).contains(said), "{reasons:?}");
        assert!(!reasons.iter().any(Reason::is_of_the_combination), "{reasons:?}");
    }
    let allowed = policy(&json!({"allow_exportable_acm": true}));
    let sold = provider(&json!({}), &json!({"exports_key_for_money": true}));
    assert_eq!(feasible(&allowed, &sold), Ok(()));
}

#[test]
fn a_refusal_says_everything_at_the_field_of_the_first() {
    assert_eq!(refusal(&[]), None);
    let reasons = feasible_anywhere(&policy(&json!({"sans": ["*.example.org"], "key_source": vault()})));
    let refused = refusal(&reasons.expect_err("several")).expect("a refusal");
    assert_eq!(refused.field, "key_source");
    for part in [
        "only local",
        "*.example.org cannot",
        "file /t/a.crt needs the private key",
    ] {
        assert!(refused.problem.contains(part), "{refused}");
    }
    for part in ["use local", "RFC 8555", "takes the chain alone"] {
        assert!(refused.remedy.contains(part), "{refused}");
    }
}

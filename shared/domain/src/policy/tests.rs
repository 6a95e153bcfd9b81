use super::*;

fn policy(change: impl FnOnce(&mut Value)) -> Result<(), String> {
    let mut body = serde_json::json!({
        "hostname": "www.example.org", "provider": "acme", "directory_url": "https://ca.example.org/dir",
        "targets": [{"kind": "file", "chain_path": "/etc/tls/a.crt", "key_path": "/etc/tls/a.key"}],
    });
    change(&mut body);
    let policy: NewPolicy = serde_json::from_value(body).map_err(|e| e.to_string())?;
    policy.check().map_err(|e| e.to_string())
}

#[test]
fn a_plain_policy_is_accepted() {
    assert_eq!(policy(|_| ()), Ok(()));
}

#[test]
fn every_refusal_names_its_field() {
    let cases: [(&str, Value, &str); 16] = [
        ("profile", "two words".into(), "profile"),
        ("key_algorithm", "rsa1024".into(), "key_algorithm"),
        ("directory_url", Value::Null, "directory_url"),
        ("directory_url", "http://ca.example.org/dir".into(), "directory_url"),
        ("provider", "manual".into(), "provider"),
        ("sans", serde_json::json!(["*.example.org"]), "sans"),
        ("targets", serde_json::json!([]), "targets"),
        ("notify_on_failure", serde_json::json!(["ops"]), "notify_on_failure"),
        (
            "key_backend_config",
            serde_json::json!({"endpoint": "moon"}),
            "key_backend_config.endpoint",
        ),
        ("colour", "red".into(), "colour"),
        ("cooldown_seconds", 31_622_401.into(), "cooldown_seconds"),
        (
            "directory_url",
            "https://user:word@ca.example.org/dir".into(),
            "directory_url",
        ),
        ("fallbacks", serde_json::json!(["UPPER"]), "fallbacks"),
        ("fallbacks", serde_json::json!(["http://ca.example.org/2"]), "fallbacks"),
        ("fallbacks", serde_json::json!(["a", "a"]), "fallbacks[1]"),
        (
            "fallbacks",
            serde_json::json!(["https://ca.example.org/dir"]),
            "fallbacks[0]",
        ),
    ];
    for (field, value, named) in cases {
        let with_directory = field == "key_backend_config";
        let refused = policy(|body| {
            body[field] = value;
            if with_directory {
                body["provider"] = "letsencrypt".into();
            }
        });
        let text = refused.expect_err(field);
        assert!(text.contains(named), "{text} must name {named}");
    }
}

#[test]
fn a_target_is_named_by_its_place() {
    let target = serde_json::json!([{"kind": "file", "chain_path": "tls.crt", "key_path": "/k"}]);
    let text = policy(|body| body["targets"] = target).expect_err("a relative path");
    assert!(text.starts_with("targets[0].chain_path"), "{text}");
}

#[test]
fn staging_is_the_cas_own() {
    let body =
        serde_json::json!({"hostname": "a.example.org", "key_backend_config": {"endpoint": "staging"}, "targets": []});
    let policy: NewPolicy = serde_json::from_value(body).expect("a policy");
    assert_eq!(policy.directory().expect("a directory").as_str(), LETSENCRYPT_STAGING);
}

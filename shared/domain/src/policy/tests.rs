use serde_json::Value;

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

/// Saved by an older version: it loads and may be renewed, and a new policy like it is refused.
#[test]
fn a_command_of_its_own_loads_and_is_taken_from_nobody() {
    let read = |reload: Value| -> NewPolicy {
        serde_json::from_value(serde_json::json!({
            "hostname": "www.example.org",
            "targets": [{"kind": "file", "chain_path": "/etc/tls/a.crt", "key_path": "/etc/tls/a.key", "reload": reload}],
        }))
        .expect("a policy")
    };
    let none = read(Value::Null);
    assert_eq!((none.check(), none.check_entry(None)), (Ok(()), Ok(())));
    for (command, right) in [
        (vec!["nginx", "-s", "reload"], "\"activate\": \"nginx\""),
        (
            vec!["sh", "-c", "nginx -t && nginx -s reload"],
            "activations.reload-server",
        ),
        (vec!["/opt/edge.sh"], "activations.edge"),
    ] {
        let old = read(serde_json::json!({"command": command, "timeout_seconds": 5}));
        assert_eq!(old.check(), Ok(()));
        let refused = old.check_entry(None).expect_err("a command");
        assert_eq!(refused.field, "targets[0].reload");
        assert!(refused.remedy.contains(right), "{refused}");
    }
}

#[test]
fn a_key_that_is_to_be_kept_is_refused_unless_an_older_version_took_it() {
    let policy = |rotation: &str| -> NewPolicy {
        let target = serde_json::json!({"kind": "file", "chain_path": "/etc/tls/a.crt", "key_path": "/etc/tls/a.key"});
        let said = serde_json::json!({"hostname": "a.example.org", "key_rotation": rotation, "targets": [target]});
        serde_json::from_value(said).expect("a policy")
    };
    let (keep, always) = (policy("keep"), policy("always"));
    for was in [None, Some(&always)] {
        let refused = keep.check_entry(was).expect_err("nobody keeps it");
        assert_eq!(refused.field, "key_rotation");
        assert!(refused.remedy.contains("always"), "{refused}");
    }
    assert_eq!(keep.check_entry(Some(&keep)), Ok(()));
    assert_eq!(always.check_entry(Some(&keep)), Ok(()));
}

/// What an older version stored is written again as it was: a change of a policy compares the two.
#[test]
fn a_target_of_an_older_version_is_written_as_it_was() {
    for reload in [
        Value::Null,
        serde_json::json!({"command": ["nginx"], "timeout_seconds": 5}),
    ] {
        let stored = serde_json::json!({
            "kind": "file", "chain_path": "/t/a.crt", "key_path": "/t/a.key", "owner": null, "group": null, "key_mode": "0600",
            "reload": reload, "serves_at": [],
        });
        let read: Target = serde_json::from_value(stored.clone()).expect("a target");
        assert_eq!(serde_json::to_value(read).expect("JSON"), stored);
    }
}

#[test]
fn how_the_files_look_is_checked_when_it_is_saved() {
    let with = |field: &str, value: &str| {
        policy(|body| {
            body["targets"][0][field] = value.into();
        })
    };
    for (field, value) in [
        ("key_mode", "0640"),
        ("chain_mode", "0644"),
        ("chain_mode", "600"),
        ("access_list", "keep"),
        ("access_list", "drop"),
    ] {
        assert_eq!(with(field, value), Ok(()), "{field} {value}");
    }
    for (field, value, why) in [
        ("key_mode", "0644", "lets every user of the machine at the private key"),
        ("key_mode", "+640", "is not octal"),
        ("chain_mode", "0666", "lets every user of the machine write the chain"),
        ("chain_mode", "0044", "with which the owner can read"),
        ("chain_mode", "rw-r--r--", "is not octal"),
        ("access_list", "u:www:r", "is neither \"keep\" nor \"drop\""),
    ] {
        let refused = with(field, value).expect_err(value);
        assert!(refused.contains(field) && refused.contains(why), "{field}: {refused}");
    }
}

#[test]
fn an_activation_is_a_name() {
    let with = |fields: Value| {
        policy(|body| {
            for (field, value) in fields.as_object().into_iter().flatten() {
                body["targets"][0][field] = value.clone();
            }
        })
    };
    assert_eq!(
        with(serde_json::json!({"activate": "edge-2", "activate_timeout_seconds": 600})),
        Ok(())
    );
    let refused = with(serde_json::json!({"activate": "nginx -s reload"})).expect_err("a command");
    assert!(
        refused.contains("targets[0].activate") && refused.contains("give \"nginx\""),
        "{refused}"
    );
    let refused =
        with(serde_json::json!({"activate": "nginx", "activate_timeout_seconds": 601})).expect_err("too long");
    assert!(refused.contains("targets[0].activate_timeout_seconds"), "{refused}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
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
    assert_eq!(policy.ca().expect("a CA").to_string(), LETSENCRYPT_STAGING);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
fn what_no_run_could_carry_is_refused_by_its_field() {
    let target = |number: usize, endpoints: &[String]| {
        serde_json::json!({"kind": "file", "chain_path": format!("/etc/tls/{number}.crt"),
                           "key_path": format!("/etc/tls/{number}.key"), "serves_at": endpoints})
    };
    let endpoints = |many: usize| -> Vec<String> { (1..=many).map(|last| format!("192.0.2.{last}:443")).collect() };
    let targets = |many: usize| (0..many).map(|number| target(number, &[])).collect::<Vec<_>>();
    let addresses = |many: usize| -> Vec<String> { (0..many).map(|n| format!("ops{n}@example.org")).collect() };
    let cases: [(&str, Value, Option<&str>); 11] = [
        ("targets", targets(32).into(), None),
        ("targets", targets(33).into(), Some("targets: 33")),
        ("targets", vec![target(0, &endpoints(16))].into(), None),
        (
            "targets",
            vec![target(0, &endpoints(17))].into(),
            Some("targets[0].serves_at: 17"),
        ),
        (
            "targets",
            vec![target(0, &endpoints(9)), target(1, &endpoints(8))].into(),
            Some("targets: all targets together name 17"),
        ),
        (
            "targets",
            vec![target(0, &["169.254.169.254:80".to_owned()])].into(),
            Some("targets[0].serves_at[0]"),
        ),
        (
            "targets",
            vec![target(0, &["192.0.2.1:0".to_owned()])].into(),
            Some("targets[0].serves_at[0]"),
        ),
        ("targets", vec![target(0, &["127.0.0.1:443".to_owned()])].into(), None),
        ("notify_on_failure", addresses(32).into(), None),
        ("notify_on_failure", addresses(33).into(), Some("notify_on_failure: 33")),
        (
            "notify_on_failure",
            vec![format!("{}@example.org", "a".repeat(250))].into(),
            Some("notify_on_failure"),
        ),
    ];
    for (field, value, named) in cases {
        let said = policy(|body| body[field] = value.clone());
        match named {
            None => assert_eq!(said, Ok(()), "{value}"),
            Some(named) => assert!(
                said.as_ref().is_err_and(|text| text.starts_with(named)),
                "{named}: {said:?}"
            ),
        }
    }
}

#[test]
fn a_path_holds_a_chain_or_a_key_in_all_targets_of_a_policy() {
    let target = |chain: &str, key: &str| serde_json::json!({"kind": "file", "chain_path": chain, "key_path": key});
    let with =
        |second: Value| policy(|body| body["targets"] = serde_json::json!([target("/t/a.crt", "/t/a.key"), second]));

    // Two servers that read one pair.
    assert_eq!(with(target("/t/./a.crt", "/t//a.key")), Ok(()));

    let text = with(target("/t/b.crt", "/t/x/../a.crt")).expect_err("a key where the chain of the first is");
    assert!(text.starts_with("targets[1]") && text.contains("/t/a.crt"), "{text}");
    let text = policy(|body| body["targets"] = serde_json::json!([target("/t/a.pem", "/t//a.pem")]));
    assert!(text.expect_err("one file for both").starts_with("targets[0].key_path"));
}

#[test]
fn the_files_of_a_policy_have_one_spelling() {
    let target = |chain: &str, key: &str| serde_json::json!({"kind": "file", "chain_path": chain, "key_path": key});
    let body = serde_json::json!({"hostname": "a.example.org",
        "targets": [target("/t//a.crt", "/t/./a.key"), target("/t/a.crt", "/t/a.key")]});
    let policy: NewPolicy = serde_json::from_value(body).expect("a policy");
    assert_eq!(Vec::from_iter(policy.places()), ["/t/a.crt", "/t/a.key"]);
}

#[test]
fn what_can_only_be_watched_has_no_policy_and_hears_why() {
    for (name, field, why) in [
        ("10.0.0.7", "hostname", "IP address"),
        ("localhost", "hostname", "one label"),
        ("a_b.example.org", "hostname", "underscore"),
    ] {
        let text = policy(|body| body["hostname"] = serde_json::json!(name)).expect_err(name);
        assert!(
            text.starts_with(field) && text.contains(why) && text.contains("watched"),
            "{text}"
        );
    }
    let text = policy(|body| body["sans"] = serde_json::json!(["b.example.org", "a_b.example.org"]));
    assert!(text.expect_err("an underscore").starts_with("sans[1]"));
    assert_eq!(
        policy(|body| body["sans"] = serde_json::json!(["müller.example"])),
        Ok(())
    );
}

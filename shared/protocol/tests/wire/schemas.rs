use std::path::Path;

use protocol::request::{RenewRequest, Verb, readable};
use protocol::schema::{all, of, text};
use serde_json::{Value, json};

#[test]
fn the_files_are_what_the_types_say() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    for (name, schema) in all() {
        let file = directory.join(format!("{name}.json"));
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            kept == text(&schema),
            "{} is stale: run `cargo xtask schema`",
            file.display()
        );
    }
}

#[test]
fn every_verb_has_its_schema_and_is_in_the_page_for_other_systems() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/nats/README.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let schemas = all();
    for verb in Verb::ALL {
        assert!(page.contains(&format!("| `{}` |", verb.as_str())), "{verb:?}");
        for name in of(verb) {
            assert!(schemas.iter().any(|(there, _)| there == name), "{name}");
            assert!(page.contains(&format!("schema/{name}.json")), "{name}");
        }
    }
}

#[test]
fn a_request_says_what_it_needs_and_takes_nothing_unknown() {
    let schemas = all();
    let (_, renew) = schemas
        .iter()
        .find(|(name, _)| *name == "request-renew")
        .expect("there");
    assert_eq!(renew["additionalProperties"], json!(false));
    assert_eq!(
        renew["required"],
        json!(["hostnames", "idempotency_key", "requested_by"])
    );
    for field in [
        "schema",
        "hostnames",
        "mode",
        "idempotency_key",
        "requested_by",
        "trigger",
    ] {
        assert!(renew["properties"][field].is_object(), "{field}: {renew}");
    }
}

#[test]
fn a_request_of_a_version_that_is_read_here_is_taken() {
    let body = json!({"hostnames": ["www.example.org"], "idempotency_key": "k", "requested_by": "ann"});
    let with = |version: Value| {
        let mut body = body.clone();
        body["schema"] = version;
        readable(body)
    };
    for taken in [readable(body.clone()), with(json!(1))] {
        let taken = taken.expect("it is taken");
        serde_json::from_value::<RenewRequest>(taken).expect("it is read");
    }
    for strange in [json!(0), json!(2), json!("1"), json!(null)] {
        assert_eq!(with(strange).expect_err("it is refused").field, "schema");
    }
}

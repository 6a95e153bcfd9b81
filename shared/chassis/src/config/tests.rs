use std::io::Write as _;

use serde::Deserialize;

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Issuer {
    slots: usize,
    nats: Nats,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Nats {
    url: String,
    user: Option<String>,
}

fn set(variables: &[(&str, &str)]) -> Layers {
    Layers::new().variables(
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("writing it");
    file
}

#[test]
fn the_environment_wins_over_the_file() {
    let file = file("slots = 3\nlog_format = \"json\"\n[nats]\nurl = \"nats://file\"\nuser = \"u\"\n");
    let layers = Layers::new().file(Some(file.path())).expect("a file");
    let layers = layers.variables([("VIGILO_NATS__URL".to_owned(), "nats://env".to_owned())]);
    let nats = Nats {
        url: "nats://env".to_owned(),
        user: Some("u".to_owned()),
    };
    assert_eq!(layers.service::<Issuer>().expect("a config"), Issuer { slots: 3, nats });
    assert_eq!(layers.settings().expect("settings").log_format, LogFormat::Json);
}

#[test]
fn an_unknown_key_of_the_file_is_named_with_the_file() {
    let file = file("slots = 3\nslotz = 4\n");
    let layers = Layers::new().file(Some(file.path())).expect("a file");
    let said = layers.service::<Issuer>().expect_err("slotz").to_string();
    assert!(said.contains("slotz") && said.contains("slots"), "{said}");
    assert!(
        said.contains(&*file.path().file_name().expect("a name").to_string_lossy()),
        "{said}"
    );
}

#[test]
fn an_unknown_key_of_the_environment_is_named() {
    let said = set(&[("VIGILO_NATS__COLOUR", "red")])
        .service::<Issuer>()
        .expect_err("colour")
        .to_string();
    assert!(said.contains("colour") && said.contains("VIGILO_NATS"), "{said}");
}

#[test]
fn a_wrong_type_names_its_variable() {
    let said = set(&[("VIGILO_SLOTS", "many")])
        .service::<Issuer>()
        .expect_err("many")
        .to_string();
    assert!(said.contains("VIGILO_SLOTS"), "{said}");
    let said = set(&[("VIGILO_HEALTH_LISTEN", "8080")])
        .settings()
        .expect_err("no address")
        .to_string();
    assert!(said.contains("VIGILO_HEALTH_LISTEN"), "{said}");
}

#[test]
fn a_value_of_a_wrong_type_is_not_repeated() {
    for secret in ["1234567890123456", "-77001", "3.14159265", "true", "[7777777]"] {
        let said = set(&[("VIGILO_NATS__URL", secret)])
            .service::<Issuer>()
            .expect_err(secret)
            .to_string();
        let digits = secret.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        assert!(said.contains("VIGILO_NATS__URL") && !said.contains(digits), "{said}");
    }
    let said = set(&[("VIGILO_SLOTS", "hush-hush-hush")])
        .service::<Issuer>()
        .expect_err("a text")
        .to_string();
    assert!(said.contains("a text") && !said.contains("hush"), "{said}");
}

#[test]
fn variables_of_the_command_line_and_empty_ones_are_no_keys() {
    let names = [
        "LOG",
        "CONFIG",
        "URL",
        "TOKEN",
        "TOKEN_FILE",
        "TOOLS",
        "DATA_DIR",
        "DATABASE_URL_FILE",
    ]
    .map(|name| format!("VIGILO_{name}"));
    let layers = Layers::new().variables(names.map(|name| (name, "x".to_owned())));
    assert_eq!(layers.service::<Issuer>().expect("nothing is set"), Issuer::default());
    let layers = set(&[("VIGILO_SLOTZ", ""), ("HOME", "/root")]);
    assert_eq!(layers.service::<Issuer>().expect("nothing is set"), Issuer::default());
}

#[test]
fn a_missing_file_is_named() {
    let said = read::<Issuer>(Some(Path::new("/nowhere/issuer.toml")))
        .expect_err("no file")
        .to_string();
    assert!(said.contains("/nowhere/issuer.toml") && said.contains("TOML"), "{said}");
}

#[test]
fn each_service_of_one_process_has_a_table() {
    let layers = Layers::new().values(serde_json::json!({"issuer": {"slots": 2}, "planner": {}}));
    let layers = layers.variables([("VIGILO_ISSUER__SLOTS".to_owned(), "9".to_owned())]);
    assert_eq!(layers.table::<Issuer>("issuer").expect("a table").slots, 9);
    let typo = layers.variables([("VIGILO_ISSUER__SLOTZ".to_owned(), "9".to_owned())]);
    let said = typo.table::<Issuer>("issuer").expect_err("slotz").to_string();
    assert!(said.contains("slotz"), "{said}");
}

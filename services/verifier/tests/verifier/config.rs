//! The configuration file that is shipped, and faults in it.

use std::path::Path;

use anyhow::Result;
use verifier::Config;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/config/verifier.toml");

#[test]
fn the_shipped_file_says_the_defaults() -> Result<()> {
    let shipped: Config = chassis::config::read(Some(Path::new(SHIPPED)))?;
    let defaults = Config::default();
    assert_eq!(
        (shipped.slots, shipped.use_native_roots),
        (defaults.slots, defaults.use_native_roots)
    );
    assert_eq!(
        (shipped.trust_files, shipped.nats.url),
        (defaults.trust_files, defaults.nats.url)
    );
    assert_eq!(
        [
            shipped.connect_timeout_ms,
            shipped.handshake_timeout_ms,
            shipped.patience_ms
        ],
        [
            defaults.connect_timeout_ms,
            defaults.handshake_timeout_ms,
            defaults.patience_ms
        ]
    );
    assert_eq!(
        (shipped.deny_private, shipped.allowed_networks),
        (defaults.deny_private, defaults.allowed_networks)
    );
    Ok(())
}

#[test]
fn a_fault_is_refused_with_its_key() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("verifier.toml");
    let empty = directory.path().join("empty.pem").display().to_string();
    std::fs::write(&empty, "nothing")?;
    let trusted = directory.path().join("trusted.pem").display().to_string();
    std::fs::write(
        &trusted,
        "-----BEGIN TRUSTED CERTIFICATE-----\nMAA=\n-----END TRUSTED CERTIFICATE-----\n",
    )?;
    for (text, named) in [
        ("patience = 3".to_owned(), "patience"),
        ("slots = 0".to_owned(), "slots"),
        ("patience_ms = 0".to_owned(), "patience_ms"),
        ("trust_files = [\"/no/such/root.pem\"]".to_owned(), "trust_files[0]"),
        (format!("trust_files = [{empty:?}]"), "it holds no certificate"),
        (format!("trust_files = [{trusted:?}]"), "a TRUSTED CERTIFICATE block"),
        ("allowed_networks = [\"10.0.0.0/8\"]".to_owned(), "deny_private = true"),
        (
            "deny_private = true\nallowed_networks = [\"10.0.0\"]".to_owned(),
            "is no network",
        ),
    ] {
        std::fs::write(&file, &text)?;
        let refused = chassis::config::read::<Config>(Some(&file)).and_then(|config| config.prober().map(|_| ()));
        let said = refused.expect_err("a fault").to_string();
        assert!(said.contains(named), "{text}: {said}");
    }
    Ok(())
}

#[test]
fn the_machines_own_roots_are_read() -> Result<()> {
    Config::default().prober()?;
    Ok(())
}

//! The configuration file that is shipped, and faults in it.

use std::path::Path;

use anyhow::Result;
use deployer::Config;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/config/deployer.toml");

#[test]
fn the_shipped_file_says_the_defaults() -> Result<()> {
    let shipped: Config = chassis::config::read(Some(Path::new(SHIPPED)))?;
    let defaults = Config::default();
    assert_eq!(
        (shipped.slots, shipped.backups_kept),
        (defaults.slots, defaults.backups_kept)
    );
    assert_eq!(
        (shipped.allowed_roots, shipped.nats.url),
        (defaults.allowed_roots, defaults.nats.url)
    );
    Ok(())
}

#[test]
fn a_fault_is_refused_with_its_key() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let missing = directory.path().join("missing").display().to_string();
    for (text, named) in [
        ("slotz = 3".to_owned(), "slotz"),
        ("slots = 0".to_owned(), "slots"),
        ("backups_kept = 0".to_owned(), "backups_kept"),
        (format!("allowed_roots = [{missing:?}]"), "allowed_roots[0]"),
    ] {
        let file = directory.path().join("deployer.toml");
        std::fs::write(&file, &text)?;
        let refused = chassis::config::read::<Config>(Some(&file)).and_then(|config| config.check());
        let said = refused.expect_err("a fault").to_string();
        assert!(said.contains(named), "{text}: {said}");
    }
    Ok(())
}

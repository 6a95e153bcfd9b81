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
        (shipped.slots, shipped.backups_kept, shipped.backup_days),
        (defaults.slots, defaults.backups_kept, defaults.backup_days)
    );
    assert_eq!(
        (shipped.allowed_roots, shipped.nats.url),
        (defaults.allowed_roots, defaults.nats.url)
    );
    assert_eq!(
        (shipped.presets, shipped.workspaces),
        (defaults.presets, defaults.workspaces)
    );
    Ok(())
}

fn activation(name: &str, command: &str) -> String {
    format!("[workspaces.default.activations.{name}]\ncommand = {command}")
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
fn a_fault_is_refused_with_its_key() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let missing = directory.path().join("missing").display().to_string();
    for (text, named) in [
        ("slotz = 3".to_owned(), "slotz"),
        ("slots = 0".to_owned(), "slots"),
        ("backups_kept = 0".to_owned(), "backups_kept"),
        ("backup_days = 0".to_owned(), "backup_days"),
        (format!("allowed_roots = [{missing:?}]"), "allowed_roots[0]"),
        ("presets = [\"iis\"]".to_owned(), "presets[0]"),
        ("workspaces.default.roots = []".to_owned(), "roots"),
        ("workspaces.\"A B\" = {}".to_owned(), "workspaces.A B"),
        (
            format!("workspaces.default.allowed_roots = [{missing:?}]"),
            "workspaces.default.allowed_roots[0]",
        ),
        (activation("edge", "[]"), "workspaces.default.activations.edge.command"),
        (
            activation("edge", "\"nginx -s reload\""),
            "workspaces.default.activations.edge.command",
        ),
        (activation("edge", "[\"nginx -s reload\"]"), "each word for itself"),
        (
            activation("edge", "[\"nginx\", \"-t\", \"&&\", \"true\"]"),
            "operator of the shell",
        ),
        (
            activation("\"the edge\"", "[\"true\"]"),
            "workspaces.default.activations.the edge",
        ),
        (
            format!(
                "{}\n[workspaces.default.activations.edge]\ntest = [\"\"]\ncommand = [\"true\"]",
                "slots = 1"
            ),
            "workspaces.default.activations.edge.test",
        ),
    ] {
        let file = directory.path().join("deployer.toml");
        std::fs::write(&file, &text)?;
        let refused = chassis::config::read::<Config>(Some(&file)).and_then(|config| config.check());
        let said = refused.expect_err("a fault").to_string();
        assert!(said.contains(named), "{text}: {said}");
    }
    Ok(())
}

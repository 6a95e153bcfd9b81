//! `cargo xtask schema`: the descriptions of what other systems send and read anew, after a type of it has changed.
//!
//! In: the types. Out: `shared/protocol/schema/*.json` and `services/console/openapi.yaml`. Never: a change of the wire;
//! its snapshots are accepted apart.

use std::path::Path;

use anyhow::{Context, Result};

use crate::rules::workspace_root;

pub fn run() -> Result<()> {
    let directory = workspace_root().join("shared/protocol/schema");
    std::fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
    for (name, schema) in protocol::schema::all() {
        write(
            &directory.join(format!("{name}.json")),
            &protocol::schema::text(&schema),
        )?;
    }
    let document = workspace_root().join("services/console/openapi.yaml");
    write(&document, &api::openapi::text())?;
    println!(
        "schema: {} and {} are up to date",
        directory.display(),
        document.display()
    );
    Ok(())
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}

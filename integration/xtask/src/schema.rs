//! `cargo xtask schema`: the JSON schemas of the contract anew, after a type of it has changed.
//!
//! In: the types. Out: `shared/protocol/schema/*.json`. Never: a change of the wire; its snapshots are accepted apart.

use anyhow::{Context, Result};

use crate::rules::workspace_root;

pub fn run() -> Result<()> {
    let directory = workspace_root().join("shared/protocol/schema");
    std::fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
    for (name, schema) in protocol::schema::all() {
        let file = directory.join(format!("{name}.json"));
        let text = protocol::schema::text(&schema);
        std::fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
    }
    println!("schema: {} is up to date", directory.display());
    Ok(())
}

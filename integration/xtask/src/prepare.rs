//! `cargo xtask prepare`: the query data of the store anew, after a query or a migration has changed.
//!
//! In: a real Postgres of our own with every migration applied. Out: `shared/store/.sqlx`. Never: needs sqlx-cli.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use testkit::Postgres;

use crate::rules::workspace_root;

pub fn run() -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(prepare())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the files are newer than their sources afterwards"
)]
async fn prepare() -> Result<()> {
    let postgres = Postgres::start().await?;
    let url = postgres.database("prepare").await?;
    let pool = testkit::sqlx::PgPool::connect(&url).await?;
    let root = workspace_root();
    testkit::sqlx::migrate::Migrator::new(root.join("migrations"))
        .await?
        .run(&pool)
        .await?;
    let data = root.join("shared/store/.sqlx");
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    std::fs::create_dir_all(&data)?;
    // The macros write while they compile, so the crate must be compiled, whatever cargo thinks of its age.
    let library = std::fs::File::open(root.join("shared/store/src/lib.rs"))?;
    library.set_modified(std::time::SystemTime::now())?;
    let mut command = Command::new(env!("CARGO"));
    command.args(["check", "--package", "store"]).current_dir(root);
    command
        .env("DATABASE_URL", &url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", &data);
    let status = command.status().context("starting cargo")?;
    ensure!(status.success(), "the check of the store ended with {status}");
    Ok(())
}

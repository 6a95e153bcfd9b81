//! The record on another machine: reached with TLS, and only where the server's certificate is verified.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use sqlx::PgPool;
use store::{Access, Database, Store};
use testkit::{Postgres, pki, run_dir, wait};

const SOON: Duration = Duration::from_secs(20);

/// Lets a running server speak TLS with this identity.
async fn speak_tls(by_hand: &PgPool, identity: &pki::Identity) -> Result<()> {
    let data: String = sqlx::query_scalar("show data_directory").fetch_one(by_hand).await?;
    let owner = std::fs::metadata(&data)?;
    for (name, content) in [("server.crt", &identity.chain_pem), ("server.key", &identity.key_pem)] {
        let path = Path::new(&data).join(name);
        std::fs::write(&path, content)?;
        chown(&path, Some(owner.uid()), Some(owner.gid()))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    }
    sqlx::query("alter system set ssl = on").execute(by_hand).await?;
    sqlx::query("select pg_reload_conf()").execute(by_hand).await?;
    wait::until_ok("the server to speak TLS", SOON, async || {
        let on: String = sqlx::query_scalar("show ssl").fetch_one(by_hand).await?;
        ensure!(on == "on", "ssl is {on}");
        Ok(())
    })
    .await
}

async fn open(url: &str, root_file: Option<PathBuf>) -> Result<Store, store::StoreError> {
    Store::open(Database {
        url: url.to_owned(),
        connections: 1,
        access: Access {
            root_file,
            ..Access::default()
        },
        statement: Duration::from_secs(10),
    })
    .await
}

fn file(name: &str, pem: &str) -> Result<PathBuf> {
    let path = run_dir::fresh(name, None)?.join("root.pem");
    run_dir::write(&path, pem, None)?;
    Ok(path)
}

#[tokio::test]
async fn a_server_that_is_verified_is_talked_to_and_no_other() -> Result<()> {
    let postgres = Postgres::start().await?;
    let url = postgres.database("by_tls").await?;
    let by_hand = PgPool::connect(&url).await?;
    let (server, stranger) = (pki::local_server()?, pki::local_server()?);
    speak_tls(&by_hand, &server.identity).await?;
    let verified = format!("{url}?sslmode=verify-full");

    let store = open(&verified, Some(file("root", &server.root_pem)?)).await?;
    store.ping().await?;
    let sessions = "select count(*) from pg_stat_ssl s join pg_stat_activity a using (pid)
                    where a.datname = 'by_tls' and s.ssl";
    let protected: i64 = sqlx::query_scalar(sessions).fetch_one(&by_hand).await?;
    assert!(protected > 0, "its session is in clear");

    for roots in [None, Some(file("strange-root", &stranger.root_pem)?)] {
        let Err(refused) = open(&verified, roots).await else {
            anyhow::bail!("a server that nobody knows is talked to")
        };
        let said = refused.to_string();
        assert!(said.to_lowercase().contains("certificate"), "{said}");
    }
    Ok(())
}

//! A login by a credentials file (JWT and seed) has the inbox that its rights allow, and no other.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bus::{Bus, Connection};
use nkeys::KeyPair;
use serde_json::{Value, json};
use testkit::Nats;

/// What an operator of NATS issues: who signs says this of whom.
fn jwt(by: &KeyPair, of: &KeyPair, says: Value) -> Result<String> {
    let encoded = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = encoded(json!({ "typ": "JWT", "alg": "ed25519-nkey" }));
    let (iss, sub) = (by.public_key(), of.public_key());
    let claims =
        encoded(json!({ "jti": sub, "iat": 1_767_225_600, "iss": iss, "sub": sub, "name": sub, "nats": says }));
    let signed = format!("{head}.{claims}");
    let signature = by.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// A server of an operator with one account, and the credentials file of a user who hears the planner's inbox alone.
async fn operated() -> Result<(Nats, PathBuf)> {
    let (operator, account, system) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let of_all = json!({ "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
                         "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1 });
    let mut of_system = of_all.clone();
    for storage in ["mem_storage", "disk_storage", "streams", "consumer"] {
        of_system[storage] = json!(0);
    }
    let claims = |limits: &Value| json!({ "type": "account", "version": 2, "limits": limits });
    let trusted = jwt(&operator, &operator, json!({ "type": "operator", "version": 2 }))?;
    let extra = format!(
        "authorization {{}}\noperator: {trusted}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n  {}: {}\n  {}: {}\n}}",
        system.public_key(),
        account.public_key(),
        jwt(&operator, &account, claims(&of_all))?,
        system.public_key(),
        jwt(&operator, &system, claims(&of_system))?,
    );
    let user = KeyPair::new_user();
    let rights = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1,
                         "pub": { "allow": [">"] }, "sub": { "allow": ["_INBOX.planner.>"] } });
    let file = testkit::run_dir::fresh("credentials", None)?.join("planner.creds");
    let (token, seed) = (jwt(&account, &user, rights)?, user.seed()?);
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    std::fs::write(&file, text)?;
    Ok((Nats::start_with(&extra).await?, file))
}

#[tokio::test]
async fn the_user_names_the_inbox_of_a_credentials_file() -> Result<()> {
    let (nats, file) = operated().await?;
    let connection = Connection {
        url: nats.url(),
        user: Some("planner".to_owned()),
        credentials_file: Some(file),
        ..Connection::default()
    };
    let bus = Bus::connect(&connection, "credentials-test").await?;
    // Whatever is asked of the server is answered at that inbox.
    let made = tokio::time::timeout(Duration::from_secs(20), bus.apply_topology()).await;
    made.context("the answers are heard")??;
    Ok(())
}

//! Everything in one process, as one machine has it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::ports::{self, Port};
use testkit::ready::Ready;
use testkit::{Peer, Spec, run_dir};

use super::settings::{by_hand, issuer, ladder, merge, toml, windows};
use super::{against, vigilo};
use crate::{Api, Estate};

/// `vigilo up` with its own NATS and Postgres under a data directory.
pub struct Up {
    pub api: Api,
    pub url: String,
    pub token: String,
    pub data_dir: PathBuf,
    config: (PathBuf, Value),
    pub peer: Peer,
    _listen: Port,
}

impl Up {
    pub async fn start(estate: &Estate) -> Result<Self> {
        Self::start_with(estate, json!({})).await
    }

    /// With further tables of the configuration.
    pub async fn start_with(estate: &Estate, tables: Value) -> Result<Self> {
        let directory = run_dir::fresh("up", None)?;
        let (listen, data_dir) = (ports::lease()?, directory.join("data"));
        let mut config = json!({
            "planner": {"windows": windows(), "retry": ladder(), "schedule": by_hand()},
            "issuer": issuer(estate),
            "deployer": estate.deployer(),
            "verifier": {"trust_files": [estate.trust_file().await?], "use_native_roots": false},
        });
        merge(&mut config, tables);
        let file = directory.join("vigilo.toml");
        run_dir::write(&file, &toml(&config)?, None)?;
        let url = format!("http://127.0.0.1:{}", listen.number());
        let spec = spec(&data_dir, &file, &url)?;
        let peer = Peer::start(spec).await.context("starting vigilo up")?;
        let token = std::fs::read_to_string(data_dir.join("owner.token")).context("the owner token")?;
        ensure!(!token.trim().is_empty(), "the owner token is empty");
        let api = Api::new(&url, &token)?;
        Ok(Self {
            api,
            url,
            token: token.trim().to_owned(),
            data_dir,
            config: (file, config),
            peer,
            _listen: listen,
        })
    }

    /// Stops it in good order and starts it on the same data with these changes of its configuration.
    pub async fn start_again_with(&mut self, changes: Value) -> Result<()> {
        self.peer.stop().await?;
        let (file, config) = &mut self.config;
        merge(config, changes);
        run_dir::write(file, &toml(config)?, None)?;
        self.peer.start_again().await
    }

    /// The same with further flags.
    pub async fn start_again_with_flags(&mut self, flags: &[&str]) -> Result<()> {
        self.peer.stop().await?;
        let spec = spec(&self.data_dir, &self.config.0, &self.url)?;
        self.peer = Peer::start(spec.args(flags.iter().copied()))
            .await
            .context("starting vigilo up")?;
        Ok(())
    }

    /// A command of `vigilo` against this instance.
    pub fn command(&self, args: &[&str]) -> Result<std::process::Command> {
        against(&self.url, &self.token, args)
    }
}

/// `url` is where the API is answered.
fn spec(data_dir: &Path, config: &Path, url: &str) -> Result<Spec> {
    let ready = Ready::Http {
        client: reqwest::Client::new(),
        url: format!("{url}/api/v1/health"),
    };
    let directory = config.parent().context("a directory")?;
    Ok(Spec::new("vigilo", vigilo()?, directory, ready)
        .args(["up", "--data-dir"])
        .arg(data_dir.display().to_string())
        .arg("--config")
        .arg(config.display().to_string())
        .arg("--api-listen")
        .arg(url.trim_start_matches("http://"))
        .ask_on_parent_death())
}

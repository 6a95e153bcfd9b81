//! Everything in one process, as one machine has it.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::ports::{self, Port};
use testkit::ready::Ready;
use testkit::{Peer, Spec, run_dir};

use super::{against, by_hand, issuer, ladder, merge, toml, vigilo, windows};
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
            "verifier": {"trust_files": [estate.trust_file().await?], "use_native_roots": false},
        });
        merge(&mut config, tables);
        let file = directory.join("vigilo.toml");
        run_dir::write(&file, &toml(&config)?, None)?;
        let url = format!("http://127.0.0.1:{}", listen.number());
        let ready = Ready::Http {
            client: reqwest::Client::new(),
            url: format!("{url}/api/v1/health"),
        };
        let spec = Spec::new("vigilo", vigilo()?, &directory, ready)
            .args(["up", "--data-dir"])
            .arg(data_dir.display().to_string())
            .arg("--config")
            .arg(file.display().to_string())
            .arg("--api-listen")
            .arg(format!("127.0.0.1:{}", listen.number()))
            .ask_on_parent_death();
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

    /// A command of `vigilo` against this instance.
    pub fn command(&self, args: &[&str]) -> Result<std::process::Command> {
        against((&self.url, &self.token), args)
    }
}

//! An estate to renew: Pebble as its CA, nginx with an old certificate for every host.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testkit::handshake::served_leaf;
use testkit::ports::{self, Port};
use testkit::{NginxHosts, Pebble, PebbleOptions, Serving, run_dir};

pub struct Estate {
    pub pebbles: Vec<Pebble>,
    pub nginx: NginxHosts,
    /// Where the CAs ask for http-01 tokens: the issuer listens there.
    pub http01: Port,
    pub serving: Serving,
}

/// The served certificate of one host, seen by a handshake of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    pub hostname: String,
    pub fingerprint: String,
}

impl Estate {
    /// Starts `pebbles` CAs and one nginx for `hosts` hostnames.
    pub async fn start(hosts: usize, pebbles: usize, serving: Serving) -> Result<Self> {
        crate::install_crypto();
        let http01 = ports::lease()?;
        let options = PebbleOptions {
            http_port: Some(http01.number()),
            ..PebbleOptions::default()
        };
        let mut all = Vec::with_capacity(pebbles);
        for _ in 0..pebbles {
            all.push(Pebble::start(options.clone()).await.context("starting Pebble")?);
        }
        let names = (1..=hosts).map(|n| format!("host-{n:04}.demo.test"));
        let nginx = NginxHosts::start(names, serving).await.context("starting nginx")?;
        Ok(Self {
            pebbles: all,
            nginx,
            http01,
            serving,
        })
    }

    /// The hosts as `vigilo host import` takes them.
    pub fn hosts(&self) -> Vec<Value> {
        let address = self.nginx.address();
        let host = |name: &String| {
            json!({"hostname": name, "port": address.port(), "addresses": [address.ip()], "environment": "demo",
                   "criticality": "high"})
        };
        self.nginx.hosts().iter().map(host).collect()
    }

    /// The policies as `vigilo policy import` takes them; the CAs are shared out evenly.
    pub fn policies(&self) -> Vec<Value> {
        self.nginx
            .hosts()
            .iter()
            .enumerate()
            .map(|(index, name)| self.policy(index, name))
            .collect()
    }

    fn policy(&self, index: usize, name: &str) -> Value {
        let files = self.nginx.files(name);
        let reload = match self.serving {
            Serving::PerHost => json!({"command": self.nginx.reload_command(), "timeout_seconds": 30}),
            Serving::Dynamic => Value::Null,
        };
        json!({"hostname": name, "provider": "acme", "challenge": "http-01",
               "directory_url": self.pebbles[index % self.pebbles.len()].directory_url(),
               "targets": [{"kind": "file", "chain_path": files.chain, "key_path": files.key, "reload": reload}]})
    }

    /// What every host serves right now.
    pub async fn served(&self) -> Result<Vec<Served>> {
        let mut all = Vec::with_capacity(self.nginx.hosts().len());
        for hostname in self.nginx.hosts() {
            let leaf = served_leaf(self.nginx.address(), hostname).await?;
            all.push(Served {
                hostname: hostname.clone(),
                fingerprint: testkit::handshake::sha256_hex(&leaf.der),
            });
        }
        Ok(all)
    }

    /// Certificates that all the CAs issued.
    pub fn issued(&self) -> usize {
        self.pebbles.iter().map(Pebble::issued).sum()
    }

    /// A file with the roots that the CAs' certificates chain to, for the verifier.
    pub async fn trust_file(&self) -> Result<PathBuf> {
        let path = run_dir::fresh("trust", None)?.join("roots.pem");
        let mut roots = String::new();
        for pebble in &self.pebbles {
            roots.push_str(&pebble.issuance_root_pem().await?);
        }
        run_dir::write(&path, &roots, None)?;
        Ok(path)
    }

    /// The `directories` of the issuer's configuration.
    pub fn directories(&self) -> Vec<Value> {
        let directory = |pebble: &Pebble| json!({"url": pebble.directory_url(), "root_file": pebble.api_root_path(), "fast_poll": true});
        self.pebbles.iter().map(directory).collect()
    }
}

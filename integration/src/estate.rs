//! An estate to renew: Pebble as its CA, or one that misbehaves, and nginx with an old certificate for every host.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use domain::host::NewHost;
use domain::policy::NewPolicy;
use domain::target::{FileTarget, Target};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use testkit::handshake::served_leaf;
use testkit::ports::{self, Port};
use testkit::{FaultyCa, NginxHosts, Pebble, PebbleOptions, Serving, run_dir};

pub struct Estate {
    pub pebbles: Vec<Pebble>,
    /// In place of any Pebble.
    pub faulty_ca: Option<FaultyCa>,
    pub nginx: NginxHosts,
    /// Where the CAs ask for http-01 tokens: the issuer listens there.
    pub http01: Port,
    pub serving: Serving,
    /// What the deployer's configuration allows, by name.
    activations: BTreeMap<String, Value>,
    /// Where it may write.
    roots: Vec<PathBuf>,
}

/// What makes the estate's own nginx read its files.
pub const ESTATE_NGINX: &str = "estate-nginx";

/// The served certificate of one host, seen by a handshake of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    pub hostname: String,
    pub fingerprint: String,
}

impl Estate {
    /// Starts `pebbles` CAs and one nginx for `hosts` hostnames.
    pub async fn start(hosts: usize, pebbles: usize, serving: Serving) -> Result<Self> {
        Self::of(names(hosts), pebbles, serving).await
    }

    /// The same for hosts of these names.
    pub async fn of(names: Vec<String>, pebbles: usize, serving: Serving) -> Result<Self> {
        Self::with(PebbleOptions::default(), pebbles, names, serving).await
    }

    /// The same with such CAs.
    pub async fn at(options: PebbleOptions, hosts: usize, pebbles: usize, serving: Serving) -> Result<Self> {
        Self::with(options, pebbles, names(hosts), serving).await
    }

    async fn with(options: PebbleOptions, pebbles: usize, names: Vec<String>, serving: Serving) -> Result<Self> {
        crate::install_crypto();
        let http01 = ports::lease()?;
        let options = PebbleOptions {
            http_port: Some(http01.number()),
            ..options
        };
        let mut all = Vec::with_capacity(pebbles);
        for _ in 0..pebbles {
            all.push(Pebble::start(options.clone()).await.context("starting Pebble")?);
        }
        let nginx = nginx(names, serving).await?;
        Ok(Self {
            pebbles: all,
            faulty_ca: None,
            activations: activations(&nginx),
            roots: vec![run_dir::base()?],
            nginx,
            http01,
            serving,
        })
    }

    /// Hosts whose CA misbehaves when it is told to.
    pub async fn at_a_faulty_ca(hosts: usize) -> Result<Self> {
        crate::install_crypto();
        let (http01, serving) = (ports::lease()?, Serving::Dynamic);
        let nginx = nginx(names(hosts), serving).await?;
        Ok(Self {
            pebbles: Vec::new(),
            faulty_ca: Some(FaultyCa::start(http01.number()).await?),
            activations: activations(&nginx),
            roots: vec![run_dir::base()?],
            nginx,
            http01,
            serving,
        })
    }

    /// The hosts as `vigilo host import` takes them.
    pub fn hosts(&self) -> Vec<NewHost> {
        let address = self.nginx.address();
        let host = |name: &String| {
            typed(
                json!({"hostname": name, "port": address.port(), "addresses": [address.ip()], "environment": "demo",
                       "criticality": "high"}),
            )
        };
        self.nginx.hosts().iter().map(host).collect()
    }

    /// The policies as `vigilo policy import` takes them; the CAs are shared out evenly.
    pub fn policies(&self) -> Vec<NewPolicy> {
        self.nginx
            .hosts()
            .iter()
            .enumerate()
            .map(|(index, name)| self.policy(index, name))
            .collect()
    }

    fn policy(&self, index: usize, name: &str) -> NewPolicy {
        let files = self.nginx.files(name);
        let mut target = file_target(&files.chain, &files.key);
        target.activate = match self.serving {
            Serving::PerHost => Some(ESTATE_NGINX.to_owned()),
            Serving::Dynamic => None,
        };
        typed(json!({"hostname": name, "provider": "acme", "challenge": "http-01",
                   "directory_url": self.directory_url(index), "targets": [Target::File(target)]}))
    }

    /// Lets the deployer run this command under this name; before Vigilo is started.
    pub fn allow(&mut self, name: &str, command: &[String]) {
        self.activations.insert(name.to_owned(), json!({"command": command}));
    }

    /// The same with a test that comes before it.
    pub fn allow_with_test(&mut self, name: &str, command: &[String], test: &[String]) {
        self.activations
            .insert(name.to_owned(), json!({"command": command, "test": test}));
    }

    /// No activation of its own, and, unless it is told, no place to write either.
    pub fn allow_only(&mut self, roots: Vec<PathBuf>) {
        self.activations.clear();
        self.roots = roots;
    }

    /// The deployer's configuration.
    pub fn deployer(&self) -> Value {
        if self.activations.is_empty() {
            return json!({"allowed_roots": self.roots});
        }
        json!({"allowed_roots": self.roots, "workspaces": {"default": {"activations": self.activations}}})
    }

    fn directory_url(&self, index: usize) -> String {
        match &self.faulty_ca {
            Some(ca) => ca.directory_url(),
            None => self.pebbles[index % self.pebbles.len()].directory_url(),
        }
    }

    /// What failed while a CA hangs says so: it tells nothing of the product.
    pub async fn blamed<T>(&self, done: Result<T>) -> Result<T> {
        let Err(failed) = done else { return done };
        for pebble in &self.pebbles {
            if pebble.hangs().await {
                let url = pebble.directory_url();
                return Err(failed.context(format!(
                    "the Pebble at {url} hangs, as it does now and then with some orders in flight; run it again"
                )));
            }
        }
        Err(failed)
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
        roots.extend(self.faulty_ca.iter().map(FaultyCa::issuance_root_pem));
        run_dir::write(&path, &roots, None)?;
        Ok(path)
    }

    /// The `directories` of the issuer's configuration.
    pub fn directories(&self) -> Vec<Value> {
        let pebbles = self.pebbles.iter().map(|ca| (ca.directory_url(), ca.api_root_path()));
        let faulty = self.faulty_ca.iter().map(|ca| (ca.directory_url(), ca.api_root_path()));
        let directory = |(url, root)| json!({"url": url, "root_file": root, "fast_poll": true, "http01_port": self.http01.number()});
        pebbles.chain(faulty).map(directory).collect()
    }

    /// The DNS servers that the CAs ask; the issuer's rehearsals shall see the same.
    pub fn resolvers(&self) -> Vec<SocketAddr> {
        self.pebbles.iter().map(Pebble::dns_address).collect()
    }
}

fn activations(nginx: &NginxHosts) -> BTreeMap<String, Value> {
    BTreeMap::from([(ESTATE_NGINX.to_owned(), json!({"command": nginx.reload_command()}))])
}

fn names(hosts: usize) -> Vec<String> {
    (1..=hosts).map(|n| format!("host-{n:04}.demo.test")).collect()
}

async fn nginx(names: Vec<String>, serving: Serving) -> Result<NginxHosts> {
    NginxHosts::start(names, serving).await.context("starting nginx")
}

/// A file target with nothing but its two paths.
#[must_use]
pub fn file_target(chain: &Path, key: &Path) -> FileTarget {
    typed(json!({"chain_path": chain, "key_path": key}))
}

/// The first target of a policy.
#[must_use]
pub fn target_of(policy: &mut NewPolicy) -> &mut FileTarget {
    match &mut policy.targets[0] {
        Target::File(file) => file,
    }
}

/// Has the first target of a policy activated by this name, which may take so many seconds.
pub fn activate_by(policy: &mut NewPolicy, name: &str, seconds: u32) {
    let target = target_of(policy);
    target.activate = Some(name.to_owned());
    target.activate_timeout_seconds = seconds;
}

/// What is written here as JSON, with the defaults of its type.
fn typed<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("what an estate writes is of the type that it is for")
}

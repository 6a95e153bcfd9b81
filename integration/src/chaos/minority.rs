//! The hosts whose renewal cannot go through by itself, chosen by the seed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use domain::policy::NewPolicy;
use domain::run::Status;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use testkit::run_dir;

use crate::Estate;
use crate::estate::target_of;

/// Of every 25 hosts one has each mishap.
const ONE_IN: usize = 25;

/// What a person does with a run that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MishapAnswer {
    Resume,
    Cancel,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// The CA cannot find the host: the run asks before anything is issued.
    Unreachable,
    /// The directory of the target is not there: the run asks with a certificate in its hands, and is given up.
    NoDirectory,
    /// The reload fails until someone mends it: the run asks with the certificate installed.
    BadReload,
}

impl Mishap {
    const ALL: [Self; 3] = [Self::Unreachable, Self::NoDirectory, Self::BadReload];

    /// What the person does.
    pub const fn answer(self) -> MishapAnswer {
        match self {
            Self::Unreachable | Self::BadReload => MishapAnswer::Resume,
            Self::NoDirectory => MishapAnswer::Cancel,
        }
    }

    /// Where the run ends after that.
    pub const fn ending(self) -> Status {
        match self {
            Self::Unreachable | Self::BadReload => Status::Succeeded,
            Self::NoDirectory => Status::Cancelled,
        }
    }
}

pub struct Minority {
    mishaps: BTreeMap<String, Mishap>,
    directory: PathBuf,
}

impl Minority {
    /// Chooses who fails, and breaks what is outside of the policies.
    pub async fn chosen(estate: &Estate, dice: &mut StdRng) -> Result<Self> {
        let mut hosts = estate.nginx.hosts().to_vec();
        hosts.shuffle(dice);
        let each = hosts.len().div_ceil(ONE_IN);
        let kinds = Mishap::ALL
            .into_iter()
            .flat_map(|mishap| std::iter::repeat_n(mishap, each));
        let mishaps: BTreeMap<String, Mishap> = hosts.into_iter().zip(kinds).collect();
        for (hostname, mishap) in &mishaps {
            if *mishap == Mishap::Unreachable {
                for pebble in &estate.pebbles {
                    pebble.break_dns(hostname).await?;
                }
            }
        }
        let directory = run_dir::fresh("chaos", None)?;
        Ok(Self { mishaps, directory })
    }

    pub fn all(&self) -> impl Iterator<Item = (&str, Mishap)> {
        self.mishaps
            .iter()
            .map(|(hostname, mishap)| (hostname.as_str(), *mishap))
    }

    pub fn of(&self, hostname: &str) -> Option<Mishap> {
        self.mishaps.get(hostname).copied()
    }

    /// Lets the CA find its hosts, and the reloads succeed.
    pub async fn mend(&self, estate: &Estate) -> Result<()> {
        for (hostname, mishap) in self.all() {
            match mishap {
                Mishap::Unreachable => {
                    for pebble in &estate.pebbles {
                        pebble.mend_dns(hostname).await?;
                    }
                }
                Mishap::BadReload => run_dir::write(&self.mended(hostname), "", None)?,
                Mishap::NoDirectory => {}
            }
        }
        Ok(())
    }

    /// Lets the deployer run what the policies name.
    pub fn allow(&self, estate: &mut Estate) {
        for hostname in estate.nginx.hosts().to_vec() {
            let chain = estate.nginx.files(&hostname).chain;
            estate.allow(&activation(&hostname), &self.reload(&hostname, &chain));
        }
    }

    /// The estate's policies, each with an activation that copies what is to be served: a server that reads its files at a
    /// reload only.
    pub fn policies(&self, estate: &Estate) -> Vec<NewPolicy> {
        let mut policies = estate.policies();
        for (policy, hostname) in policies.iter_mut().zip(estate.nginx.hosts()) {
            let target = target_of(policy);
            target.activate = Some(activation(hostname));
            if self.of(hostname) == Some(Mishap::NoDirectory) {
                let absent = self.directory.join("absent").join(format!("{hostname}.pem"));
                target.chain_path = absent.display().to_string();
            }
        }
        policies
    }

    /// What the host's server has read at its last reload.
    pub fn loaded(&self, hostname: &str) -> PathBuf {
        self.directory.join(format!("{hostname}.loaded"))
    }

    fn mended(&self, hostname: &str) -> PathBuf {
        self.directory.join(format!("{hostname}.mended"))
    }

    fn reload(&self, hostname: &str, chain: &Path) -> Vec<String> {
        let (chain, loaded) = (chain.display(), self.loaded(hostname));
        let copy = format!("cp {chain} {}", loaded.display());
        if self.of(hostname) != Some(Mishap::BadReload) {
            return copy.split(' ').map(str::to_owned).collect();
        }
        let script = format!("test -e {} && exec {copy}", self.mended(hostname).display());
        ["sh".to_owned(), "-c".to_owned(), script].to_vec()
    }
}

fn activation(hostname: &str) -> String {
    hostname.replace('.', "-")
}

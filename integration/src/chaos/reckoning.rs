//! The reckoning: what the CAs issued, what is served, what was reloaded and who was told, against what should be.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use api::runs::Standing;
use domain::run::Status;
use testkit::wait;

use super::minority::Minority;
use crate::estate::Served;
use crate::{Api, Estate};

/// The incident service may be some events behind when the last run has ended.
const CATCH_UP: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub struct Found {
    pub duplicates: usize,
    pub lost: usize,
    pub incidents_wrong: usize,
    /// Each thing that is wrong, in words.
    pub wrong: Vec<String>,
}

pub async fn reckon(api: &Api, estate: &Estate, minority: &Minority, runs: &BTreeMap<String, String>) -> Result<Found> {
    let mut found = Found::default();
    let issued = issued_by_name(estate).await?;
    let served = estate.served().await?;
    for host in &served {
        let name = host.hostname.as_str();
        let Some(run) = runs.get(name) else {
            found.lose(format!("{name}: there is no run"));
            continue;
        };
        let count = issued.get(name).copied().unwrap_or(0);
        if count > 1 {
            found.duplicates += count - 1;
            found.wrong.push(format!("{name}: the CAs issued {count} certificates"));
        }
        let run = api.run(run).await?.run.standing;
        for problem in ending(host, &run, minority, count)? {
            found.lose(format!("{name}: {problem}"));
        }
    }
    found.incidents(api, minority, runs).await?;
    Ok(found)
}

impl Found {
    fn lose(&mut self, what: String) {
        self.lost += 1;
        self.wrong.push(what);
    }

    /// Waits for the incidents to be as they should; what is still wrong then is counted.
    async fn incidents(&mut self, api: &Api, minority: &Minority, runs: &BTreeMap<String, String>) -> Result<()> {
        let right = wait::until("the incidents of every run with trouble", CATCH_UP, async || {
            let wrong = wrong_incidents(api, minority, runs).await.ok()?;
            wrong.is_empty().then_some(())
        });
        if right.await.is_ok() {
            return Ok(());
        }
        let wrong = wrong_incidents(api, minority, runs).await?;
        self.incidents_wrong = wrong.len();
        self.wrong.extend(wrong);
        Ok(())
    }
}

/// What is wrong with the end of one run.
fn ending(host: &Served, run: &Standing, minority: &Minority, issued: usize) -> Result<Vec<String>> {
    let (name, served) = (host.hostname.as_str(), host.fingerprint.as_str());
    let mut wrong = Vec::new();
    let expected = minority.of(name).map_or(Status::Succeeded, super::Mishap::ending);
    if run.status != expected {
        wrong.push(format!(
            "the run is {:?} at {:?} instead of {expected:?}: {:?} {:?}",
            run.status, run.step, run.failure, run.question
        ));
        return Ok(wrong);
    }
    if expected != Status::Succeeded {
        return Ok(wrong);
    }
    if issued == 0 {
        wrong.push("the run succeeded, and the CA issued nothing".to_owned());
    }
    let loaded = std::fs::read_to_string(minority.loaded(name)).unwrap_or_default();
    let leaf = leaf_of(&loaded).with_context(|| format!("what {name} has loaded"));
    match leaf {
        Ok(leaf) if leaf == served => {}
        Ok(leaf) => wrong.push(format!("a reload was lost: {leaf} is loaded, {served} is in the file")),
        Err(error) => wrong.push(format!("a reload was lost: {error:#}")),
    }
    Ok(wrong)
}

/// The SHA-256 of the first certificate.
fn leaf_of(pem: &str) -> Result<String> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let leaf = CertificateDer::from_pem_slice(pem.as_bytes())?;
    Ok(testkit::handshake::sha256_hex(&leaf))
}

async fn issued_by_name(estate: &Estate) -> Result<BTreeMap<String, usize>> {
    let mut issued = BTreeMap::new();
    for pebble in &estate.pebbles {
        for certificate in pebble.issued_certificates().await? {
            for name in certificate.names {
                *issued.entry(name).or_default() += 1;
            }
        }
    }
    Ok(issued)
}

/// Every run with trouble stands in one incident, every other in none.
async fn wrong_incidents(api: &Api, minority: &Minority, runs: &BTreeMap<String, String>) -> Result<Vec<String>> {
    let mut of_run: BTreeMap<String, usize> = BTreeMap::new();
    for incident in api.incidents().await? {
        for member in api.incident(incident.incident.id).await?.members {
            *of_run.entry(member.run_id.to_string()).or_default() += 1;
        }
    }
    let count = |run: &String| of_run.get(run).copied().unwrap_or(0);
    Ok(runs
        .iter()
        .filter(|(name, run)| count(run) != usize::from(minority.of(name).is_some()))
        .map(|(name, run)| format!("{name}: the run stands in {} incidents", count(run)))
        .collect())
}

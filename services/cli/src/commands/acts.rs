//! `vigilo resume|retry|cancel|resolve|csr`: what people do to runs.

use std::path::{Path, PathBuf};

use api::Bounded;
use api::acts::{RunAct, RunsAct, ToldMany};
use clap::Args;
use domain::{RunId, counted};
use protocol::request::AmendedRun;

use super::import;
use crate::client::{Client, part};
use crate::failed::Failed;
use crate::{out, print};

/// Which runs are meant.
#[derive(Args)]
pub struct RunSelection {
    /// Ids of runs
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// All of them: those that ask, for retry those whose policy's last run failed
    #[arg(long, visible_aliases = ["all-asking", "all-failed"])]
    all: bool,
    /// Of all, only those with this error code
    #[arg(long, requires = "all", conflicts_with = "ids")]
    code: Option<String>,
    /// Why, for the record
    #[arg(long)]
    note: Option<String>,
    /// Of resume: begin a new account at the CA that refuses the present one (the old key is kept)
    #[arg(long)]
    new_account: bool,
}

#[derive(Args)]
pub struct Resolution {
    /// The id of the run
    id: String,
    /// The certificate and its intermediates, PEM, leaf first; `-` reads standard input
    #[arg(long, required_unless_present = "served", conflicts_with = "served")]
    chain: Option<PathBuf>,
    /// Take the certificate that the newest look saw at the host: install nothing, only look
    #[arg(long, conflicts_with = "key")]
    served: bool,
    /// Its private key, PEM; not needed when it was issued for the run's CSR (see `vigilo csr`)
    #[arg(long)]
    key: Option<PathBuf>,
    /// It is served already: only look, install nothing
    #[arg(long)]
    already_installed: bool,
    /// Why, for the record
    #[arg(long)]
    note: Option<String>,
}

pub async fn tell(client: &Client, verb: &str, selection: &RunSelection) -> Result<(), Failed> {
    let [id] = selection.ids.as_slice() else {
        return many(client, verb, selection).await;
    };
    let act = RunAct {
        note: selection.note.clone(),
        new_account: selection.new_account,
    };
    let told: AmendedRun = client.post(&format!("/runs/{}/{verb}", part(id)), &act).await?;
    out::answer(client.json, &told, |told| print::acts::done(verb, told));
    Ok(())
}

async fn many(client: &Client, verb: &str, selection: &RunSelection) -> Result<(), Failed> {
    let ids = selection.ids.iter().map(|id| id.parse::<RunId>());
    let ids = ids.collect::<Result<Vec<RunId>, _>>();
    let ids = ids.map_err(|refused| Failed::Refused(refused.to_string()))?;
    let act = RunsAct {
        ids: (!selection.all).then_some(Bounded(ids)),
        all: selection.all,
        code: selection.code.clone(),
        note: selection.note.clone(),
        new_account: selection.new_account,
    };
    let told: ToldMany = client.post(&format!("/runs/{verb}"), &act).await?;
    out::aside(&print::acts::refused(&told));
    out::answer(client.json, &told, |told| print::acts::many(verb, told));
    match told.refused.len() {
        0 => Ok(()),
        refused => Err(Failed::Refused(format!("{} refused", counted(refused, "run")))),
    }
}

pub async fn resolve(client: &Client, with: &Resolution) -> Result<(), Failed> {
    let note = with.note.clone();
    let body = match &with.chain {
        Some(file) => api::acts::Resolution {
            chain_pem: Some(import::read(file)?),
            key_pem: with.key.as_deref().map(private).transpose()?,
            already_installed: with.already_installed,
            note,
            ..api::acts::Resolution::default()
        },
        None => api::acts::Resolution {
            served: true,
            note,
            ..api::acts::Resolution::default()
        },
    };
    let told: AmendedRun = client.post(&format!("/runs/{}/resolve", part(&with.id)), &body).await?;
    out::answer(client.json, &told, print::acts::resolved);
    Ok(())
}

fn private(file: &Path) -> Result<String, Failed> {
    let read = std::fs::read_to_string(file);
    read.map_err(|e| Failed::Refused(format!("--key: {} cannot be read: {e}", file.display())))
}

pub async fn csr(client: &Client, id: &str) -> Result<(), Failed> {
    let pem = client.text(&format!("/runs/{}/csr", part(id))).await?;
    out::put(&print::verbatim(pem.trim_end()));
    Ok(())
}

//! `vigilo resume|retry|cancel|resolve|csr|explain`: what people do to runs, and what the codes mean.

use std::path::{Path, PathBuf};

use clap::Args;
use console::pages;
use serde_json::{Value, json};

use super::client::{Client, invalid, part};
use super::{Failed, show};

/// Which runs are meant.
#[derive(Args)]
pub struct Meant {
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
}

#[derive(Args)]
pub struct Resolution {
    /// The id of the run
    id: String,
    /// The certificate and its intermediates, PEM, leaf first; `-` reads standard input
    #[arg(long)]
    chain: PathBuf,
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

pub async fn tell(client: &Client, verb: &str, meant: &Meant) -> Result<(), Failed> {
    match meant.ids.as_slice() {
        [id] => {
            let answer = client
                .post(&format!("/runs/{}/{verb}", part(id)), &json!({"note": meant.note}))
                .await?;
            said(client, &answer, &format!("{verb}: run {id}"));
            Ok(())
        }
        _ => many(client, verb, meant).await,
    }
}

async fn many(client: &Client, verb: &str, meant: &Meant) -> Result<(), Failed> {
    let mut body = json!({"all": meant.all, "code": meant.code, "note": meant.note});
    if !meant.all {
        body["ids"] = json!(meant.ids);
    }
    let answer = client.post(&format!("/runs/{verb}"), &body).await?;
    let refused = answer["refused"].as_array().cloned().unwrap_or_default();
    for one in &refused {
        eprintln!("refused {}: {}", show::text(&one["run_id"]), invalid(&one["reason"]));
    }
    let done = answer["done"].as_array().map_or(0, Vec::len);
    said(
        client,
        &answer,
        &format!("{verb}: {done} run(s), {} refused", refused.len()),
    );
    if refused.is_empty() {
        Ok(())
    } else {
        Err(Failed::Refused(format!("{} run(s) were refused", refused.len())))
    }
}

pub async fn resolve(client: &Client, with: &Resolution) -> Result<(), Failed> {
    let chain = super::import::read(&with.chain)?;
    let key = with.key.as_deref().map(private).transpose()?;
    let body =
        json!({"chain_pem": chain, "key_pem": key, "already_installed": with.already_installed, "note": with.note});
    let answer = client.post(&format!("/runs/{}/resolve", part(&with.id)), &body).await?;
    said(
        client,
        &answer,
        &format!("resolve: run {} goes on with this certificate", with.id),
    );
    Ok(())
}

fn private(file: &Path) -> Result<String, Failed> {
    let read = std::fs::read_to_string(file);
    read.map_err(|e| Failed::Refused(format!("--key: {} cannot be read: {e}", file.display())))
}

pub async fn csr(client: &Client, id: &str) -> Result<(), Failed> {
    let pem = client.text(&format!("/runs/{}/csr", part(id))).await?;
    show::line(pem.trim_end());
    Ok(())
}

/// From the pages that are built in: it works when nothing else does.
pub fn explain(code: Option<&str>, json_wanted: bool) -> Result<(), Failed> {
    let pages: Vec<&pages::Page> = match code {
        Some(code) => {
            let unknown = || Failed::Refused(format!("{code:?} is no error code; `vigilo explain` lists all"));
            vec![pages::find(code).ok_or_else(unknown)?]
        }
        None => pages::all().iter().collect(),
    };
    if json_wanted {
        show::line(&json!(pages).to_string());
        return Ok(());
    }
    for page in &pages {
        match code {
            Some(_) => show::line(page.markdown().trim_end()),
            None => show::line(&format!("{}  {}", page.code, page.title)),
        }
    }
    Ok(())
}

fn said(client: &Client, answer: &Value, line: &str) {
    show::line(&if client.json {
        answer.to_string()
    } else {
        line.to_owned()
    });
}

//! The CA's part of a dry run: an order is opened, every name is proven, and all is taken back
//! before anything is finalized.
//!
//! It happens at the CA's staging when there is one: no limit of the production is used up. The
//! account stays: the live run wants it too. Authorizations are deactivated, so that the live run
//! proves the names anew.

use std::time::Duration;

use domain::counted;
use domain::run::Check;
use domain::secret::Envelope;
use instant_acme::{Account, AuthorizationStatus, Order};

use super::directories::Directory;
use super::translate::{is_bad_nonce, translate};
use super::{Acme, Application, CaError, nonce_proof, ordering};
use crate::ca::{Ended, Rehearsed};
use crate::challenge::solvers::Record;

/// For account and order. A rehearsal ends while a person waits for it.
const OPENING: Duration = Duration::from_secs(15);
/// For the CA to see all names.
const PROOF: Duration = Duration::from_secs(45);
const TAKING_BACK: Duration = Duration::from_secs(15);

/// What is at the CA for the rehearsal only.
struct Begun {
    account: Account,
    order: Order,
    records: Vec<Record>,
}

pub async fn rehearse(acme: &Acme, for_: &Application<'_>) -> Rehearsed {
    let Some(key) = for_.account else {
        return match acme.make_account_key(for_).await {
            Ok(made) => Rehearsed {
                needs: Some(made),
                ..Rehearsed::default()
            },
            Err(error) => ended(Vec::new(), "ACME account key", error),
        };
    };
    let mut checks = Vec::new();
    match through(acme, for_, key, &mut checks).await {
        Ok(()) => Rehearsed {
            checks,
            ..Rehearsed::default()
        },
        Err(error) => ended(checks, "the CA takes the order", error),
    }
}

fn ended(checks: Vec<Check>, at: &'static str, error: CaError) -> Rehearsed {
    Rehearsed {
        checks,
        ended_by: Some(Ended { at, error }),
        needs: None,
    }
}

async fn through(acme: &Acme, for_: &Application<'_>, key: &Envelope, checks: &mut Vec<Check>) -> Result<(), CaError> {
    let production = acme.directory(for_.ca)?;
    let stage = acme.directories.of(&production.rehearse_at)?;
    if stage.url != production.url {
        checks.push(account_at(acme, for_, &production, key).await);
        let evidence = format!("{} is asked in place of {}", stage.url, production.url);
        checks.push(Check::tick("rehearsed at the CA's staging", evidence));
    }
    let mut begun = match tokio::time::timeout(OPENING, begin(acme, for_, &stage, key)).await {
        Ok(begun) => begun?,
        Err(_) => return Err(too_slow()),
    };
    checks.push(Check::tick("ACME account", begun.account.id()));
    checks.push(Check::tick("order opened, not finalized", begun.order.url()));
    let proven = prove(acme, for_, &stage, &mut begun).await;
    let left = take_back(acme, for_, &mut begun).await;
    let seen = seen(for_, &begun.records, proven, checks);
    checks.push(left);
    seen
}

/// Whether the CA where the live run applies knows the account; nothing is registered there.
async fn account_at(acme: &Acme, for_: &Application<'_>, directory: &Directory, key: &Envelope) -> Check {
    let title = format!("ACME account at {}", directory.url);
    match acme.accounts.load(for_, directory, key).await {
        Ok(Some(account)) => Check::tick(title, account.id()),
        Ok(None) => Check::tick(title, "none yet: the live run registers one"),
        Err(error) => Check::cross(title, error.to_string()),
    }
}

/// What it opens after all is never answered, and ends there by itself.
fn too_slow() -> CaError {
    CaError::Unavailable {
        until: None,
        what: format!("it has not opened an order within {} s", OPENING.as_secs()),
    }
}

async fn begin(acme: &Acme, for_: &Application<'_>, stage: &Directory, key: &Envelope) -> Result<Begun, CaError> {
    match begin_once(acme, for_, stage, key).await {
        Err(CaError::AccountGone) => {
            acme.accounts.forget(for_, stage, key);
            begin_once(acme, for_, stage, key).await
        }
        ended => ended,
    }
}

async fn begin_once(acme: &Acme, for_: &Application<'_>, stage: &Directory, key: &Envelope) -> Result<Begun, CaError> {
    let account = acme.accounts.ensure(for_, stage, key).await?;
    // Whether the live run's CA has it was said of its directory; a staging may have others.
    let listed = |asked: &&str| ordering::profiles(&account).iter().any(|name| name == asked);
    let for_ = &Application {
        profile: for_.profile.filter(listed),
        ..*for_
    };
    let mut order = ordering::place(&account, for_).await?;
    let records = acme.journey(&account, stage, for_).records(&mut order).await?;
    Ok(Begun {
        account,
        order,
        records,
    })
}

async fn prove(acme: &Acme, for_: &Application<'_>, stage: &Directory, begun: &mut Begun) -> Result<(), CaError> {
    let journey = acme.journey(&begun.account, stage, for_);
    match tokio::time::timeout(PROOF, journey.prove(&mut begun.order, &begun.records)).await {
        Ok(proven) => proven,
        Err(_) => Err(CaError::Unavailable {
            until: None,
            what: format!("the CA has not looked at every name within {} s", PROOF.as_secs()),
        }),
    }
}

/// One check for each name of which the CA has said something.
fn seen(
    for_: &Application<'_>,
    records: &[Record],
    proven: Result<(), CaError>,
    checks: &mut Vec<Check>,
) -> Result<(), CaError> {
    let title = |name: &str| format!("the CA sees {name}");
    match proven {
        Ok(()) => {
            checks.extend(for_.names.iter().map(|name| {
                let asked = records.iter().any(|record| record.name == name.as_str());
                Check::tick(title(name.as_str()), how_seen(name.as_str(), asked))
            }));
            Ok(())
        }
        Err(CaError::OrderInvalid { names, order: _ }) if !names.is_empty() => {
            checks.extend(
                names
                    .iter()
                    .map(|one| Check::cross(title(&one.name), one.problem.to_string())),
            );
            Ok(())
        }
        Err(other) => Err(other),
    }
}

fn how_seen(name: &str, asked: bool) -> String {
    if asked {
        format!("it asked for http://{name}/.well-known/acme-challenge/… and took the answer")
    } else {
        "it has seen the name before and did not ask again".to_owned()
    }
}

/// What was proven in passing is not kept. What was valid before the rehearsal is left alone: it
/// had no proof.
async fn take_back(acme: &Acme, for_: &Application<'_>, begun: &mut Begun) -> Check {
    let title = "nothing is left behind";
    let taking_back = async {
        let removed = withdraw(acme, for_, &begun.records).await?;
        let ended = deactivate(&mut begun.order, &begun.records).await?;
        let (removed, ended) = (counted(removed, "challenge response"), counted(ended, "authorization"));
        Ok(format!("{removed} removed, {ended} deactivated"))
    };
    let ended: Result<String, String> = match tokio::time::timeout(TAKING_BACK, taking_back).await {
        Ok(ended) => ended,
        Err(_) => Err(format!("it took longer than {} s", TAKING_BACK.as_secs())),
    };
    match ended {
        Ok(evidence) => Check::tick(title, evidence),
        Err(why) => {
            for_.ctx.warn(format!("not everything was taken back: {why}"), &[]);
            Check::cross(title, format!("{why}; it ends by itself, at the CA as here")).advisory()
        }
    }
}

async fn withdraw(acme: &Acme, for_: &Application<'_>, records: &[Record]) -> Result<usize, String> {
    let solver = acme.solvers.of(for_.solver);
    let placed = solver.locate(records).await.map_err(|error| error.what)?;
    let removed = solver.remove(&placed).await;
    removed.map_err(|remaining| format!("a challenge response: {}", remaining.why))?;
    Ok(placed.len())
}

/// The library's copies are from before the proof: what has failed since is not deactivated, the CA
/// says so itself.
async fn deactivate(order: &mut Order, records: &[Record]) -> Result<usize, String> {
    let (mut ended, mut all) = (0, order.authorizations());
    while let Some(next) = all.next().await {
        let mut authorization = next.map_err(|error| translate(error).to_string())?;
        let name = authorization.identifier().to_string();
        let alive = matches!(
            authorization.status,
            AuthorizationStatus::Pending | AuthorizationStatus::Valid
        );
        if !alive || !records.iter().any(|record| record.name == name) {
            continue;
        }
        match nonce_proof!(async { authorization.deactivate().await.map(|_| ()) }) {
            Ok(()) => ended += 1,
            Err(instant_acme::Error::Api(_)) => {}
            Err(error) => return Err(format!("the authorization of {name}: {}", translate(error))),
        }
    }
    Ok(ended)
}

//! The dry run of an issuance: everything up to the certificate, then taken back.
//!
//! Nothing is registered and nothing finalized; authorizations that were made for it are deactivated, so that the live
//! run proves the names anew.

use domain::run::Check;
use domain::secret::Envelope;
use instant_acme::{Account, AuthorizationStatus, Order};

use super::accounts::AccountKeys;
use super::directories::Directory;
use super::journey::Proof;
use super::translate::{is_bad_nonce, translate};
use super::{Acme, Application, CaError, new_order, nonce_proof};

pub async fn rehearse<K: AccountKeys>(
    acme: &Acme<K>,
    for_: &Application<'_>,
    key: Option<&Envelope>,
) -> Result<Vec<Check>, CaError> {
    let directory = acme.directory(for_.directory)?;
    directory.transport.look(&directory.url).await.map_err(translate)?;
    let mut checks = vec![Check::tick("the CA's directory answers", directory.url.as_str())];
    let account = match key {
        Some(key) => acme.accounts.load(for_, &directory, key).await?,
        None => None,
    };
    let Some(account) = account else {
        checks.push(Check::tick("ACME account", "none yet: the live run registers one").advisory());
        return Ok(checks);
    };
    checks.push(Check::tick("ACME account", account.id()));
    checks.extend(challenges(acme, for_, (&account, &directory)).await?);
    Ok(checks)
}

async fn challenges<K: AccountKeys>(
    acme: &Acme<K>,
    for_: &Application<'_>,
    (account, directory): (&Account, &Directory),
) -> Result<Vec<Check>, CaError> {
    let mut order = new_order(account, for_).await?;
    let journey = acme.journey(account, directory, for_);
    let proofs = journey.proofs(&mut order).await?;
    let proven = journey.prove(&mut order).await;
    for proof in &proofs {
        if let Err(error) = acme.http01.withdraw(&proof.token).await {
            for_.ctx.warn(
                format!("a challenge response was not removed: {error}"),
                &[("name", &proof.name)],
            );
        }
    }
    take_back(&mut order, &proofs, for_).await;
    Ok(match proven {
        Ok(()) => vec![Check::tick(
            "the CA can see every name",
            format!("{} by http-01", for_.names.len()),
        )],
        Err(CaError::OrderInvalid { names, order: _ }) if !names.is_empty() => names
            .iter()
            .map(|one| Check::cross(format!("the CA can see {}", one.name), one.problem.to_string()))
            .collect(),
        Err(other) => return Err(other),
    })
}

/// What was proven in passing is not kept. What was valid before the rehearsal is left alone: it had no proof.
async fn take_back(order: &mut Order, proofs: &[Proof], for_: &Application<'_>) {
    let mut all = order.authorizations();
    while let Some(Ok(mut authorization)) = all.next().await {
        let name = authorization.identifier().to_string();
        let alive = matches!(
            authorization.status,
            AuthorizationStatus::Pending | AuthorizationStatus::Valid
        );
        if !alive || !proofs.iter().any(|proof| proof.name == name) {
            continue;
        }
        let ended = nonce_proof!(async { authorization.deactivate().await.map(|_| ()) });
        if let Err(error) = ended {
            for_.ctx
                .warn(format!("an authorization was not deactivated: {error}"), &[]);
        }
    }
}

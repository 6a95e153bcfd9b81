//! One certificate, from the order to the chain.
//!
//! In: an account and a name. Out: the chain. Never: a retry; on a friendly CA nothing fails.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use instant_acme::{Account, AuthorizationStatus, ChallengeType, Identifier, NewOrder, OrderStatus, RetryPolicy};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use crate::responder::Tokens;

/// What a CA on the same machine bears.
const POLLS: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(12))
    .backoff(1.5)
    .timeout(Duration::from_secs(30));

pub async fn issue(account: &Account, tokens: &Tokens, name: &str) -> Result<String> {
    let names = [Identifier::Dns(name.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&names)).await?;
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await.context("no authorization")??;
    if authorization.status == AuthorizationStatus::Pending {
        let challenge = authorization.challenge(ChallengeType::Http01);
        let mut challenge = challenge.context("no http-01 challenge")?;
        tokens.present(&challenge.token, challenge.key_authorization().as_str());
        challenge.set_ready().await?;
    }
    let status = order.poll_ready(&POLLS).await?;
    ensure!(status == OrderStatus::Ready, "the order is {status:?}");
    order.finalize_csr(&csr(name)?).await?;
    Ok(order.poll_certificate(&POLLS).await?)
}

/// With a new P-256 key.
fn csr(name: &str) -> Result<Vec<u8>> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    let csr = params.serialize_request(&KeyPair::generate()?)?;
    Ok(csr.der().to_vec())
}

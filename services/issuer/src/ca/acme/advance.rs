//! One order of Issue at an ACME CA, from where it was saved.
//!
//! | what is saved | what is done | what is saved next |
//! |---|---|---|
//! | no account key | a key is made and sealed | the key; nothing is at the CA yet |
//! | an account key | account registered or found, order opened | the order's URL and what it is proven with; nothing is placed |
//! | an opened order | challenges, finalize, chain: by the order's state | the certificate |
//! | an opened order that may be left for another CA | challenges | that it may not be left any more |

use domain::run::{AcmeOrder, Check, Checkpoint};
use domain::secret::Envelope;
use domain::solver::Receipt;
use instant_acme::Order;
use url::Url;

use super::journey::{Claim, Obtained};
use super::{Acme, ordering, recorder};
use crate::ca::{Advanced, Application, CaError, Issued};

impl Acme {
    pub(super) async fn advance_from(
        &self,
        for_: &Application<'_>,
        from: Option<&Checkpoint>,
    ) -> Result<Advanced, CaError> {
        let Some(account_key) = for_.account else {
            let made = self.make_account_key(for_).await?;
            for_.ctx.check(Check::tick(
                "ACME account key made",
                "sealed; registered with the next order",
            ));
            return Ok(Advanced::Next(made));
        };
        match from {
            None | Some(Checkpoint::AcmeAccountKey { .. }) => {
                let opened = recorder::around(for_.ctx, self.open(for_, account_key)).await?;
                Ok(Advanced::Next(Checkpoint::AcmeOrder(opened)))
            }
            Some(Checkpoint::AcmeOrder(order)) => {
                recorder::around(for_.ctx, self.complete(for_, account_key, order)).await
            }
        }
    }

    /// A new key, sealed; nothing happens at the CA.
    pub(super) async fn make_account_key(&self, for_: &Application<'_>) -> Result<Checkpoint, CaError> {
        self.directory(for_.ca)?;
        let sealed_key = self.accounts.make_key(for_.workspace).await?;
        Ok(Checkpoint::AcmeAccountKey { sealed_key })
    }

    /// Opens an order, and registers the account if the CA does not know it. An order that is
    /// opened twice does no harm: the CA forgets what is never finalized.
    async fn open(&self, for_: &Application<'_>, key: &Envelope) -> Result<AcmeOrder, CaError> {
        let opened = match self.open_once(for_, key).await {
            Err(CaError::AccountGone) => {
                let directory = self.directory(for_.ca)?;
                self.accounts.forget(for_, &directory, key);
                self.open_once(for_, key).await?
            }
            ended => ended?,
        };
        for_.ctx
            .check(Check::tick("order opened at the CA", opened.url.as_str()));
        Ok(opened)
    }

    async fn open_once(&self, for_: &Application<'_>, key: &Envelope) -> Result<AcmeOrder, CaError> {
        let directory = self.directory(for_.ca)?;
        let account = self.accounts.ensure(for_, &directory, key).await?;
        let mut order = ordering::place(&account, for_).await?;
        let expires = recorder::expires();
        let journey = self.journey(&account, &directory, for_);
        let placed = match journey.locate_responses(&mut order).await {
            Ok(placed) => placed,
            Err(error) if is_of_no_use(&error) => return Err(error),
            // The order is there and has been counted: it is the one to go on with, and to be read
            // later.
            Err(error) => {
                for_.ctx
                    .warn(format!("what the order asks for could not be read yet: {error}"), &[]);
                Receipt::default()
            }
        };
        let url = order_url(&order)?;
        self.warm.keep(url.clone(), order);
        Ok(AcmeOrder {
            url,
            expires,
            placed,
            unfinalized: for_.may_be_left,
        })
    }

    /// Brings the order on from whatever state it is in, as far as its checkpoint allows. May be
    /// repeated, at the end too: one order is one certificate.
    async fn complete(&self, for_: &Application<'_>, key: &Envelope, order: &AcmeOrder) -> Result<Advanced, CaError> {
        let obtained = match self.complete_once(for_, key, order).await {
            Err(CaError::AccountGone) => {
                let directory = self.directory(for_.ca)?;
                self.accounts.forget(for_, &directory, key);
                self.complete_once(for_, key, order).await?
            }
            ended => ended?,
        };
        let saved = |order| Checkpoint::AcmeOrder(order);
        Ok(match obtained {
            Obtained::Chain(chain_pem) => Advanced::Issued(Issued {
                chain_pem,
                order_url: Some(order.url.clone()),
            }),
            Obtained::Ready => {
                for_.ctx.check(Check::tick(
                    "every name is proven",
                    "saved before the certificate is asked for",
                ));
                Advanced::Next(saved(AcmeOrder {
                    unfinalized: false,
                    ..order.clone()
                }))
            }
            Obtained::ToPlace(located) => Advanced::Next(saved(AcmeOrder {
                placed: order.placed.clone().and(located),
                ..order.clone()
            })),
            Obtained::NotSettled { look_at } => Advanced::Later {
                until: look_at,
                checkpoint: saved(order.clone()),
            },
        })
    }

    async fn complete_once(
        &self,
        for_: &Application<'_>,
        key: &Envelope,
        saved: &AcmeOrder,
    ) -> Result<Obtained, CaError> {
        let directory = self.directory(for_.ca)?;
        let account = self.accounts.ensure(for_, &directory, key).await?;
        let journey = self.journey(&account, &directory, for_);
        let mut order = match self.warm.take(&saved.url) {
            Some(order) => order,
            None => journey.load(saved.url.as_str()).await?,
        };
        let claim = Claim {
            placed: &saved.placed,
            csr_der: for_.csr_der.unwrap_or_default(),
            finalize: !saved.unfinalized,
        };
        let obtained = journey.complete(&mut order, &claim).await?;
        match obtained {
            Obtained::Chain(_) => {}
            Obtained::Ready | Obtained::ToPlace(_) | Obtained::NotSettled { .. } => {
                self.warm.keep(saved.url.clone(), order);
            }
        }
        Ok(obtained)
    }
}

/// Whether an order can never become a certificate for this account and these names.
fn is_of_no_use(error: &CaError) -> bool {
    matches!(
        error,
        CaError::OrderInvalid { .. } | CaError::NoSuchChallenge { .. } | CaError::AccountGone
    )
}

fn order_url(order: &Order) -> Result<Url, CaError> {
    order.url().parse().map_err(|error| CaError::Unavailable {
        until: None,
        what: format!("the CA gave {:?} as the order's URL: {error}", order.url()),
    })
}

//! Carries out Issue orders: account key, order, certificate; one irreversible effect per order, each after the one
//! before was saved.
//!
//! | the order carries | what is done | what is saved next |
//! |---|---|---|
//! | no account key | a key is made and sealed | the key; nothing is at the CA yet |
//! | an account key | account registered or found, order opened | the order's URL and tokens; nothing is presented yet |
//! | an opened order | challenges, finalize, chain: by the order's state | the certificate |
//! | an opened order that may be left for another CA | challenges | that it may not be left any more |
//!
//! In: one order. Out: its checkpoint or the chain. Never: a second finalized order for a step.

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::Timestamp;
use domain::run::{Check, Checkpoint, IssuedCertificate, Product, Rehearsal, StepKind};
use domain::secret::Envelope;
use protocol::order::{IssueSpec, Order};
use url::Url;

use crate::ca::{Application, CertificateAuthority, Claim, Obtained};
use crate::certificate::{check_chain, csr_der, early_end};
use crate::eyes::Eyes;
use crate::order::{application, check_challenge, circumstances};
use crate::rehearsal::Dry;
use crate::verdict::{IssueError, judge};

pub struct Issue<C> {
    ca: C,
    eyes: Eyes,
}

/// The checkpoint that this order came with.
#[derive(Clone, Copy)]
struct Opened<'a> {
    url: &'a Url,
    expires: Option<Timestamp>,
    tokens: &'a [String],
    unfinalized: bool,
}

impl Opened<'_> {
    /// The same order, once it is known what it is proven with.
    fn with_tokens(&self, tokens: Vec<String>) -> Checkpoint {
        Checkpoint::AcmeOrder {
            url: self.url.clone(),
            expires: self.expires,
            tokens,
            unfinalized: self.unfinalized,
        }
    }

    /// From now on the certificate may be asked for at any moment.
    fn binding(&self) -> Checkpoint {
        Checkpoint::AcmeOrder {
            url: self.url.clone(),
            expires: self.expires,
            tokens: self.tokens.to_vec(),
            unfinalized: false,
        }
    }
}

impl<C: CertificateAuthority> Issue<C> {
    pub fn new(ca: C, eyes: Eyes) -> Self {
        Self { ca, eyes }
    }

    async fn advance(&self, order: &Order<IssueSpec>, ctx: &StepContext) -> Result<Progress, IssueError> {
        check_challenge(order.spec.challenge)?;
        let csr = csr_der(order.spec.csr_pem.as_deref())?;
        let for_ = application(order, ctx)?;
        let Some(account_key) = &order.spec.account_key else {
            return self.make_account_key(&for_).await;
        };
        match &order.checkpoint {
            None | Some(Checkpoint::AcmeAccountKey { .. }) => {
                let unfinalized = order.spec.save_before_finalize;
                self.open_order(&for_, account_key, unfinalized).await
            }
            Some(Checkpoint::AcmeOrder {
                url,
                expires,
                tokens,
                unfinalized,
            }) => {
                let opened = Opened {
                    url,
                    expires: *expires,
                    tokens,
                    unfinalized: *unfinalized,
                };
                self.complete(&for_, account_key, &csr, opened).await
            }
        }
    }

    async fn make_account_key(&self, for_: &Application<'_>) -> Result<Progress, IssueError> {
        let sealed_key = self.ca.make_account_key(for_).await?;
        for_.ctx.check(Check::tick(
            "ACME account key made",
            "sealed; registered with the next order",
        ));
        Ok(rest(for_, Checkpoint::AcmeAccountKey { sealed_key }))
    }

    async fn open_order(
        &self,
        for_: &Application<'_>,
        account_key: &Envelope,
        unfinalized: bool,
    ) -> Result<Progress, IssueError> {
        let opened = self.ca.open_order(for_, account_key).await?;
        for_.ctx
            .check(Check::tick("order opened at the CA", opened.url.as_str()));
        let (url, expires, tokens) = (opened.url, opened.expires, opened.tokens);
        let checkpoint = Checkpoint::AcmeOrder {
            url,
            expires,
            tokens,
            unfinalized,
        };
        Ok(rest(for_, checkpoint))
    }

    async fn complete(
        &self,
        for_: &Application<'_>,
        account_key: &Envelope,
        csr: &[u8],
        opened: Opened<'_>,
    ) -> Result<Progress, IssueError> {
        let claim = Claim {
            order_url: opened.url,
            tokens: opened.tokens,
            csr_der: csr,
            finalize: !opened.unfinalized,
        };
        let chain_pem = match self.ca.ensure_issued(for_, account_key, &claim).await? {
            Obtained::Chain(chain_pem) => chain_pem,
            Obtained::Ready => {
                for_.ctx.check(Check::tick(
                    "every name is proven",
                    "saved before the certificate is asked for",
                ));
                return Ok(rest(for_, opened.binding()));
            }
            Obtained::Tokens(tokens) => return Ok(rest(for_, opened.with_tokens(tokens))),
        };
        let leaf = check_chain(&chain_pem, csr, for_.names, for_.ctx.now())?;
        for_.ctx.check(Check::tick(
            "certificate issued",
            format!("serial {} until {}", leaf.serial, leaf.not_after),
        ));
        if let Some(hint) = early_end(&chain_pem, for_.ctx.now()) {
            for_.ctx.check(hint);
        }
        // What cannot be removed now is left to Tidy, which is spared otherwise.
        let left = self.ca.withdraw(for_, opened.tokens).await;
        let removed = opened.tokens.len() - left.len();
        for_.ctx
            .check(Check::tick("challenge responses removed", removed.to_string()));
        Ok(Progress::Done(Product::Issued(Box::new(IssuedCertificate {
            order_url: Some(opened.url.clone()),
            chain_pem,
            leaf,
            tokens: left,
            sealed_key: None,
        }))))
    }
}

impl<C: CertificateAuthority> StepHandler for Issue<C> {
    type Spec = IssueSpec;
    const KIND: StepKind = StepKind::Issue;

    async fn carry_out(&self, order: &Order<IssueSpec>, ctx: &StepContext) -> Result<Progress, StepError> {
        self.advance(order, ctx)
            .await
            .map_err(|error| judge(error, circumstances(order, ctx).with_csr(order.spec.csr_pem.as_deref())))
    }

    async fn rehearse(&self, order: &Order<IssueSpec>, ctx: &StepContext) -> Result<Rehearsal, StepError> {
        let (ca, eyes) = (&self.ca, &self.eyes);
        Ok(Dry { ca, eyes, order, ctx }.rehearse().await)
    }
}

/// At once: the ledger saves the checkpoint and orders again.
fn rest(for_: &Application<'_>, checkpoint: Checkpoint) -> Progress {
    Progress::Resting {
        until: for_.ctx.now(),
        checkpoint,
    }
}

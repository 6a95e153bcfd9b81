//! A handler for every step of a live run. Each is done as soon as it is asked for, but for hosts that hang.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bus::{Progress, StepContext, StepError, StepHandler};
use domain::Hostname;
use domain::disposition::{Disposition, Failure};
use domain::run::{Checkpoint, Product, Rehearsal, StepKind, Verified};
use integration::drain::{BESIDE, HANGS, HANGS_FOR};
use protocol::order::{DeploySpec, IssueSpec, Order, PrepareKeySpec, TidySpec, VerifySpec};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use crate::canned::Canned;

/// The first rung of a retry.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What a step comes to, from its order.
type StepResponse<S> = Box<dyn Fn(&Order<S>, &StepContext) -> Progress + Send + Sync>;

/// The kind of a spec.
pub trait Kind: DeserializeOwned + Send + Sync + 'static {
    const KIND: StepKind;
}

macro_rules! kind {
    ($spec:ty, $kind:ident) => {
        impl Kind for $spec {
            const KIND: StepKind = StepKind::$kind;
        }
    };
}
kind!(PrepareKeySpec, PrepareKey);
kind!(IssueSpec, Issue);
kind!(DeploySpec, Deploy);
kind!(VerifySpec, Verify);
kind!(TidySpec, Tidy);

pub struct Null<S> {
    answer: StepResponse<S>,
    of: PhantomData<fn(S)>,
}

impl<S: Kind> Null<S> {
    fn new(answer: impl Fn(&Order<S>, &StepContext) -> Progress + Send + Sync + 'static) -> Self {
        Self {
            answer: Box::new(answer),
            of: PhantomData,
        }
    }
}

impl<S: Kind> StepHandler for Null<S> {
    type Spec = S;
    const KIND: StepKind = S::KIND;

    #[expect(
        clippy::disallowed_methods,
        reason = "a measured load, or a fault that lasts for a while"
    )]
    async fn carry_out(&self, order: &Order<S>, ctx: &StepContext) -> Result<Progress, StepError> {
        if hangs_at(&order.hostname) == Some(S::KIND) {
            tokio::time::sleep(HANGS_FOR).await;
            let mute = Failure::new("VER-0001", "it accepted and said nothing", "none: it is made to hang");
            return Err(Disposition::RetryAt(ctx.now().plus(AGAIN_AFTER), mute).into());
        }
        Ok((self.answer)(order, ctx))
    }

    async fn rehearse(&self, _order: &Order<S>, _ctx: &StepContext) -> Result<Rehearsal, StepError> {
        Ok(Rehearsal::of(Vec::new()))
    }
}

/// Where such a host hangs.
fn hangs_at(host: &Hostname) -> Option<StepKind> {
    let number = host.as_str().strip_prefix(HANGS)?.split_once('.')?.0;
    let even = number.ends_with(['0', '2', '4', '6', '8']);
    Some(if even { StepKind::Deploy } else { StepKind::Verify })
}

pub fn prepare(canned: &Arc<Canned>) -> Null<PrepareKeySpec> {
    let canned = Arc::clone(canned);
    Null::new(move |_, _| Progress::Done(Product::PreparedKey(canned.key())))
}

/// Rests as the issuer does: after the account's key, and after the order was opened.
pub fn issue(canned: &Arc<Canned>) -> Null<IssueSpec> {
    let canned = Arc::clone(canned);
    Null::new(move |order: &Order<IssueSpec>, ctx| {
        let rest = |checkpoint| Progress::Resting {
            until: ctx.now(),
            checkpoint,
        };
        match (&order.spec.account_key, &order.checkpoint) {
            (None, _) => rest(canned.account()),
            (Some(_), None | Some(Checkpoint::AcmeAccountKey { .. })) => rest(canned.opened()),
            (Some(_), Some(Checkpoint::AcmeOrder(_))) => Progress::Done(Product::Issued(Box::new(canned.issued()))),
        }
    })
}

pub fn deploy(canned: &Arc<Canned>) -> Null<DeploySpec> {
    let canned = Arc::clone(canned);
    Null::new(move |_, _| Progress::Done(Product::Deployed(canned.receipt())))
}

pub fn verify(canned: &Arc<Canned>) -> Null<VerifySpec> {
    let canned = Arc::clone(canned);
    Null::new(move |_, ctx| {
        let snapshots = vec![canned.snapshot(ctx)];
        Progress::Done(Product::Verified(Verified { snapshots }))
    })
}

pub fn tidy(through: &Through) -> Null<TidySpec> {
    let through = through.clone();
    Null::new(move |order: &Order<TidySpec>, _| {
        if !order.hostname.as_str().starts_with(BESIDE) {
            through.one();
        }
        Progress::Done(Product::Tidied)
    })
}

/// Counts the runs whose last step was carried out.
#[derive(Clone)]
pub struct Through {
    runs: usize,
    counted: Arc<AtomicUsize>,
    all: Arc<Semaphore>,
}

impl Through {
    pub fn after(runs: usize) -> Self {
        Self {
            runs,
            counted: Arc::default(),
            all: Arc::new(Semaphore::new(0)),
        }
    }

    fn one(&self) {
        if self.counted.fetch_add(1, Ordering::Relaxed) + 1 == self.runs {
            self.all.add_permits(1);
        }
    }

    pub async fn wait(&self) {
        // The semaphore is never closed.
        drop(self.all.acquire().await);
    }
}

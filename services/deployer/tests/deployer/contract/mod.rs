//! What every kind of target promises, whatever it is made of; each body runs all of it against its
//! real counterpart.
//!
//! A new body adds one file with its counterpart and the line of `for_body!` that runs the suite.

mod file;

use std::sync::Arc;

use anyhow::{Result, ensure};
use deployer::certificate::{Bundle, Chain};
use deployer::targets::{Backup, Found, Installation, Job, PutBack, Refused, Replaced, Undone};
use testkit::pki::Identity;

use crate::world::{fingerprint, new_certificate};

/// One target and what it is put into.
pub trait Counterpart: Sized {
    /// With nothing there.
    fn new() -> Result<Self>;

    fn installation(&self) -> Box<dyn Installation + '_>;

    fn job(&self) -> Job<'_>;

    /// A later run of the same policy begins.
    fn next_run(&mut self);

    /// Puts a pair there as whoever runs the server does by hand.
    fn has(&self, pair: &Identity) -> Result<()>;

    /// What is served from there, and what could be told from it.
    fn content(&self) -> Result<String>;

    /// Everything beside it that a look must not change: times, owners, what is kept.
    fn traces(&self) -> Result<String>;
}

fn bundle(pair: &Identity) -> Result<Arc<Bundle>> {
    let chain = Chain::read(pair.chain_pem.as_bytes()).map_err(anyhow::Error::msg)?;
    Ok(Arc::new(Bundle::pair(chain, pair.key_pem.as_bytes())?))
}

async fn install(at: &impl Counterpart, pair: &Identity) -> Result<Backup> {
    Ok(at.installation().install(&at.job(), bundle(pair)?).await?)
}

async fn look(at: &impl Counterpart, pair: &Identity) -> Result<Found> {
    let wanted = bundle(pair)?;
    Ok(at.installation().look(&at.job(), Some(wanted.chain())).await?)
}

async fn put_back(at: &impl Counterpart, undone: Undone) -> Result<PutBack> {
    Ok(at.installation().put_back(&at.job(), &undone).await?)
}

pub async fn installs_what_it_finds_again<C: Counterpart>() -> Result<()> {
    let (at, new) = (C::new()?, new_certificate());
    ensure!(matches!(look(&at, &new).await?, Found::Other { .. }));
    let backup = install(&at, &new).await?;
    ensure!(backup.former.is_none(), "nothing was there: {backup:?}");
    ensure!(look(&at, &new).await? == Found::Wanted { backup });
    Ok(())
}

pub async fn installs_twice_without_effect<C: Counterpart>() -> Result<()> {
    let (at, old, new) = (C::new()?, new_certificate(), new_certificate());
    at.has(&old)?;
    let first = install(&at, &new).await?;
    let former = first.former.clone().map(|former| former.leaf);
    ensure!(former == Some(fingerprint(&old)), "{first:?}");
    let content = at.content()?;
    let second = install(&at, &new).await?;
    ensure!((&second.backups, &second.former) == (&first.backups, &first.former));
    ensure!(at.content()? == content);
    Ok(())
}

pub async fn puts_back_what_it_replaced<C: Counterpart>() -> Result<()> {
    let (at, old, new) = (C::new()?, new_certificate(), new_certificate());
    at.has(&old)?;
    let content = at.content()?;
    install(&at, &new).await?;
    ensure!(at.content()? != content);
    let undone = Undone::Replaced(Replaced {
        former: fingerprint(&old),
        installed: fingerprint(&new),
    });
    for _ in 0..2 {
        ensure!(put_back(&at, undone.clone()).await? == PutBack::Done);
        ensure!(at.content()? == content);
    }
    Ok(())
}

pub async fn a_refused_first_installation_leaves_nothing<C: Counterpart>() -> Result<()> {
    let (at, new) = (C::new()?, new_certificate());
    let nothing = at.content()?;
    install(&at, &new).await?;
    let refused = Undone::Refused(Refused {
        installed: fingerprint(&new),
        just_written: true,
    });
    ensure!(put_back(&at, refused).await? == PutBack::Done);
    ensure!(at.content()? == nothing);
    Ok(())
}

pub async fn what_was_there_before_the_run_stays<C: Counterpart>() -> Result<()> {
    let (mut at, new) = (C::new()?, new_certificate());
    install(&at, &new).await?;
    at.next_run();
    let content = at.content()?;
    let refused = Undone::Refused(Refused {
        installed: fingerprint(&new),
        just_written: false,
    });
    ensure!(put_back(&at, refused).await? == PutBack::WasThereBefore);
    ensure!(at.content()? == content);
    Ok(())
}

pub async fn what_somebody_else_put_there_is_not_put_back<C: Counterpart>() -> Result<()> {
    let (at, old, new, other) = (C::new()?, new_certificate(), new_certificate(), new_certificate());
    at.has(&old)?;
    install(&at, &new).await?;
    at.has(&other)?;
    let content = at.content()?;
    let undone = Undone::Replaced(Replaced {
        former: fingerprint(&old),
        installed: fingerprint(&new),
    });
    ensure!(put_back(&at, undone).await.is_err());
    ensure!(at.content()? == content);
    Ok(())
}

pub async fn a_rehearsal_and_looks_leave_nothing<C: Counterpart>() -> Result<()> {
    for is_in_use in [false, true] {
        let (at, new) = (C::new()?, new_certificate());
        if is_in_use {
            at.has(&new_certificate())?;
        }
        let before = (at.content()?, at.traces()?);
        let checks = at.installation().rehearse(&at.job()).await;
        ensure!(checks.iter().all(|check| check.passed || check.advisory), "{checks:?}");
        at.installation().look(&at.job(), None).await?;
        look(&at, &new).await?;
        ensure!((at.content()?, at.traces()?) == before);
    }
    Ok(())
}

/// The whole suite for one body.
macro_rules! for_body {
    ($counterpart:ty: $($promise:ident)*) => {
        $(
            #[tokio::test]
            async fn $promise() -> anyhow::Result<()> {
                super::$promise::<$counterpart>().await
            }
        )*
    };
    ($counterpart:ty) => {
        super::for_body! { $counterpart:
            installs_what_it_finds_again
            installs_twice_without_effect
            puts_back_what_it_replaced
            a_refused_first_installation_leaves_nothing
            what_was_there_before_the_run_stays
            what_somebody_else_put_there_is_not_put_back
            a_rehearsal_and_looks_leave_nothing
        }
    };
}
use for_body;

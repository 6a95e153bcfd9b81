//! A deployer that is not root: real refusals of the kernel, named with what is missing.
//!
//! A test that runs as root gives its rights up for this one thread and for those of its runtime; credentials belong to
//! threads in Linux.

use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result, ensure};
use rustix::process::{Gid, Uid};

use crate::ended::asked;
use crate::world::{World, fingerprint, mode, new_certificate};

const NOBODY: u32 = 65_534;

fn become_nobody() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    rustix::thread::set_thread_groups(&[]).expect("root may");
    rustix::thread::set_thread_res_gid(group, group, group).expect("root may");
    rustix::thread::set_thread_res_uid(user, user, user).expect("root may");
}

/// Runs a story on a thread without privileges; what it writes to the disk is written without them too.
fn unprivileged<F>(story: impl FnOnce() -> F + Send) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let alone = move || {
        become_nobody();
        ensure!(!rustix::process::geteuid().is_root(), "still root");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .on_thread_start(become_nobody)
            .build()?;
        runtime.block_on(story())
    };
    std::thread::scope(|scope| scope.spawn(alone).join().ok().context("the story panicked"))?
}

#[test]
fn a_directory_that_may_not_be_written_is_asked_about_and_nothing_is_touched() -> Result<()> {
    unprivileged(async || {
        let mut world = World::new()?;
        let closed = world.path("closed");
        fs::create_dir(&closed)?;
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o555))?;
        world.target.key_path = closed.join("www.key").display().to_string();

        let question = asked(world.try_deploy(&new_certificate()).await)?;

        assert_eq!(question.code.as_str(), "DEP-0006");
        let words = format!("may not write into {}: permission denied", closed.display());
        assert!(question.what.contains(&words), "{}", question.what);
        assert!(question.hint.contains("run the deployer as a user that may"));
        assert_eq!(world.names()?, ["closed"]);

        let checks = world.rehearse().await?.checks;
        let crosses: Vec<_> = checks.iter().filter(|check| !check.passed && !check.advisory).collect();
        assert!(
            crosses.len() == 1 && crosses[0].name == "the key can be written",
            "{crosses:?}"
        );
        assert!(crosses[0].evidence.contains(&words), "{crosses:?}");
        Ok(())
    })
}

#[test]
fn a_directory_that_may_not_be_searched_is_asked_about() -> Result<()> {
    unprivileged(async || {
        let mut world = World::new()?;
        let closed = world.path("closed");
        fs::create_dir(&closed)?;
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o600))?;
        world.target.chain_path = closed.join("deeper/www.crt").display().to_string();

        let question = asked(world.try_deploy(&new_certificate()).await)?;

        assert_eq!(question.code.as_str(), "DEP-0006");
        assert!(
            question.what.contains("lacks the permission to search (x)"),
            "{}",
            question.what
        );
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700))?;
        Ok(())
    })
}

#[test]
fn files_that_may_not_be_given_away_are_asked_about() -> Result<()> {
    unprivileged(async || {
        let mut world = World::new()?;
        world.target.owner = Some("root".to_owned());

        let question = asked(world.try_deploy(&new_certificate()).await)?;

        assert_eq!(question.code.as_str(), "DEP-0006");
        assert!(question.hint.contains("CAP_CHOWN"), "{}", question.hint);
        assert!(world.names()?.is_empty());
        let checks = world.rehearse().await?.checks;
        assert!(
            checks
                .iter()
                .any(|check| !check.passed && check.evidence.contains("CAP_CHOWN")),
            "{checks:?}"
        );
        Ok(())
    })
}

/// The old files belong to another user, who lets the deployer read them; it may not link what is not its own.
#[test]
fn files_of_another_user_are_kept_and_put_back_so_that_they_can_be_read_again() -> Result<()> {
    let mut world = World::new()?;
    let old = new_certificate();
    world.has(&old)?;
    for name in ["www.crt", "www.key"] {
        fs::set_permissions(world.path(name), fs::Permissions::from_mode(0o644))?;
    }
    fs::set_permissions(world.path(""), fs::Permissions::from_mode(0o777))?;
    // As the files are they cannot stay; that is asked about, and the policy can say otherwise.
    let (mut own, theirs) = (world.target.clone(), rustix::process::geteuid().is_root());
    (own.owner, own.group) = (Some(NOBODY.to_string()), Some(NOBODY.to_string()));
    if theirs {
        let kept = &world;
        unprivileged(async move || {
            let question = asked(kept.try_deploy(&new_certificate()).await)?;
            assert_eq!(question.code.as_str(), "DEP-0006");
            assert!(question.hint.contains("owner, group"), "{}", question.hint);
            Ok(())
        })?;
        world.target = own;
    }
    let world = &world;
    unprivileged(async move || {
        let receipt = world.deploy(&new_certificate()).await?;
        let former = receipt.replaced.clone().context("the former certificate")?;
        assert_eq!(former.leaf, fingerprint(&old));

        world.roll_back(&receipt).await?;

        assert_eq!(world.pair()?, (old.chain_pem.clone(), old.key_pem.clone()));
        assert_eq!(mode(&world.path("www.key"))? & 0o400, 0o400);
        Ok(())
    })
}

//! The way back: what was there before is there again, however often it is asked for and wherever a crash fell.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use domain::certificate::Fingerprint;
use domain::disposition::FurtherAnswer;
use domain::run::Receipt;
use testkit::pki::Identity;
use testkit::wait;

use crate::ended::{asked, failed, tried_again};
use crate::world::{World, deployed, fingerprint, mode, new_certificate, read};

/// A target that served `old`, has `new` now, and counts its reloads.
struct Renewed {
    world: World,
    old: Identity,
    new: Identity,
    receipt: Receipt,
}

async fn renewed() -> Result<Renewed> {
    let mut world = World::new()?;
    let (old, new) = (new_certificate(), new_certificate());
    world.has(&old)?;
    fs::set_permissions(world.path("www.key"), fs::Permissions::from_mode(0o400))?;
    let count = world.path("reloads").display().to_string();
    world.activates_with(&format!("echo reload >> {count}; echo read again"));
    let receipt = world.deploy(&new).await?;
    Ok(Renewed {
        world,
        old,
        new,
        receipt,
    })
}

impl Renewed {
    fn serves_the_old(&self) -> Result<bool> {
        Ok(self.world.pair()? == (self.old.chain_pem.clone(), self.old.key_pem.clone()))
    }

    fn reloads(&self) -> Result<usize> {
        Ok(read(&self.world.path("reloads"))?.lines().count())
    }
}

fn replaced(receipt: &Receipt) -> Option<&Fingerprint> {
    receipt.replaced.as_ref().map(|former| &former.leaf)
}

#[tokio::test]
async fn the_former_pair_is_back_with_its_mode_and_the_server_was_told() -> Result<()> {
    let it = renewed().await?;
    let former = it.receipt.replaced.clone().context("the former certificate")?;
    assert_eq!(former.leaf, fingerprint(&it.old));
    assert!(former.not_after > crate::world::now());

    let back = it.world.roll_back(&it.receipt).await?;

    assert!(it.serves_the_old()?);
    assert_eq!(
        (mode(&it.world.path("www.key"))?, mode(&it.world.path("www.crt"))?),
        (0o400, 0o644)
    );
    assert_eq!(
        (back.leaf, back.reload_output.as_deref()),
        (former.leaf, Some("read again"))
    );
    assert_eq!(it.reloads()?, 2);
    let left_over = it.world.names()?.into_iter().filter(|name| name.ends_with(".tmp"));
    assert_eq!(left_over.count(), 0);
    Ok(())
}

#[tokio::test]
async fn what_is_put_back_belongs_to_its_former_owner() -> Result<()> {
    let mut world = World::new()?;
    let old = new_certificate();
    world.has(&old)?;
    let me = nix::unistd::geteuid();
    // Only root can have files of others; anybody else finds its own owner again.
    let former = if me.is_root() { 65_534 } else { me.as_raw() };
    std::os::unix::fs::chown(world.path("www.key"), Some(former), None)?;
    world.target.owner = Some(me.to_string());

    let receipt = world.deploy(&new_certificate()).await?;
    world.roll_back(&receipt).await?;

    assert_eq!(fs::metadata(world.path("www.key"))?.uid(), former);
    Ok(())
}

#[tokio::test]
async fn a_rollback_that_comes_twice_changes_nothing_and_reloads_again() -> Result<()> {
    let it = renewed().await?;
    let first = it.world.roll_back(&it.receipt).await?;
    let names = it.world.names()?;
    let second = it.world.roll_back(&it.receipt).await?;
    assert_eq!(first, second);
    assert!(it.serves_the_old()? && it.world.names()? == names);
    assert_eq!(it.reloads()?, 3, "the first try may have died before its reload");
    Ok(())
}

#[tokio::test]
async fn a_crash_between_the_two_renames_of_a_rollback_is_healed() -> Result<()> {
    let it = renewed().await?;
    it.world.roll_back(&it.receipt).await?;
    // As if the process had died after the key's rename: the old key beside the new chain.
    fs::remove_file(it.world.path("www.crt"))?;
    fs::write(it.world.path("www.crt"), &it.new.chain_pem)?;

    it.world.roll_back(&it.receipt).await?;

    assert!(it.serves_the_old()?);
    Ok(())
}

/// Whatever an attempt wrote, the receipt says what was there before the run.
#[tokio::test]
async fn a_repetition_reports_the_original_former_and_so_does_a_new_try_after_a_rollback() -> Result<()> {
    let it = renewed().await?;
    let original = fingerprint(&it.old);

    let again = it.world.deploy(&it.new).await?;
    assert!(again.already_there);
    assert_eq!(replaced(&again), Some(&original));

    it.world.roll_back(&again).await?;
    let after = it.world.deploy(&it.new).await?;
    assert!(!after.already_there);
    assert_eq!(replaced(&after), Some(&original));
    it.world.roll_back(&after).await?;
    assert!(it.serves_the_old()?);
    Ok(())
}

/// Killed after the files were in place and before the server had read them: the next delivery finds the files and
/// reloads all the same.
#[tokio::test]
async fn no_reload_is_lost_by_a_crash_after_the_installation() -> Result<()> {
    let mut world = World::new()?;
    let (old, new) = (new_certificate(), new_certificate());
    world.has(&old)?;
    let [begun, healed, done] = ["begun", "healed", "done"].map(|name| world.path(name).display().to_string());
    world.activates_with(&format!(
        "touch {begun}; if [ -e {healed} ]; then echo reload >> {done}; else exec sleep 600; fi"
    ));
    world.key_signer_says(Ok(new.key_pem.clone()));
    let order = world.order(Some(deployed(&new)));
    {
        let first = world.carry_out(&order);
        let reloading = wait::until("the reload to begin", Duration::from_secs(20), async || {
            Path::new(&begun).exists().then_some(())
        });
        // The one that loses is dropped in the middle, as a kill would leave it.
        tokio::select! {
            ended = first => panic!("it cannot have ended: {ended:?}"),
            found = reloading => found?,
        }
    }
    assert!(!Path::new(&done).exists());
    fs::write(&healed, "")?;

    let (receipt, _) = world.carry_out(&order).await.map_err(|e| anyhow::anyhow!("{e:?}"))?;

    assert!(receipt.already_there);
    assert_eq!(replaced(&receipt), Some(&fingerprint(&old)));
    assert_eq!(read(Path::new(&done))?.lines().count(), 1);
    Ok(())
}

#[tokio::test]
async fn what_was_no_certificate_with_its_key_is_kept_but_never_put_back() -> Result<()> {
    let world = World::new()?;
    fs::write(world.path("www.crt"), new_certificate().chain_pem)?;
    fs::write(world.path("www.key"), new_certificate().key_pem)?;

    let receipt = world.deploy(&new_certificate()).await?;

    assert_eq!((receipt.backups.len(), receipt.replaced.as_ref()), (2, None));
    let failure = failed(world.try_roll_back(&receipt).await)?;
    assert_eq!(failure.code.as_str(), "DEP-0001");
    Ok(())
}

#[tokio::test]
async fn a_backup_that_is_gone_or_damaged_is_asked_about_by_its_name() -> Result<()> {
    for damage in [None, Some("garbage".to_owned()), Some(new_certificate().key_pem)] {
        let it = renewed().await?;
        let backup = Path::new(&it.receipt.backups[0]);
        fs::remove_file(backup)?;
        if let Some(content) = &damage {
            fs::write(backup, content)?;
        }

        let question = asked(it.world.try_roll_back(&it.receipt).await)?;

        assert_eq!(question.code.as_str(), "DEP-0010");
        assert!(question.what.contains(&it.receipt.backups[0]), "{}", question.what);
        let installed = format!("in place now is what this run installed, {}", fingerprint(&it.new));
        assert!(question.what.contains(&installed), "{}", question.what);
        let further = [FurtherAnswer::AlreadyInstalled, FurtherAnswer::TakeServed];
        assert_eq!(question.further, further);
        assert_eq!(it.world.chain()?, it.new.chain_pem, "nothing was touched");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_in_place_is_read_anew_each_time_and_the_former_pair_put_there_by_hand_is_enough() -> Result<()> {
    let it = renewed().await?;
    fs::remove_file(Path::new(&it.receipt.backups[0]))?;
    fs::write(it.world.path("www.key"), "no key")?;
    let question = asked(it.world.try_roll_back(&it.receipt).await)?;
    assert!(question.what.contains("of no use to a server"), "{}", question.what);

    let theirs = new_certificate();
    it.world.has(&theirs)?;
    let question = asked(it.world.try_roll_back(&it.receipt).await)?;
    let other = format!("another certificate with its key, {}", fingerprint(&theirs));
    assert!(question.what.contains(&other), "{}", question.what);

    it.world.has(&it.old)?;
    let back = it.world.try_roll_back(&it.receipt).await;
    let back = back.map_err(|e| anyhow::anyhow!("{e:?}"))?;
    assert_eq!(back.leaf, fingerprint(&it.old));
    assert!(it.serves_the_old()?, "its server was told");
    Ok(())
}

#[tokio::test]
async fn a_certificate_that_somebody_else_put_there_since_is_left_alone() -> Result<()> {
    let it = renewed().await?;
    let theirs = new_certificate();
    it.world.has(&theirs)?;

    let question = asked(it.world.try_roll_back(&it.receipt).await)?;

    assert_eq!(question.code.as_str(), "DEP-0011");
    assert!(
        question.what.contains(fingerprint(&theirs).as_str()),
        "{}",
        question.what
    );
    assert_eq!(it.world.chain()?, theirs.chain_pem);
    Ok(())
}

#[tokio::test]
async fn a_hook_that_fails_on_the_way_back_is_tried_again_with_the_former_pair_in_place() -> Result<()> {
    let mut it = renewed().await?;
    it.world.activates_with("echo still broken; exit 3");

    let failure = tried_again(it.world.try_roll_back(&it.receipt).await)?;

    assert_eq!(failure.code.as_str(), "DEP-0014", "the former pair is not to blame");
    assert!(failure.what.contains("still broken"), "{}", failure.what);
    assert!(it.serves_the_old()?);
    Ok(())
}

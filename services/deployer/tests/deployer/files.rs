//! Chain and key in their places: modes, backups, orders that come twice.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use anyhow::{Context, Result};

use crate::world::{BACKUPS, World, fingerprint, inode, mode, new_certificate, read};

#[tokio::test]
async fn chain_and_key_are_written_with_their_modes_and_nothing_else_is_left() -> Result<()> {
    let world = World::new()?;
    let new = new_certificate();

    let receipt = world.deploy(&new).await?;

    assert_eq!(
        (world.chain()?, world.key()?),
        (new.chain_pem.clone(), new.key_pem.clone())
    );
    assert_eq!(mode(&world.path("www.key"))?, 0o640);
    assert_eq!(mode(&world.path("www.crt"))?, 0o644);
    assert_eq!(world.names()?, ["www.crt", "www.key"]);
    assert_eq!(receipt.installed, fingerprint(&new));
    assert!(!receipt.already_there && receipt.backups.is_empty() && receipt.reload_output.is_none());
    Ok(())
}

/// Only root may give files away; anybody else names itself.
#[tokio::test]
async fn both_files_belong_to_the_owner_that_the_target_names() -> Result<()> {
    let mut world = World::new()?;
    let me = nix::unistd::geteuid();
    let owner = if me.is_root() {
        "nobody"
    } else {
        &nix::unistd::User::from_uid(me)?.context("a name")?.name.clone()
    };
    let expected = nix::unistd::User::from_name(owner)?.context("a number")?.uid.as_raw();
    world.target.owner = Some(owner.to_owned());

    world.deploy(&new_certificate()).await?;

    for file in ["www.crt", "www.key"] {
        assert_eq!(fs::metadata(world.path(file))?.uid(), expected, "{file}");
    }
    Ok(())
}

#[tokio::test]
async fn what_was_there_before_is_kept_with_its_mode() -> Result<()> {
    let world = World::new()?;
    let old = new_certificate();
    world.has(&old)?;
    fs::set_permissions(world.path("www.key"), fs::Permissions::from_mode(0o400))?;

    let receipt = world.deploy(&new_certificate()).await?;

    let (key, chain) = (Path::new(&receipt.backups[0]), Path::new(&receipt.backups[1]));
    assert_eq!((read(chain)?, read(key)?), (old.chain_pem, old.key_pem));
    assert_eq!(mode(key)?, 0o400);
    let name = format!("{BACKUPS}/www.key.vigilo-{}.bak", world.run);
    assert_eq!(key, world.path(&name));
    assert_eq!(mode(&world.path(BACKUPS))?, 0o700, "nobody else reads old keys");
    Ok(())
}

#[tokio::test]
async fn only_the_newest_backups_stay_and_files_of_others_are_left_alone() -> Result<()> {
    let mut world = World::keeping(2)?;
    for foreign in ["www.crt.bak", "www.crt.vigilo-mine.bak", "other.crt.vigilo-x.tmp"] {
        fs::write(world.path(foreign), "not ours")?;
    }
    let mut runs = Vec::new();
    for _ in 0..5 {
        world.next_run();
        runs.push(world.run);
        world.deploy(&new_certificate()).await?;
    }

    let of_others = [
        "other.crt.vigilo-x.tmp",
        "www.crt",
        "www.crt.bak",
        "www.crt.vigilo-mine.bak",
        "www.key",
    ];
    assert_eq!(world.names()?, of_others);
    // The first run found nothing to keep.
    let of = |file: &'static str| runs[3..].iter().map(move |run| format!("{file}.vigilo-{run}.bak"));
    let mut expected: Vec<String> = of("www.crt").chain(of("www.key")).collect();
    expected.sort();
    assert_eq!(world.backups()?, expected);
    Ok(())
}

#[tokio::test]
async fn a_temporary_file_of_a_killed_process_is_swept_once_it_is_old() -> Result<()> {
    let world = World::new()?;
    let (old, young) = (
        world.path(".www.key.vigilo-00.tmp"),
        world.path(".www.key.vigilo-01.tmp"),
    );
    for (path, age) in [(&old, 7200), (&young, 60)] {
        let written = std::time::SystemTime::from(crate::world::now().get()) - std::time::Duration::from_secs(age);
        fs::File::create(path)?.set_modified(written)?;
    }

    world.deploy(&new_certificate()).await?;

    assert!(!old.exists() && young.exists());
    Ok(())
}

#[tokio::test]
async fn an_order_that_comes_twice_touches_nothing_but_reloads_again() -> Result<()> {
    let mut world = World::new()?;
    let count = world.path("reloads").display().to_string();
    world.activates_with(&format!("echo reload >> {count}"));
    world.deploy(&new_certificate()).await?;
    world.next_run();
    let new = new_certificate();

    let first = world.deploy(&new).await?;
    let files = (inode(&world.target.chain_path)?, inode(&world.target.key_path)?);
    let opened = world.keys_opened();
    let second = world.deploy(&new).await?;

    assert!(
        !first.already_there && second.already_there,
        "the repetition must be known as one"
    );
    assert_eq!(
        files,
        (inode(&world.target.chain_path)?, inode(&world.target.key_path)?),
        "no file is replaced"
    );
    assert_eq!(first.backups, second.backups, "the receipt still says how to roll back");
    assert_eq!(
        world.keys_opened(),
        opened,
        "the key stays sealed when nothing is to be written"
    );
    assert_eq!(
        read(Path::new(&count))?.lines().count(),
        3,
        "the first try may have died before its reload"
    );
    Ok(())
}

#[tokio::test]
async fn a_crash_between_the_two_renames_is_healed_by_the_next_delivery() -> Result<()> {
    let mut world = World::new()?;
    let old = new_certificate();
    world.deploy(&old).await?;
    world.next_run();
    let new = new_certificate();
    world.deploy(&new).await?;
    // As if the process had died after the key's rename: the new key beside the old chain.
    fs::write(world.path("www.crt"), &old.chain_pem)?;

    let receipt = world.deploy(&new).await?;

    assert!(!receipt.already_there);
    assert_eq!(
        (world.chain()?, world.key()?),
        (new.chain_pem.clone(), new.key_pem.clone())
    );
    assert_eq!(
        read(Path::new(&receipt.backups[0]))?,
        old.key_pem,
        "the first backup is never overwritten"
    );
    assert_eq!(read(Path::new(&receipt.backups[1]))?, old.chain_pem);
    Ok(())
}

#[tokio::test]
async fn a_right_leaf_with_a_wrong_chain_is_replaced() -> Result<()> {
    let world = World::new()?;
    let (new, other) = (new_certificate(), new_certificate());
    world.deploy(&new).await?;
    fs::write(world.path("www.crt"), format!("{}{}", new.chain_pem, other.chain_pem))?;

    assert!(!world.deploy(&new).await?.already_there);
    assert_eq!(world.chain()?, new.chain_pem);
    Ok(())
}

#[tokio::test]
async fn a_link_stays_a_link_and_its_file_is_replaced() -> Result<()> {
    let world = World::new()?;
    fs::create_dir(world.path("real"))?;
    fs::write(world.path("real/chain.pem"), new_certificate().chain_pem)?;
    symlink(world.path("real/chain.pem"), world.path("www.crt"))?;
    let new = new_certificate();

    world.deploy(&new).await?;

    assert!(fs::symlink_metadata(world.path("www.crt"))?.is_symlink());
    assert_eq!(read(&world.path("real/chain.pem"))?, new.chain_pem);
    Ok(())
}

#[tokio::test]
async fn a_rehearsal_proves_what_an_installation_needs_and_leaves_nothing() -> Result<()> {
    let mut world = World::new()?;
    world.activates_with("echo must not run > /dev/null; exit 1");
    world.target.owner = Some(nix::unistd::geteuid().to_string());

    let rehearsal = world.rehearse().await?;

    assert!(
        rehearsal.checks.iter().all(|check| check.passed || check.advisory),
        "{:?}",
        rehearsal.checks
    );
    let counted = rehearsal.checks.iter().filter(|check| !check.advisory);
    assert_eq!(counted.count(), 10);
    assert!(world.names()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_rehearsal_says_what_could_be_put_back() -> Result<()> {
    let world = World::new()?;
    let hint = async || -> Result<_> {
        let checks = world.rehearse().await?.checks;
        checks.into_iter().find(|check| check.advisory).context("a hint")
    };
    assert!(!hint().await?.passed, "nothing is there yet");

    let old = new_certificate();
    world.has(&old)?;
    let can = hint().await?;
    assert!(
        can.passed && can.evidence.contains(fingerprint(&old).as_str()),
        "{can:?}"
    );

    fs::write(world.path("www.key"), new_certificate().key_pem)?;
    let cannot = hint().await?;
    assert!(
        !cannot.passed && cannot.evidence.contains("does not belong"),
        "{cannot:?}"
    );
    Ok(())
}

#[tokio::test]
async fn the_backup_of_the_run_itself_stays_whatever_came_after() -> Result<()> {
    let mut world = World::keeping(1)?;
    let old = new_certificate();
    world.has(&old)?;
    let early = world.run;
    let first = world.deploy(&new_certificate()).await?;
    for _ in 0..2 {
        world.next_run();
        world.deploy(&new_certificate()).await?;
    }
    assert!(!Path::new(&first.backups[0]).exists(), "only the newest is kept");

    // A failed run that goes on after others came.
    let before = world.pair()?;
    world.run = early;
    let again = world.deploy(&new_certificate()).await?;
    world.roll_back(&again).await?;
    assert_eq!(world.pair()?, before);
    Ok(())
}

#[tokio::test]
async fn a_rehearsal_shows_every_fault_at_once() -> Result<()> {
    let mut world = World::new()?;
    world.target.chain_path = world.path("missing/www.crt").display().to_string();
    world.activates_by("no-such-program");

    let checks = world.rehearse().await?.checks;

    let crosses: Vec<&str> = checks
        .iter()
        .filter(|check| !check.passed)
        .map(|check| check.name.as_str())
        .collect();
    assert_eq!(
        crosses,
        ["the directory of the chain exists", "the activation can be run"]
    );
    assert!(
        checks[1].evidence.contains("missing does not exist"),
        "{}",
        checks[1].evidence
    );
    Ok(())
}

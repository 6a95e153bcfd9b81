//! How files look that are replaced: owner, group, mode and access list, which stay unless the policy says otherwise.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use domain::run::Check;
use domain::target::AccessList;
use rustix::fs::{XattrFlags, fgetxattr, fsetxattr};
use testkit::pki::Identity;

use crate::world::{World, evidence, mode, new_certificate};

const ACL: &str = "system.posix_acl_access";
/// acl(5) version 2: owner rw-, user 33 r--, group r--, mask r--, others ---.
const USER_33_READS: [u8; 44] = [
    2, 0, 0, 0, //
    1, 0, 6, 0, 255, 255, 255, 255, //
    2, 0, 4, 0, 33, 0, 0, 0, //
    4, 0, 4, 0, 255, 255, 255, 255, //
    16, 0, 4, 0, 255, 255, 255, 255, //
    32, 0, 0, 0, 255, 255, 255, 255,
];

fn acl(path: &Path) -> Option<Vec<u8>> {
    let (file, mut list) = (File::open(path).ok()?, vec![0; 1024]);
    let length = fgetxattr(&file, ACL, list.as_mut_slice()).ok()?;
    list.truncate(length);
    Some(list)
}

/// Root may have files of others; anybody else has its own.
fn somebody() -> u32 {
    let me = nix::unistd::geteuid();
    if me.is_root() { 65_534 } else { me.as_raw() }
}

/// As distributions have it: a key for a group, with a list for one more, and a chain that is not for everybody.
fn guarded(world: &World) -> Result<Identity> {
    let old = new_certificate();
    world.has(&old)?;
    let (key, chain) = (world.path("www.key"), world.path("www.crt"));
    for file in [&key, &chain] {
        chown(file, Some(somebody()), Some(somebody()).filter(|id| *id == 65_534))?;
    }
    fs::set_permissions(&chain, Permissions::from_mode(0o600))?;
    fs::set_permissions(&key, Permissions::from_mode(0o640))?;
    fsetxattr(File::open(&key)?, ACL, &USER_33_READS, XattrFlags::empty())?;
    Ok(old)
}

#[tokio::test]
async fn owner_group_mode_and_access_list_stay_when_the_policy_says_nothing() -> Result<()> {
    let mut world = World::new()?;
    world.target.key_mode = None;
    guarded(&world)?;
    let (key, chain) = (world.path("www.key"), world.path("www.crt"));
    let before = [&key, &chain].map(|file| {
        fs::metadata(file)
            .map(|about| (about.uid(), about.gid(), about.mode()))
            .ok()
    });

    let checks = world.rehearse().await?.checks;
    let said = evidence(&checks, "the key can be written")?;
    ensure!(
        said.contains("mode 0640 and the access list that it has, as it is now"),
        "{said}"
    );
    let new = new_certificate();
    let (_, checks) = world.try_deploy(&new).await.map_err(|e| anyhow::anyhow!("{e:?}"))?;

    assert_eq!(world.pair()?, (new.chain_pem.clone(), new.key_pem.clone()));
    let after = [&key, &chain].map(|file| {
        fs::metadata(file)
            .map(|about| (about.uid(), about.gid(), about.mode()))
            .ok()
    });
    assert_eq!(before, after);
    assert_eq!(acl(&key).context("its list")?, USER_33_READS);
    assert_eq!(acl(&chain), None);
    ensure!(
        checks.iter().all(|check| check.name != "owner, group and mode"),
        "nothing has changed: {checks:?}"
    );
    Ok(())
}

#[tokio::test]
async fn what_the_policy_makes_different_is_shown_by_rehearsal_and_run() -> Result<()> {
    let mut world = World::new()?;
    world.target.key_mode = Some("0600".to_owned());
    guarded(&world)?;

    let rehearsed = world.rehearse().await?.checks;
    let (_, run) = world
        .try_deploy(&new_certificate())
        .await
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;

    let change = "mode 0640 becomes 0600, as the policy says";
    for (checks, name) in [(&rehearsed, "the key can be written"), (&run, "owner, group and mode")] {
        let said = evidence(checks, name)?;
        ensure!(said.contains(change) && said.contains("www.key"), "{name}: {said}");
    }
    assert_eq!(mode(&world.path("www.key"))?, 0o600);
    assert_eq!(mode(&world.path("www.crt"))?, 0o600, "the chain keeps what it has");
    Ok(())
}

#[tokio::test]
async fn the_policys_word_on_the_chain_and_the_lists_is_carried_out_and_shown() -> Result<()> {
    let mut world = World::new()?;
    world.target.key_mode = None;
    world.target.chain_mode = Some("0644".to_owned());
    world.target.access_list = AccessList::Drop;
    guarded(&world)?;
    let (key, chain) = (world.path("www.key"), world.path("www.crt"));

    let rehearsed = world.rehearse().await?.checks;
    let (receipt, run) = world
        .try_deploy(&new_certificate())
        .await
        .map_err(|e| anyhow::anyhow!("{e:?}"))?;

    for change in ["mode 0600 becomes 0644", "its access list goes"] {
        let shown = |checks: &[Check], names: &[&str]| {
            let of_names = checks.iter().filter(|check| names.contains(&check.name.as_str()));
            of_names
                .map(|check| check.evidence.clone())
                .collect::<Vec<_>>()
                .join("; ")
        };
        let before = shown(&rehearsed, &["the key can be written", "the chain can be written"]);
        let after = shown(&run, &["owner, group and mode"]);
        ensure!(before.contains(change) && after.contains(change), "{before} / {after}");
    }
    assert_eq!((mode(&chain)?, mode(&key)?), (0o644, 0o640));
    assert_eq!((acl(&chain), acl(&key)), (None, None));

    world.roll_back(&receipt).await?;
    assert_eq!((mode(&chain)?, acl(&key).as_deref()), (0o600, Some(&USER_33_READS[..])));
    Ok(())
}

/// The bits of a file with a list show its mask in place of what its group may do.
#[tokio::test]
async fn a_group_that_could_not_read_cannot_read_when_the_list_goes() -> Result<()> {
    let mut world = World::new()?;
    world.target.key_mode = None;
    world.target.access_list = AccessList::Drop;
    guarded(&world)?;
    let (key, mut list) = (world.path("www.key"), USER_33_READS);
    let of_the_group = 4 + 2 * 8 + 2;
    list[of_the_group] = 0;
    fsetxattr(File::open(&key)?, ACL, &list, XattrFlags::empty())?;
    assert_eq!(mode(&key)?, 0o640);

    world.deploy(&new_certificate()).await?;

    assert_eq!((mode(&key)?, acl(&key)), (0o600, None));
    Ok(())
}

/// A directory hands its list down to files that are new.
#[tokio::test]
async fn new_files_have_the_list_of_their_directory_unless_the_policy_says_otherwise() -> Result<()> {
    for (said, has_one) in [(AccessList::Keep, true), (AccessList::Drop, false)] {
        let mut world = World::new()?;
        world.target.access_list = said;
        fsetxattr(
            File::open(world.path(""))?,
            "system.posix_acl_default",
            &USER_33_READS,
            XattrFlags::empty(),
        )?;
        world.deploy(&new_certificate()).await?;
        assert_eq!(acl(&world.path("www.key")).is_some(), has_one, "{said:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_put_back_has_its_rights_again() -> Result<()> {
    let mut world = World::new()?;
    world.target.key_mode = Some("0600".to_owned());
    guarded(&world)?;
    let receipt = world.deploy(&new_certificate()).await?;

    world.roll_back(&receipt).await?;

    let key = world.path("www.key");
    assert_eq!((mode(&key)?, fs::metadata(&key)?.uid()), (0o640, somebody()));
    assert_eq!(acl(&key).context("its list")?, USER_33_READS);
    Ok(())
}

/// A directory may hand a list down to what is made in it; a file without one stays without.
#[tokio::test]
async fn a_file_without_a_list_gets_none_from_its_directory() -> Result<()> {
    let world = World::new()?;
    world.has(&new_certificate())?;
    fsetxattr(
        File::open(world.path(""))?,
        "system.posix_acl_default",
        &USER_33_READS,
        XattrFlags::empty(),
    )?;

    world.deploy(&new_certificate()).await?;

    assert_eq!((acl(&world.path("www.key")), acl(&world.path("www.crt"))), (None, None));
    Ok(())
}

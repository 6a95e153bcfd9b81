//! A server that refuses the new pair gets back what it had, at once; who is to blame is said
//! truly.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use deployer::allowed::Commands;
use domain::run::Left;
use testkit::pki::Identity;

use crate::ended::{asked, failed, left, tried_again};
use crate::world::{BACKUPS, World, deployed, fingerprint, mode, new_certificate, now, read, shell};

/// A target that serves `old`. Its server notes which chain it is told of, and takes none but the
/// listed ones.
struct Picky {
    world: World,
    old: Identity,
    new: Identity,
}

impl Picky {
    fn new() -> Result<Self> {
        let mut world = World::new()?;
        let (old, new) = (new_certificate(), new_certificate());
        world.has(&old)?;
        let script = format!(
            "cd {} && cat www.crt >> seen && for taken in taken-*; do cmp -s www.crt $taken && exit 0; done; \
             echo 'SSL_CTX_use_PrivateKey failed' >&2; exit 1",
            world.path("").display()
        );
        world.activates_with(&script);
        Ok(Self { world, old, new })
    }

    fn takes(&self, which: &Identity) -> Result<()> {
        let name = format!("taken-{}", fingerprint(which));
        Ok(fs::write(self.world.path(&name), &which.chain_pem)?)
    }

    fn has_the_old(&self) -> Result<bool> {
        Ok(self.world.pair()? == (self.old.chain_pem.clone(), self.old.key_pem.clone()))
    }

    /// What the server was told of, in order.
    fn told(&self) -> Result<String> {
        read(&self.world.path("seen"))
    }
}

#[tokio::test]
async fn what_the_server_refuses_is_put_back_with_its_key_and_activated_again() -> Result<()> {
    let it = Picky::new()?;
    it.takes(&it.old)?;
    fs::set_permissions(it.world.path("www.key"), fs::Permissions::from_mode(0o400))?;

    let ended = it.world.try_deploy(&it.new).await;

    assert_eq!(it.told()?, format!("{}{}", it.new.chain_pem, it.old.chain_pem));
    assert!(it.has_the_old()? && mode(&it.world.path("www.key"))? == 0o400);
    let failure = tried_again(ended)?;
    assert_eq!(failure.code.as_str(), "DEP-0007");
    for words in [
        "SSL_CTX_use_PrivateKey failed",
        "the server refused the new pair",
        "what was there before is in place again, and the server has taken it",
    ] {
        assert!(failure.what.contains(words), "{}", failure.what);
    }
    // Mended, the next try installs it.
    it.takes(&it.new)?;
    let receipt = it.world.deploy(&it.new).await?;
    assert!(!receipt.already_there && it.world.pair()? == (it.new.chain_pem.clone(), it.new.key_pem.clone()));
    assert_eq!(receipt.replaced.context("the former")?.leaf, fingerprint(&it.old));
    Ok(())
}

#[tokio::test]
async fn what_is_refused_without_the_new_pair_too_was_broken_before() -> Result<()> {
    let it = Picky::new()?;
    let ended = it.world.try_deploy(&it.new).await;
    assert!(it.has_the_old()?);
    let failure = tried_again(ended)?;
    assert_eq!(failure.code.as_str(), "DEP-0014");
    assert!(
        failure
            .what
            .contains("It was broken before this run, and the new pair is not to blame"),
        "{}",
        failure.what
    );
    Ok(())
}

#[tokio::test]
async fn what_had_nothing_before_has_nothing_again() -> Result<()> {
    let mut world = World::new()?;
    world.activates_with("exit 1");
    let ended = world.try_deploy(&new_certificate()).await;
    assert_eq!(left(ended)?, Some(Left::Former));
    assert!(world.names()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn of_a_chain_without_its_key_the_chain_is_back_and_the_key_is_gone() -> Result<()> {
    let mut world = World::new()?;
    let old = new_certificate();
    fs::write(world.path("www.crt"), &old.chain_pem)?;
    world.activates_with("exit 1");
    tried_again(world.try_deploy(&new_certificate()).await)?;
    assert_eq!(world.chain()?, old.chain_pem);
    assert!(!world.path("www.key").exists());
    Ok(())
}

/// The process died after the files were in place: the next delivery finds them, is refused, and
/// puts back all the same.
#[tokio::test]
async fn a_crash_before_the_refusal_loses_no_way_back() -> Result<()> {
    let mut world = World::new()?;
    let (old, new) = (new_certificate(), new_certificate());
    world.has(&old)?;
    world.activates_within("exec sleep 600", 1);
    let Some(Left::New { receipt }) = left(world.try_deploy(&new).await)? else {
        panic!("the new pair is in place")
    };
    assert_eq!(receipt.installed, fingerprint(&new));

    world.activates_with("exit 1");
    let ended = world.try_deploy(&new).await;
    assert_eq!(left(ended)?, Some(Left::Former));
    assert_eq!(world.pair()?, (old.chain_pem, old.key_pem));
    Ok(())
}

#[tokio::test]
async fn a_timeout_is_no_refusal_and_says_what_is_in_place() -> Result<()> {
    let mut world = World::new()?;
    let (old, new) = (new_certificate(), new_certificate());
    world.has(&old)?;
    world.activates_within("exec sleep 600", 1);
    let failure = tried_again(world.try_deploy(&new).await)?;
    assert_eq!(failure.code.as_str(), "DEP-0008");
    assert!(failure.what.contains("a timeout is no refusal"), "{}", failure.what);
    says_what_stays(&failure.what, &world, &new);
    assert_eq!(world.pair()?, (new.chain_pem, new.key_pem));
    Ok(())
}

/// The leaf, both files, and both backups by their real paths.
fn says_what_stays(what: &str, world: &World, new: &Identity) {
    let mut wanted = vec![
        fingerprint(new).to_string(),
        world.target.chain_path.clone(),
        world.target.key_path.clone(),
    ];
    for file in ["www.crt", "www.key"] {
        let backup = world.path(&format!("{BACKUPS}/{file}.vigilo-{}.bak", world.run));
        assert!(backup.exists());
        wanted.push(backup.display().to_string());
    }
    for words in wanted {
        assert!(what.contains(&words), "{words}: {what}");
    }
}

#[tokio::test]
async fn a_pair_that_expires_after_its_activation_hung_is_named_as_what_stays() -> Result<()> {
    let mut world = World::new()?;
    let (old, new) = (new_certificate(), new_certificate());
    world.has(&old)?;
    world.activates_within("exec sleep 600", 1);
    tried_again(world.try_deploy(&new).await)?;

    let late = now().plus(Duration::from_secs(50 * 365 * 86_400));
    let ended = world.carry_out_at(late, &world.order(Some(deployed(&new)))).await;
    let failure = failed(ended)?;

    assert_eq!(failure.code.as_str(), "DEP-0012");
    assert!(!failure.hint.contains("nothing was touched"), "{}", failure.hint);
    says_what_stays(&failure.what, &world, &new);
    assert_eq!(world.pair()?, (new.chain_pem, new.key_pem));
    Ok(())
}

#[tokio::test]
async fn what_is_broken_already_is_found_by_the_servers_test_before_anything_is_touched() -> Result<()> {
    let mut world = World::new()?;
    let old = new_certificate();
    world.has(&old)?;
    let told = world.path("told").display().to_string();
    world.activates_with_test(&format!("echo told >> {told}"), "echo 'line 3: no events'; exit 2");
    let before = world.names()?;

    let ended = world.try_deploy(&new_certificate()).await;

    assert_eq!((world.pair()?, world.names()?), ((old.chain_pem, old.key_pem), before));
    assert!(!Path::new(&told).exists());
    let failure = tried_again(ended)?;
    assert_eq!(failure.code.as_str(), "DEP-0014");
    assert!(
        failure.what.contains("line 3: no events") && failure.what.contains("nothing was touched"),
        "{}",
        failure.what
    );
    let cross = world
        .rehearse()
        .await?
        .checks
        .into_iter()
        .find(|check| !check.passed && !check.advisory);
    let cross = cross.context("the rehearsal shows it")?;
    assert!(cross.evidence.contains("line 3: no events"), "{}", cross.evidence);
    Ok(())
}

/// As nginx -t does: the new pair fails the test, and the running server is told nothing of it.
#[tokio::test]
async fn what_fails_the_test_is_never_told_to_the_server() -> Result<()> {
    let mut world = World::new()?;
    let old = new_certificate();
    world.has(&old)?;
    fs::write(world.path("good"), &old.chain_pem)?;
    let at = world.path("").display().to_string();
    world.activates_with_test(
        &format!("cat {at}/www.crt >> {at}/seen"),
        &format!("cmp -s {at}/www.crt {at}/good"),
    );
    let failure = tried_again(world.try_deploy(&new_certificate()).await)?;
    assert_eq!(failure.code.as_str(), "DEP-0007");
    assert_eq!(read(&world.path("seen"))?, old.chain_pem, "told of the former only");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_put_back_is_asked_about_at_once_and_named() -> Result<()> {
    let mut world = World::new()?;
    world.has(&new_certificate())?;
    let theirs = new_certificate();
    fs::write(world.path("theirs.crt"), &theirs.chain_pem)?;
    let at = world.path("").display().to_string();
    // While the server refuses, another process puts another certificate there.
    world.activates_with(&format!("cp {at}/theirs.crt {at}/www.crt; exit 1"));

    let ended = world.try_deploy(&new_certificate()).await;
    let question = asked(ended)?;

    assert_eq!(question.code.as_str(), "DEP-0015");
    assert!(
        question.what.contains("still in place")
            && question.what.contains(&world.target.key_path)
            && question.what.contains(fingerprint(&theirs).as_str()),
        "{}",
        question.what
    );
    Ok(())
}

#[tokio::test]
async fn a_pair_that_was_there_before_the_run_is_not_taken_away() -> Result<()> {
    let mut world = World::new()?;
    let new = new_certificate();
    world.has(&new)?;
    world.activates_with("exit 1");
    let failure = tried_again(world.try_deploy(&new).await)?;
    assert_eq!(failure.code.as_str(), "DEP-0014");
    assert!(failure.what.contains("in place before this run"), "{}", failure.what);
    assert_eq!(world.pair()?, (new.chain_pem, new.key_pem));
    Ok(())
}

/// Two hosts of one server at the same moment, one of them with a pair that the server cannot use.
#[tokio::test]
async fn only_the_pair_that_is_to_blame_is_put_back() -> Result<()> {
    let mut world = World::new()?;
    let (bad, good, old) = (new_certificate(), new_certificate(), new_certificate());
    for name in ["bad", "good"] {
        fs::write(world.path(&format!("{name}.crt")), &old.chain_pem)?;
        fs::write(world.path(&format!("{name}.key")), &old.key_pem)?;
    }
    fs::write(world.path("never"), &bad.chain_pem)?;
    let at = world.path("").display().to_string();
    // Slow enough that both orders are there before it ends, whichever comes first.
    let script = format!("sleep 0.3; cmp -s {at}/bad.crt {at}/never && exit 1; exit 0");
    world.allow(
        "server",
        Commands {
            command: shell(&script),
            test: Vec::new(),
        },
    );
    world.target.activate = Some("server".to_owned());

    let (of_bad, of_good) = world.deploy_both([("bad", &bad), ("good", &good)]).await;

    let failure = tried_again(of_bad)?;
    assert_eq!(failure.code.as_str(), "DEP-0007", "{}", failure.what);
    of_good.map_err(|error| anyhow::anyhow!("the good one was refused too: {error:?}"))?;
    assert_eq!(read(&world.path("bad.crt"))?, old.chain_pem);
    assert_eq!(read(&world.path("good.crt"))?, good.chain_pem);
    Ok(())
}

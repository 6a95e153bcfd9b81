//! What a deployment must never do to a machine: lose keys, links, files of others, or the way back.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bus::SystemClock;
use domain::clock::Clock;

use crate::ended::asked;
use crate::world::{BACKUPS, World, deployed, evidence, fingerprint, inode, new_certificate, read};

#[tokio::test]
async fn a_chain_never_takes_the_place_of_a_key_nor_a_key_that_of_a_certificate() -> Result<()> {
    let old = new_certificate();
    let combined = format!("{}{}", old.key_pem, old.chain_pem);
    let cases = [
        ("www.crt", old.key_pem.as_str(), "holds a private key"),
        ("www.crt", combined.as_str(), "holds a private key"),
        ("www.crt", "127.0.0.1 localhost\n", "holds no certificate in PEM"),
        ("www.key", old.chain_pem.as_str(), "holds a certificate"),
        ("www.key", combined.as_str(), "holds a certificate"),
        ("www.key", "root:x:0:0::/root:/bin/sh\n", "holds no private key in PEM"),
    ];
    for (name, content, words) in cases {
        let world = World::new()?;
        fs::write(world.path(name), content)?;

        let unready = world.unready().await.context(words)?;
        let question = asked(world.try_deploy(&new_certificate()).await)?;
        let rehearsed = world.rehearse().await?.checks;

        for said in [&question, &unready] {
            assert_eq!(said.code.as_str(), "DEP-0005");
            ensure!(said.what.contains(words), "{name}: {}", said.what);
        }
        ensure!(
            evidence(&rehearsed, "what is there may be replaced")?.contains(words),
            "{rehearsed:?}"
        );
        ensure!(rehearsed.iter().any(|check| !check.passed && !check.advisory));
        assert_eq!(read(&world.path(name))?, content);
        assert_eq!(world.names()?, [name], "nothing was touched");
    }
    Ok(())
}

#[tokio::test]
async fn place_holders_may_be_replaced() -> Result<()> {
    let world = World::new()?;
    for name in ["www.crt", "www.key"] {
        fs::write(world.path(name), "\n")?;
    }
    let new = new_certificate();
    world.deploy(&new).await?;
    assert_eq!(world.pair()?, (new.chain_pem, new.key_pem));
    Ok(())
}

/// Its server has the key somewhere else: the chain alone is what served, and it can be put back.
#[tokio::test]
async fn a_chain_whose_key_is_elsewhere_is_put_back_and_the_new_key_removed() -> Result<()> {
    let world = World::new()?;
    let old = new_certificate();
    fs::write(world.path("www.crt"), &old.chain_pem)?;

    let receipt = world.deploy(&new_certificate()).await?;

    let former = receipt.replaced.clone().context("a way back")?;
    assert_eq!((former.leaf, receipt.backups.len()), (fingerprint(&old), 1));
    // As after a crash between the two renames: the answer stays, whatever the first attempt wrote.
    let again = world.deploy(&new_certificate()).await?;
    assert_eq!(again.replaced, receipt.replaced);
    for _ in 0..2 {
        world.roll_back(&again).await?;
        assert_eq!(world.names()?, ["www.crt"]);
        assert_eq!(world.chain()?, old.chain_pem);
    }
    Ok(())
}

#[tokio::test]
async fn a_link_that_leads_to_nothing_yet_stays_a_link() -> Result<()> {
    let world = World::new()?;
    fs::create_dir(world.path("real"))?;
    symlink("real/chain.pem", world.path("second"))?;
    symlink(world.path("second"), world.path("www.crt"))?;
    let new = new_certificate();

    world.deploy(&new).await?;

    for link in ["www.crt", "second"] {
        ensure!(fs::symlink_metadata(world.path(link))?.is_symlink(), "{link}");
    }
    assert_eq!(read(&world.path("real/chain.pem"))?, new.chain_pem);

    fs::remove_file(world.path("www.crt"))?;
    symlink(world.path("missing/chain.pem"), world.path("www.crt"))?;
    let question = asked(world.try_deploy(&new_certificate()).await)?;
    ensure!(question.what.contains("missing does not exist"), "{}", question.what);

    fs::remove_file(world.path("www.crt"))?;
    symlink(world.path("www.crt"), world.path("www.crt"))?;
    ensure!(world.try_deploy(&new_certificate()).await.is_err(), "a circle");
    Ok(())
}

/// Neither memory nor a thread is lost to what a path leads to.
#[tokio::test]
async fn devices_pipes_and_huge_files_are_named_and_not_read() -> Result<()> {
    let world = World::new()?;
    let chain = world.path("www.crt");
    let seen = async |words: &str| -> Result<()> {
        let question = world.unready().await.with_context(|| words.to_owned())?;
        ensure!(question.what.contains(words), "{}", question.what);
        let question = asked(world.try_deploy(&new_certificate()).await)?;
        ensure!(question.what.contains(words), "{}", question.what);
        let checks = world.rehearse().await?.checks;
        ensure!(
            evidence(&checks, "the chain can be written")?.contains(words),
            "{checks:?}"
        );
        Ok(())
    };

    File::create(&chain)?.set_len(64 << 30)?;
    seen("68719476736 bytes: it is no certificate").await?;

    fs::remove_file(&chain)?;
    let made = Command::new("mkfifo").arg(&chain).status()?;
    ensure!(made.success());
    seen("is a pipe, not a file").await?;

    let mut world = World::new()?;
    world.allow_only(&["/".into()]);
    symlink("/dev/zero", world.path("www.crt"))?;
    let question = asked(world.try_deploy(&new_certificate()).await)?;
    ensure!(question.what.contains("/dev/zero is a device"), "{}", question.what);
    Ok(())
}

#[tokio::test]
async fn the_file_in_place_is_the_same_one_after_a_rehearsal() -> Result<()> {
    let world = World::new()?;
    let old = new_certificate();
    world.has(&old)?;
    let files = || -> Result<_> { Ok((inode(&world.target.chain_path)?, inode(&world.target.key_path)?)) };
    let before = files()?;

    let checks = world.rehearse().await?.checks;

    ensure!(checks.iter().all(|check| check.passed || check.advisory), "{checks:?}");
    assert_eq!((files()?, world.pair()?), (before, (old.chain_pem, old.key_pem)));
    assert_eq!(world.names()?, ["www.crt", "www.key"]);
    Ok(())
}

/// As `docker run -v /host/www.crt:/tls/www.crt` has it. In a mount namespace of its own, so that nothing stays mounted.
#[test]
fn a_file_that_is_mounted_by_itself_is_found_by_the_rehearsal_and_before_issuing() -> Result<()> {
    let own = if nix::unistd::geteuid().is_root() { "-m" } else { "-rm" };
    let directory = tempfile::tempdir()?;
    let (test, inner) = (std::env::current_exe()?, "harm::inside_the_container");
    let script = "mount --bind \"$0/outside.crt\" \"$0/www.crt\" && exec \"$1\" --exact \"$2\" --ignored --nocapture";
    let old = new_certificate();
    fs::write(directory.path().join("outside.crt"), &old.chain_pem)?;
    fs::write(directory.path().join("www.crt"), &old.chain_pem)?;
    fs::write(directory.path().join("www.key"), &old.key_pem)?;

    let ran = Command::new("unshare")
        .args([own, "sh", "-c", script])
        .args([directory.path().as_os_str(), test.as_os_str(), inner.as_ref()])
        .env("MOUNTED_IN", directory.path())
        .output()?;

    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success() && said.contains("1 passed"), "{said}");
    Ok(())
}

#[tokio::test]
#[ignore = "run by the test above, in a namespace where its file is mounted"]
#[expect(
    clippy::disallowed_methods,
    reason = "the helper of a test is told by its environment what to do"
)]
async fn inside_the_container() -> Result<()> {
    let directory = std::env::var("MOUNTED_IN").context("where it is mounted")?;
    let mut world = World::new()?;
    world.target.chain_path = format!("{directory}/www.crt");
    world.target.key_path = format!("{directory}/www.key");
    world.allow_only(&[directory.clone().into()]);
    let words = "is a mount of its own";

    let checks = world.rehearse().await?.checks;
    let cross = checks
        .iter()
        .find(|check| !check.passed && !check.advisory)
        .context("a cross")?;
    assert_eq!(cross.name, "the chain can be written");
    ensure!(cross.evidence.contains(words), "{cross:?}");
    ensure!(
        cross.evidence.contains(&format!("mount its directory {directory}")),
        "{cross:?}"
    );
    ensure!(
        world
            .unready()
            .await
            .context("it is known before")?
            .what
            .contains(words)
    );
    let question = asked(world.try_deploy(&new_certificate()).await)?;
    assert_eq!(question.code.as_str(), "DEP-0005");
    ensure!(
        question.what.contains(words) && question.hint.contains("mount its directory"),
        "{question:?}"
    );
    Ok(())
}

#[tokio::test]
async fn two_hosts_with_one_pair_of_files_are_told_and_the_first_keeps_it() -> Result<()> {
    let mut world = World::new()?;
    let first = new_certificate();
    world.deploy(&first).await?;
    let target = world.target.clone();

    // The same files by another way: only the machine can know that.
    symlink(world.path(""), world.path("alias"))?;
    world.target.chain_path = world.path("alias/www.crt").display().to_string();
    world.target.key_path = world.path("alias/www.key").display().to_string();
    world.hostname = "shop.example.test".to_owned();
    let other = testkit::pki::about_to_expire("shop.example.test")?;
    world.next_run();

    let unready = world.unready().await.context("it is known before")?;
    let question = asked(world.try_deploy(&other).await)?;
    let rehearsed = world.rehearse().await?.checks;

    for said in [&question, &unready] {
        assert_eq!(said.code.as_str(), "DEP-0020");
        ensure!(said.what.contains("the policy of www.example.test"), "{}", said.what);
        ensure!(said.hint.contains(BACKUPS), "{}", said.hint);
    }
    let said = evidence(&rehearsed, "no other policy puts its certificate there")?;
    ensure!(said.contains("www.example.test"), "{said}");
    assert_eq!(world.pair()?, (first.chain_pem, first.key_pem));

    // The first one goes on as ever.
    (world.target, world.hostname) = (target, "www.example.test".to_owned());
    world.next_run();
    world.deploy(&new_certificate()).await?;
    Ok(())
}

/// Both names in one policy is the way out, and so is a certificate that is of no use any more.
#[tokio::test]
async fn who_takes_the_names_along_or_finds_an_expired_certificate_may_take_over() -> Result<()> {
    let mut world = World::new()?;
    world.deploy(&new_certificate()).await?;
    world.hostname = "shop.example.test".to_owned();
    world.next_run();
    // It has the name of the first host as well.
    world.deploy(&new_certificate()).await?;

    world.hostname = "third.example.test".to_owned();
    world.next_run();
    let third = testkit::pki::about_to_expire("third.example.test")?;
    asked(world.try_deploy(&third).await)?;
    fs::remove_file(world.path("www.crt"))?;
    world.deploy(&third).await?;
    Ok(())
}

#[tokio::test]
async fn a_clean_chain_and_the_usual_form_of_the_key_are_written_whatever_came() -> Result<()> {
    let world = World::new()?;
    let new = new_certificate();
    let mut order = deployed(&new);
    order.chain_pem = format!("subject=CN=www\r\n{}\r\n\r\n", new.chain_pem.replace('\n', "\r\n"));
    world.key_signer_says(Ok(format!("Bag Attributes\r\n{}", new.key_pem.replace('\n', "\r\n"))));

    let done = world.carry_out(&world.order(Some(order))).await;
    done.map_err(|e| anyhow::anyhow!("{e:?}"))?;

    assert_eq!(world.pair()?, (new.chain_pem, new.key_pem));
    Ok(())
}

#[tokio::test]
async fn backups_go_with_their_age() -> Result<()> {
    let mut world = World::new()?;
    world.has(&new_certificate())?;
    world.deploy(&new_certificate()).await?;
    assert_eq!(world.backups()?.len(), 2);

    world.next_run();
    // The clock of the machine says when they were made.
    let after_its_age = SystemClock.now().plus(Duration::from_secs(31 * 86_400));
    let late = testkit::pki::local_server()?.identity;
    world.key_signer_says(Ok(late.key_pem.clone()));
    world.hostname = "localhost.example.test".to_owned();
    fs::remove_file(world.path("www.crt"))?;
    let done = world
        .carry_out_at(after_its_age, &world.order(Some(deployed(&late))))
        .await;
    done.map_err(|e| anyhow::anyhow!("{e:?}"))?;

    let own = world.run.to_string();
    ensure!(
        world.backups()?.iter().all(|name| name.contains(&own)),
        "{:?}",
        world.backups()?
    );
    Ok(())
}

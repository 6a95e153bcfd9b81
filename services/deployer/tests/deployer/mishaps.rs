//! What cannot be installed: nothing is touched, and the words say what to do.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use deployer::keys::KeyError;
use domain::disposition::Disposition;

use crate::ended::{asked, failed};
use crate::world::{World, deployed, new_certificate, now};

#[tokio::test]
async fn a_key_that_is_not_the_leafs_is_refused_before_anything_is_touched() -> Result<()> {
    let world = World::new()?;
    fs::write(world.path("www.crt"), "old chain")?;
    world.key_signer_says(Ok(new_certificate().key_pem));

    let failure = failed(world.carry_out(&world.order(Some(deployed(&new_certificate())))).await)?;

    assert_eq!(failure.code.as_str(), "DEP-0002");
    assert!(
        failure.what.contains("does not belong to the certificate"),
        "{}",
        failure.what
    );
    assert_eq!(
        (world.names()?, world.chain()?),
        (vec!["www.crt".to_owned()], "old chain".to_owned())
    );
    Ok(())
}

#[tokio::test]
async fn an_order_without_certificate_or_key_or_with_another_leaf_fails() -> Result<()> {
    let world = World::new()?;
    let mut keyless = deployed(&new_certificate());
    keyless.sealed_key = None;
    let mut confused = deployed(&new_certificate());
    confused.leaf = deployed(&new_certificate()).leaf;
    let mut garbage = deployed(&new_certificate());
    garbage.chain_pem = "garbage".to_owned();
    for certificate in [None, Some(keyless), Some(confused), Some(garbage)] {
        let failure = failed(world.carry_out(&world.order(certificate)).await)?;
        assert_eq!(failure.code.as_str(), "DEP-0001", "{}", failure.what);
    }
    assert!(world.names()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_certificate_that_has_expired_meanwhile_is_put_nowhere() -> Result<()> {
    let world = World::new()?;
    let new = new_certificate();
    world.key_signer_says(Ok(new.key_pem.clone()));
    let in_fifty_years = now().plus(Duration::from_secs(50 * 365 * 86_400));
    let late = world
        .carry_out_at(in_fifty_years, &world.order(Some(deployed(&new))))
        .await;
    let failure = failed(late)?;
    assert_eq!(failure.code.as_str(), "DEP-0012");
    assert!(failure.what.contains("expired at"), "{}", failure.what);
    assert!(world.names()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_key_signer_that_is_away_is_waited_for_and_one_that_refuses_is_asked_about() -> Result<()> {
    let world = World::new()?;
    let order = world.order(Some(deployed(&new_certificate())));

    world.key_signer_says(Err(KeyError::Unavailable {
        reason: "nobody answers".to_owned(),
    }));
    let away = world.carry_out(&order).await.expect_err("no key").disposition;
    let Disposition::RetryAt(at, failure) = away else {
        panic!("{away:?}")
    };
    assert!(at > now() && failure.code.as_str() == "DEP-0004");

    world.key_signer_says(Err(KeyError::Denied {
        reason: "another workspace's envelope".to_owned(),
    }));
    let question = asked(world.carry_out(&order).await)?;
    assert_eq!(question.code.as_str(), "DEP-0003");
    assert!(question.what.contains("another workspace's envelope"));
    Ok(())
}

#[tokio::test]
async fn a_directory_that_is_missing_is_named_and_not_made() -> Result<()> {
    let mut world = World::new()?;
    world.target.key_path = world.path("missing/www.key").display().to_string();

    let question = asked(world.try_deploy(&new_certificate()).await)?;

    assert_eq!(question.code.as_str(), "DEP-0005");
    let directory = world.path("missing").display().to_string();
    assert!(
        question
            .what
            .contains(&format!("the directory {directory} does not exist")),
        "{}",
        question.what
    );
    assert!(world.names()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_path_below_a_file_is_named() -> Result<()> {
    let mut world = World::new()?;
    let file = world.path("a-file");
    fs::write(&file, "a file")?;
    world.target.key_path = file.join("www.key").display().to_string();

    let question = asked(world.try_deploy(&new_certificate()).await)?;

    assert_eq!(question.code.as_str(), "DEP-0005");
    let words = format!("{} lies below something", world.target.key_path);
    assert!(question.what.contains(&words), "{}", question.what);
    assert_eq!(world.names()?, ["a-file"]);
    Ok(())
}

#[tokio::test]
async fn a_path_that_is_a_directory_is_refused() -> Result<()> {
    let world = World::new()?;
    fs::create_dir(world.path("www.crt"))?;
    let question = asked(world.try_deploy(&new_certificate()).await)?;
    assert!(
        question.what.ends_with("is a directory, not a file"),
        "{}",
        question.what
    );
    Ok(())
}

#[tokio::test]
async fn an_owner_that_nobody_knows_is_named_and_nothing_is_touched() -> Result<()> {
    let mut world = World::new()?;
    world.target.owner = Some("no-such-user".to_owned());
    let question = asked(world.try_deploy(&new_certificate()).await)?;
    assert_eq!(question.what, "owner: this machine knows no \"no-such-user\"");
    assert!(world.names()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn without_allowed_roots_nothing_is_written_anywhere() -> Result<()> {
    let mut world = World::new()?;
    world.allow_only(&[]);
    let question = asked(world.try_deploy(&new_certificate()).await)?;
    assert_eq!(question.code.as_str(), "DEP-0013");
    let line = format!("allowed_roots = [{:?}]", world.path("").canonicalize()?);
    assert!(question.hint.contains(&line), "{}", question.hint);
    assert!(world.names()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn no_path_leads_out_of_the_allowed_directories() -> Result<()> {
    let mut world = World::new()?;
    fs::create_dir(world.path("allowed"))?;
    fs::create_dir(world.path("outside"))?;
    std::os::unix::fs::symlink(world.path("outside"), world.path("allowed/link"))?;
    world.allow_only(&[world.path("allowed")]);
    world.target.chain_path = world.path("allowed/www.crt").display().to_string();

    for way_out in ["outside/www.key", "allowed/../outside/www.key", "allowed/link/www.key"] {
        world.target.key_path = world.path(way_out).display().to_string();
        let question = asked(world.try_deploy(&new_certificate()).await)?;
        assert_eq!(question.code.as_str(), "DEP-0013");
        assert!(
            question
                .what
                .contains("outside the directories that this deployer may write"),
            "{}",
            question.what
        );
        let [allowed, outside] = ["allowed", "outside"].map(|name| world.path(name).display().to_string());
        let line = format!("allowed_roots = [{allowed:?},{outside:?}]");
        assert!(question.hint.contains(&line), "{}", question.hint);
        assert!(
            question.hint.contains(&format!("--allow-root {outside})")),
            "{}",
            question.hint
        );
    }
    assert_eq!(fs::read_dir(world.path("outside"))?.count(), 0);

    world.target.key_path = world.path("allowed/www.key").display().to_string();
    world.deploy(&new_certificate()).await?;
    Ok(())
}

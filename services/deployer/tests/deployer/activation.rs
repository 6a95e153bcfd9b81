//! The commands of an activation: what they may see, what is shown of it, and how it is stopped.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::ended::{asked, tried_again};
use crate::world::{World, new_certificate, read, shell};

#[tokio::test]
async fn what_the_command_prints_on_both_streams_is_in_the_receipt_in_order() -> Result<()> {
    let mut world = World::new()?;
    world.activates_with("echo first; echo second >&2; printf 'third\\033[31m'");
    let receipt = world.deploy(&new_certificate()).await?;
    assert_eq!(receipt.reload_output.as_deref(), Some("first\nsecond\nthird"));
    Ok(())
}

#[tokio::test]
async fn the_command_sees_no_environment_of_ours() -> Result<()> {
    let mut world = World::new()?;
    world.activates_with("env | cut -d= -f1 | grep -v -e PWD -e SHLVL -e '^_$' | sort | tr '\\n' ' '");
    let receipt = world.deploy(&new_certificate()).await?;
    assert_eq!(receipt.reload_output.as_deref(), Some("HOME LANG PATH"));
    Ok(())
}

#[tokio::test]
async fn a_failing_command_is_run_again_and_its_own_output_is_told() -> Result<()> {
    let mut world = World::new()?;
    world.activates_with("echo 'nginx: unknown directive in line 7' >&2; exit 3");
    let new = new_certificate();

    let failure = tried_again(world.try_deploy(&new).await)?;

    assert_eq!(
        failure.code.as_str(),
        "DEP-0014",
        "it fails with and without the new pair"
    );
    assert!(failure.what.contains("exit code 3"), "{}", failure.what);
    assert!(
        failure
            .what
            .contains("the activation's own output: nginx: unknown directive in line 7")
    );
    // The next try: the pair is installed again, and the hook, mended, is run again.
    world.activates_with("echo fine");
    let resumed = world.deploy(&new).await?;
    assert!(!resumed.already_there && resumed.reload_output.as_deref() == Some("fine"));
    Ok(())
}

#[tokio::test]
async fn a_hanging_command_is_killed_with_its_children_and_the_failure_names_the_timeout() -> Result<()> {
    let mut world = World::new()?;
    world.activates_within("sleep 600 & echo child $!; wait", 1);

    let failure = tried_again(world.try_deploy(&new_certificate()).await)?;

    assert_eq!(failure.code.as_str(), "DEP-0008");
    assert!(
        failure.what.contains("did not end within 1 s (its timeout)"),
        "{}",
        failure.what
    );
    let child = failure
        .what
        .rsplit_once("child ")
        .context("the output so far is shown")?
        .1
        .trim()
        .to_owned();
    let gone = async || {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).ok();
        stat.is_none_or(|stat| stat.contains(") Z ")).then_some(())
    };
    testkit::wait::until("the child of the command to die", Duration::from_secs(5), gone).await
}

#[tokio::test]
async fn a_daemon_that_keeps_our_pipe_is_not_waited_for_and_not_killed() -> Result<()> {
    let mut world = World::new()?;
    world.activates_with("sleep 20 & echo $!");
    let daemon = world
        .deploy(&new_certificate())
        .await?
        .reload_output
        .context("its number")?;
    let stat = read(Path::new(&format!("/proc/{daemon}/stat")))?;
    let pid = rustix::process::Pid::from_raw(daemon.parse()?).context("a process")?;
    rustix::process::kill_process(pid, rustix::process::Signal::KILL)?;
    assert!(!stat.contains(") Z "), "{stat}");
    Ok(())
}

#[tokio::test]
async fn only_the_end_of_a_long_output_is_kept() -> Result<()> {
    let mut world = World::new()?;
    world.activates_with("head -c 100000 /dev/zero | tr '\\0' x; echo; echo the end");
    let output = world
        .deploy(&new_certificate())
        .await?
        .reload_output
        .context("an output")?;
    assert!(
        output.len() <= 4096 + "… ".len() && output.ends_with("x\nthe end"),
        "{} bytes",
        output.len()
    );
    Ok(())
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_found_before_any_file_is_touched() -> Result<()> {
    let mut world = World::new()?;
    let plain = world.path("plain-file").display().to_string();
    std::fs::write(&plain, "no program")?;
    std::fs::set_permissions(&plain, Permissions::from_mode(0o644))?;
    for program in ["no-such-program", plain.as_str(), "/no/such/program"] {
        world.activates_by(program);
        let question = asked(world.try_deploy(&new_certificate()).await)?;
        assert_eq!(question.code.as_str(), "DEP-0005");
        assert!(question.what.contains(program), "{}", question.what);
    }
    assert_eq!(world.names()?, ["plain-file"]);
    Ok(())
}

#[tokio::test]
async fn a_file_that_may_be_run_but_is_no_program_is_asked_about_and_what_was_there_is_back() -> Result<()> {
    let mut world = World::new()?;
    let garbage = world.path("garbage").display().to_string();
    std::fs::write(&garbage, [0_u8; 64])?;
    std::fs::set_permissions(&garbage, Permissions::from_mode(0o755))?;
    world.activates_by(&garbage);
    let question = asked(world.try_deploy(&new_certificate()).await)?;
    assert_eq!(question.code.as_str(), "DEP-0005");
    assert!(question.what.contains("could not be started"), "{}", question.what);
    assert!(question.what.contains("is in place again"), "{}", question.what);
    assert_eq!(world.names()?, ["garbage"], "there was nothing before");
    Ok(())
}

/// The first order starts the command at once; the others come while it runs, and one more run serves them all.
#[tokio::test]
async fn orders_of_one_moment_share_one_run_that_started_after_their_files_were_there() -> Result<()> {
    use deployer::allowed::Commands;
    use deployer::targets::activation::Activations;
    let world = World::new()?;
    let count = world.path("reloads").display().to_string();
    let commands = Commands {
        command: shell(&format!("echo run >> {count}; sleep 0.05; echo done")),
        test: Vec::new(),
    };
    let activations = Activations::default();

    let outcomes = futures::future::join_all((0..20).map(|_| {
        let activation = activations.of(commands.clone(), 20);
        async move { activation.ensure().await }
    }))
    .await;

    assert!(outcomes.iter().all(|outcome| outcome.as_deref() == Ok("done")));
    assert_eq!(read(Path::new(&count))?.lines().count(), 2);
    // A later order is not served by a run of the past.
    activations.of(commands, 20).ensure().await?;
    assert_eq!(read(Path::new(&count))?.lines().count(), 3);
    Ok(())
}

/// The cheapest thing that can be wrong is known before a certificate is ordered.
#[tokio::test]
async fn an_activation_that_cannot_be_carried_out_is_known_before_an_order() -> Result<()> {
    let mut world = World::new()?;
    assert!(world.unready().await.is_none(), "nothing is wrong");
    world.activates_by("/usr/sbin/no-such-server");
    let question = world.unready().await.context("the program is missing")?;
    assert!(question.what.contains("/usr/sbin/no-such-server"), "{}", question.what);
    assert!(
        question.what.contains("no certificate has been ordered yet"),
        "{}",
        question.what
    );
    world.target.activate = Some("nobody-allowed-it".to_owned());
    let question = world.unready().await.context("the name is not known")?;
    assert!(question.what.contains("nobody-allowed-it"), "{}", question.what);
    Ok(())
}

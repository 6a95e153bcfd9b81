//! What a wrong command line or configuration is answered with: the key or thing by name, and the exit code that
//! `--help` promises. Nothing is started.

use std::process::{Command, Output};

fn vigilo(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigilo"));
    command.args(args).env_clear().envs(variables.iter().copied());
    command
        .current_dir(std::env::temp_dir())
        .output()
        .expect("the binary runs")
}

fn refused(args: &[&str], variables: &[(&str, &str)], code: i32) -> String {
    let output = vigilo(args, variables);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    said
}

#[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
fn file(name: &str, text: &str) -> String {
    let path = std::env::temp_dir().join(format!("vigilo-{}-{name}", uuid::Uuid::now_v7()));
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}

#[test]
fn an_unknown_key_is_named_with_its_origin() {
    let said = refused(&["issuer"], &[("VIGILO_SLOTZ", "3")], 64);
    assert!(said.contains("VIGILO_SLOTZ") && said.contains("slots"), "{said}");
    let config = file("issuer.toml", "slots = 3\nslotz = 4\n");
    let said = refused(&["issuer", "--config", &config], &[], 64);
    assert!(said.contains("\"slotz\"") && said.contains("issuer.toml"), "{said}");
    std::fs::remove_file(config).expect("removed");
}

#[test]
fn every_service_refuses_what_it_does_not_know() {
    for service in [
        "planner",
        "issuer",
        "key-signer",
        "deployer",
        "verifier",
        "incident",
        "console",
    ] {
        let said = refused(&[service], &[("VIGILO_NO_SUCH_KEY", "1")], 64);
        assert!(
            said.contains("VIGILO_NO_SUCH_KEY") || said.contains("no_such_key"),
            "{service}: {said}"
        );
    }
}

#[test]
fn a_value_out_of_range_is_a_bad_configuration_too() {
    let said = refused(&["deployer"], &[("VIGILO_SLOTS", "0")], 64);
    assert!(said.contains("slots: 0"), "{said}");
}

#[test]
fn a_taken_health_port_names_its_key() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = taken.local_addr().expect("an address").to_string();
    let said = refused(&["deployer", "--health-listen", &at], &[], 64);
    assert!(said.contains(&format!("health_listen {at}")), "{said}");
}

#[test]
fn a_wrong_log_filter_is_said_aloud() {
    let said = refused(&["deployer"], &[("VIGILO_LOG", "deployer=loud")], 64);
    assert!(said.contains("VIGILO_LOG=deployer=loud"), "{said}");
}

#[test]
fn a_config_file_that_is_not_there_is_named() {
    let said = refused(&["verifier", "--config", "/nowhere/verifier.toml"], &[], 64);
    assert!(said.contains("/nowhere/verifier.toml"), "{said}");
}

#[test]
fn wrong_usage_is_2() {
    let said = refused(&["renew"], &[], 2);
    assert!(said.contains("HOSTS") || said.contains("--all"), "{said}");
    refused(&["renew", "--all", "www.example.org"], &[], 2);
    refused(&["host", "add", "www.example.org", "--criticality", "extreme"], &[], 2);
    refused(&["runs", "--status", "finished"], &[], 2);
    refused(&["renew", "www.example.org", "--live", "--dry-run"], &[], 2);
    let said = refused(&["policy", "add", "www.example.org"], &[], 2);
    assert!(said.contains("--target-file"), "{said}");
    let said = refused(&["policy", "set", "www.example.org"], &[("VIGILO_TOKEN", "any")], 65);
    assert!(said.contains("nothing is to be changed"), "{said}");
    refused(&["no-such-command"], &[], 2);
}

#[test]
fn a_command_in_a_policy_is_refused_with_the_activation_that_is_right() {
    let add = |flag: &str, value: &str| {
        let args = [
            "policy",
            "add",
            "www.example.org",
            "--target-file",
            "chain=/t/a,key=/t/b",
            flag,
            value,
        ];
        refused(&args, &[("VIGILO_TOKEN", "any")], 65)
    };
    let said = add("--reload", "nginx -s reload");
    assert!(said.contains("use --activate nginx"), "{said}");
    for text in [
        "nginx -t && nginx -s reload",
        "sh -c 'nginx -s reload'",
        "cat a | tee b",
    ] {
        for flag in ["--reload", "--activate"] {
            let said = add(flag, text);
            assert!(
                said.contains("[workspaces.<workspace>.activations.<name>]"),
                "{flag} {text}: {said}"
            );
        }
    }
    assert!(add("--activate", "systemctl reload apache2").contains("give \"apache\""));
    let said = refused(
        &["policy", "set", "www.example.org", "--reload", "doveadm reload"],
        &[("VIGILO_TOKEN", "any")],
        65,
    );
    assert!(said.contains("use --activate dovecot"), "{said}");
}

#[test]
fn which_runs_are_meant_must_be_said() {
    for verb in ["resume", "retry", "cancel"] {
        refused(&[verb], &[], 2);
        refused(&[verb, "--all", "an-id"], &[], 2);
        refused(&[verb, "an-id", "--code", "ISS-0007"], &[], 2);
    }
    refused(&["resolve", "an-id"], &[], 2);
    let no_file = ["resolve", "an-id", "--token", "x", "--chain", "/nowhere/chain.pem"];
    assert!(refused(&no_file, &[], 65).contains("/nowhere/chain.pem"));
}

#[test]
fn a_code_is_explained_without_any_server() {
    let page = vigilo(&["explain", "iss-0007"], &[]);
    let text = String::from_utf8_lossy(&page.stdout).into_owned();
    assert!(
        page.status.success() && text.contains("# ISS-0007") && text.contains("What you can do"),
        "{text}"
    );
    let all = vigilo(&["explain"], &[]);
    assert!(String::from_utf8_lossy(&all.stdout).contains("DEP-0007  the activation failed"));
    assert!(refused(&["explain", "ISS-9999"], &[], 65).contains("vigilo explain"));
}

#[test]
fn an_api_that_is_not_there_is_69() {
    let said = refused(
        &["host", "list", "--url", "http://127.0.0.1:1", "--token", "x"],
        &[],
        69,
    );
    assert!(said.contains("127.0.0.1:1") && said.contains("vigilo up"), "{said}");
}

#[test]
fn a_missing_token_says_where_it_is_looked_for() {
    let said = refused(&["runs"], &[], 65);
    assert!(said.contains("VIGILO_TOKEN") && said.contains("owner.token"), "{said}");
}

#[test]
fn a_wrong_target_names_the_flag() {
    let add = [
        "policy",
        "add",
        "www.example.org",
        "--token",
        "x",
        "--target-file",
        "chain=/a,colour=red",
    ];
    let said = refused(&add, &[], 65);
    assert!(said.contains("--target-file") && said.contains("colour=red"), "{said}");
}

#[test]
fn help_states_the_exit_codes() {
    let help = vigilo(&["--help"], &[]);
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    for code in ["0 ", "1 ", "2 ", "64 ", "65 ", "69 ", "75 "] {
        assert!(
            text.lines().any(|line| line.trim_start().starts_with(code)),
            "{code} is not in {text}"
        );
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
fn nonsense_for_up_is_refused_before_anything_is_made() {
    let directory = std::env::temp_dir().join(format!("vigilo-{}", uuid::Uuid::now_v7()));
    let data = directory.display().to_string();
    let up = |more: &[&str], variables: &[(&str, &str)], code| {
        refused(&[&["up", "--data-dir", &data], more].concat(), variables, code)
    };
    assert!(up(&["--api-listen", "here"], &[], 2).contains("--api-listen"));
    assert!(up(&["--http01-listen", "80"], &[], 2).contains("--http01-listen"));
    assert!(up(&["--config", "/nowhere.toml"], &[], 64).contains("/nowhere.toml"));
    assert!(up(&["--database-url-file", "/nowhere"], &[], 64).contains("--database-url-file /nowhere"));
    assert!(up(&[], &[("VIGILO_NATS_URL_FILE", "/nowhere")], 64).contains("--nats-url-file /nowhere"));
    assert!(!directory.exists());
}

#[test]
fn a_data_directory_that_cannot_be_written_is_64() {
    let said = refused(&["up", "--data-dir", "/proc/vigilo"], &[], 64);
    assert!(
        said.contains("--data-dir /proc/vigilo") && said.contains("cannot be made"),
        "{said}"
    );
    let said = refused(&["up", "--data-dir", "/proc/self/fd"], &[], 64);
    assert!(said.contains("--data-dir"), "{said}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
fn an_engine_that_cannot_be_reached_is_69() {
    let keys = std::env::temp_dir().join(format!("vigilo-{}-keys", uuid::Uuid::now_v7()));
    let keys = keys.display().to_string();
    let made = vigilo(&["nats-config", "--secrets", &keys, "--make-secrets"], &[]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (signing, signers) = (format!("{keys}/planner.key"), format!("{keys}/signers"));
    let nowhere = [
        ("VIGILO_DATABASE_URL", "postgres://x:hush@127.0.0.1:1/x"),
        ("VIGILO_NATS__URL", "nats://127.0.0.1:1"),
        ("VIGILO_NATS__SIGNING_KEY_FILE", &signing),
        ("VIGILO_NATS__SIGNERS_FILE", &signers),
    ];
    let said = refused(&["planner"], &nowhere, 69);
    assert!(!said.contains("hush"), "{said}");
    std::fs::remove_dir_all(keys).expect("removed");
}

#[test]
fn a_token_may_stand_in_a_file() {
    let said = refused(&["runs", "--token-file", "/nowhere/token"], &[], 65);
    assert!(said.contains("--token-file /nowhere/token"), "{said}");
    let token = file("token", "hush\n");
    let said = refused(
        &["runs", "--url", "http://127.0.0.1:1", "--token-file", &token],
        &[],
        69,
    );
    assert!(!said.contains("hush"), "{said}");
    std::fs::remove_file(token).expect("removed");
}

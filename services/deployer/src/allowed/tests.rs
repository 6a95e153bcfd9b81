use super::*;

fn target(json: serde_json::Value) -> FileTarget {
    let mut all = serde_json::json!({"chain_path": "/t/a.crt", "key_path": "/t/a.key"});
    for (field, value) in json.as_object().into_iter().flatten() {
        all[field] = value.clone();
    }
    serde_json::from_value(all).expect("a target")
}

fn named(name: &str) -> FileTarget {
    target(serde_json::json!({"activate": name}))
}

fn with_command(words: &[&str]) -> FileTarget {
    target(serde_json::json!({"reload": {"command": words, "timeout_seconds": 7}}))
}

fn workspace(name: &str) -> WorkspaceId {
    name.parse().expect("a workspace")
}

fn edge() -> Commands {
    Commands {
        command: vec!["/opt/edge".to_owned(), "now".to_owned()],
        test: Vec::new(),
    }
}

/// `default` has an activation of its own and another nginx; `other` has nothing.
fn allowed() -> Allowed {
    let nginx = Commands {
        command: vec!["/opt/nginx".to_owned()],
        test: Vec::new(),
    };
    let activations = BTreeMap::from([("edge".to_owned(), edge()), ("nginx".to_owned(), nginx)]);
    let own = OfWorkspace {
        allowed_roots: None,
        activations,
    };
    let presets: Vec<String> = PRESETS.map(str::to_owned).to_vec();
    Allowed::read(&[], &presets, &BTreeMap::from([("default".to_owned(), own)])).expect("a configuration")
}

fn remedy(refused: Result<Option<Commands>, TargetError>) -> String {
    match refused {
        Err(TargetError::NotAllowed { remedy, .. }) => remedy,
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

#[test]
fn a_name_stands_for_the_commands_of_its_workspace_and_else_of_the_preset() {
    let (allowed, default, other) = (allowed(), workspace("default"), workspace("other"));
    let commands = |workspace, name| {
        allowed
            .commands(workspace, &named(name))
            .expect(name)
            .expect(name)
            .command
    };
    assert_eq!(commands(&default, "edge"), ["/opt/edge", "now"]);
    assert_eq!(commands(&default, "nginx"), ["/opt/nginx"]);
    assert_eq!(commands(&other, "nginx"), ["nginx", "-s", "reload"]);
    assert_eq!(allowed.commands(&default, &target(serde_json::json!({}))), Ok(None));
}

#[test]
fn one_workspaces_activation_is_not_anothers() {
    let refused = remedy(allowed().commands(&workspace("other"), &named("edge")));
    assert!(
        refused.contains("workspaces.other.activations.edge.command = "),
        "{refused}"
    );
    assert!(refused.contains("nginx, apache"), "{refused}");
}

#[test]
fn without_presets_their_names_are_unknown() {
    let none = Allowed::read(&[], &[], &BTreeMap::new()).expect("a configuration");
    remedy(none.commands(&workspace("default"), &named("nginx")));
    remedy(none.commands(&workspace("default"), &with_command(&["nginx", "-s", "reload"])));
}

#[test]
fn a_command_of_an_old_policy_runs_only_when_an_activation_has_that_very_command() {
    let (allowed, default) = (allowed(), workspace("default"));
    assert_eq!(
        allowed.commands(&default, &with_command(&["/opt/edge", "now"])),
        Ok(Some(edge()))
    );
    let preset = allowed.commands(&default, &with_command(&["nginx", "-s", "reload"]));
    assert_eq!(preset.expect("the preset").expect("commands").test, ["nginx", "-t"]);
    let earlier = allowed.commands(&default, &with_command(&["systemctl", "reload", "haproxy"]));
    assert_eq!(
        earlier.expect("the preset").expect("commands").command,
        ["service", "haproxy", "reload"]
    );
    for other in [
        &["/opt/edge"][..],
        &["/opt/edge", "now", "x"],
        &["sh", "-c", "/opt/edge now"],
    ] {
        remedy(allowed.commands(&default, &with_command(other)));
    }
}

/// What is printed is what a person adds.
#[test]
fn the_line_of_a_refusal_is_a_configuration_that_allows_it() {
    let default = workspace("default");
    for command in [
        &["systemctl", "reload", "nginx"][..],
        &["sh", "-c", "cp \"$a\" b && echo 'x'"],
        &["/opt/hook.sh"],
    ] {
        let target = with_command(command);
        let said = remedy(allowed().commands(&default, &target));
        let from = said.find("workspaces.").expect("a line");
        let to = said.find(" (vigilo up").expect("its end");
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("deployer.toml");
        std::fs::write(
            &file,
            format!("{}\n[nats]\nurl = \"nats://localhost\"\n", &said[from..to]),
        )
        .expect("written");
        let config: crate::Config = chassis::config::read(Some(&file)).expect("what was printed is a configuration");
        let found = config
            .check()
            .expect("it is usable")
            .commands(&default, &target)
            .expect("it is allowed now");
        assert_eq!(found.expect("commands").command, command);
        // The flag of one machine, as a shell reads it, has the same words.
        let flag = said.split("--allow-activation ").nth(1);
        let flag = flag.and_then(|rest| rest.split("), and give").next()).expect("a flag");
        let echo = std::process::Command::new("sh")
            .args(["-c", &format!("printf %s {flag}")])
            .output();
        let typed = String::from_utf8(echo.expect("a shell").stdout).expect("a text");
        let (_, words) = typed.split_once('=').expect("a name");
        assert_eq!(words::command(words).expect("words"), command);
    }
}

#[test]
fn directories_of_a_workspace_stand_in_place_of_the_deployers_own() {
    let (all, own) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("another"));
    let of_a = OfWorkspace {
        allowed_roots: Some(vec![own.path().to_owned()]),
        activations: BTreeMap::new(),
    };
    let workspaces = BTreeMap::from([("a".to_owned(), of_a)]);
    let allowed = Allowed::read(&[all.path().to_owned()], &[], &workspaces).expect("a configuration");
    let canonical = |path: &Path| path.canonicalize().expect("a directory");
    assert_eq!(allowed.roots(&workspace("a"))[..], [canonical(own.path())]);
    assert_eq!(allowed.roots(&workspace("b"))[..], [canonical(all.path())]);
    assert!(!allowed.has_no_roots());
}

//! `vigilo nats-config`: the accounts of a fleet's NATS and their users, each with the rights of
//! its rows of the topology and no more.
//!
//! In: a directory with one password per user, and the keys of those who sign. Out: an `accounts`
//! block for nats-server on stdout; the file `signers` of public keys for the configuration of the
//! services. Never: a running server, and no password outside of that directory and the block.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use bus::accounts::{self, Door, Kind};
use bus::permissions::User;
use bus::signing::{Signer, Trusted};
use clap::Args;
use domain::WorkspaceId;

use crate::up::data_dir::made_secret;

/// `EX_CONFIG`
const EXIT_CONFIG: u8 = 64;

#[derive(Args)]
pub struct NatsConfigArgs {
    /// Directory with one file per user, named like the user, that holds its password; and
    /// planner.key and key-signer.key, with which these two sign what they say
    #[arg(long)]
    secrets: PathBuf,
    /// A workspace whose other systems get a user `ws-<name>`; may be repeated
    #[arg(long = "workspace", default_value = "default")]
    workspaces: Vec<WorkspaceId>,
    /// Only the keys of those who sign, and the line to add to the configuration of the services:
    /// where all share one NATS user
    #[arg(long)]
    only_signers: bool,
    /// Make a password for every user that has none yet, and the keys of those who sign
    #[arg(long)]
    make_secrets: bool,
}

pub fn run(args: &NatsConfigArgs) -> ExitCode {
    match config(args) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("vigilo: {error:#}");
            ExitCode::from(EXIT_CONFIG)
        }
    }
}

fn config(args: &NatsConfigArgs) -> Result<String> {
    let mut fleet = Vec::new();
    let signers = written_signers(args)?;
    if args.only_signers {
        return Ok(format!("signers = {signers:?}\n"));
    }
    for user in User::services() {
        fleet.push(entry(&user, &password(args, &user)?));
    }
    let mut workspaces = Vec::new();
    for workspace in &args.workspaces {
        let user = User::Workspace(workspace.clone());
        workspaces.push((workspace.clone(), entry(&user, &password(args, &user)?)));
    }
    let dir = args.secrets.display();
    Ok(format!(
        "# What the services believe; under [nats] in their configuration, in place of the file {dir}/signers:\n\
         # signers = {signers:?}\n{}{}",
        guarded(&workspaces),
        accounts_block(&fleet, &workspaces)
    ))
}

/// What more than one workspace asks for: who adds a host there may have no address of the inner
/// network looked at.
fn guarded(workspaces: &[(WorkspaceId, String)]) -> &'static str {
    if workspaces.len() < 2 {
        return "";
    }
    "# There is more than one workspace: in the configuration of issuer and verifier\n# deny_private = true\n"
}

/// The public keys of those who sign, also written to the file that the services read. The previous
/// or the next key stays in there until a person takes it out.
fn written_signers(args: &NatsConfigArgs) -> Result<Vec<String>> {
    if args.make_secrets {
        std::fs::create_dir_all(&args.secrets).with_context(|| format!("--secrets {}", args.secrets.display()))?;
    }
    let file = args.secrets.join("signers");
    let mut lines: Vec<String> = match std::fs::read_to_string(&file) {
        Ok(text) => text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(str::to_owned)
            .collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => bail!("--secrets: {} cannot be read ({error})", file.display()),
    };
    let before = lines.len();
    for line in Signer::lines_in(&args.secrets, args.make_secrets).map_err(Error::msg)? {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    Trusted::read(lines.iter().map(String::as_str).filter(|line| !line.starts_with('#')))
        .map_err(|why| anyhow!("--secrets: {}: {why}", file.display()))?;
    if lines.len() > before {
        std::fs::write(&file, format!("{}\n", lines.join("\n")))
            .with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(lines)
}

/// The account of the services with these users, and one for each workspace with its own.
pub fn accounts_block(fleet: &[String], workspaces: &[(WorkspaceId, String)]) -> String {
    accounts_with("", fleet, workspaces)
}

/// Beside further accounts, as nats-server reads them: it takes one block of all.
pub fn accounts_with(further: &str, fleet: &[String], workspaces: &[(WorkspaceId, String)]) -> String {
    let exports: String = workspaces.iter().map(|(workspace, _)| exports(workspace)).collect();
    let walled: String = workspaces
        .iter()
        .map(|(workspace, user)| walled(workspace, user))
        .collect();
    let (name, users) = (accounts::FLEET, fleet.concat());
    format!(
        "accounts {{\n{further}  {name} {{\n    jetstream: enabled\n    users = [\n{users}    ]\n    exports = [\n{exports}    ]\n  \
         }}\n{walled}}}\n"
    )
}

fn exports(workspace: &WorkspaceId) -> String {
    let to = accounts::of(workspace);
    let line = |door: Door| {
        let (kind, answers) = match door.kind {
            Kind::Heard => ("stream", ""),
            Kind::Asked => ("service", ""),
            Kind::Fetched => ("service", "response: stream, "),
        };
        format!("      {{ {kind}: {:?}, {answers}accounts: [{to:?}] }}\n", door.subject)
    };
    accounts::doors(workspace).into_iter().map(line).collect()
}

fn walled(workspace: &WorkspaceId, user: &str) -> String {
    let line = |door: Door| {
        let kind = match door.kind {
            Kind::Heard => "stream",
            Kind::Asked | Kind::Fetched => "service",
        };
        let renamed = if door.inside == door.subject {
            String::new()
        } else {
            format!(", to: {:?}", door.inside)
        };
        let (account, subject) = (accounts::FLEET, &door.subject);
        format!("      {{ {kind}: {{ account: {account}, subject: {subject:?} }}{renamed} }}\n")
    };
    let imports: String = accounts::doors(workspace).into_iter().map(line).collect();
    let name = accounts::of(workspace);
    format!("  {name:?} {{\n    users = [\n{user}    ]\n    imports = [\n{imports}    ]\n  }}\n")
}

/// One user as nats-server reads it. What is not allowed is denied.
pub fn entry(user: &User, password: &str) -> String {
    let rights = user.rights();
    let responses = if rights.answers { ", allow_responses: true" } else { "" };
    format!(
        "      {{ user: {:?}, password: {password:?}, permissions: {{\n        publish: {{ allow: {:?} }},\n        \
         subscribe: {{ allow: {:?} }}{responses} }} }}\n",
        user.name(),
        rights.publish,
        rights.subscribe,
    )
}

fn password(args: &NatsConfigArgs, user: &User) -> Result<String> {
    let file = args.secrets.join(user.name());
    if args.make_secrets {
        std::fs::create_dir_all(&args.secrets).with_context(|| format!("--secrets {}", args.secrets.display()))?;
        made_secret(&file)?;
    }
    read(&file)
}

fn read(file: &Path) -> Result<String> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => bail!(
            "--secrets: {} cannot be read ({error}); write the password of this user there, or give --make-secrets",
            file.display()
        ),
    };
    let password = text.trim();
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '$');
    ensure!(
        password.len() >= 16 && password.chars().all(plain),
        "--secrets: {} holds no usable password; give at least 16 letters or digits, for example from `openssl rand -hex 24`",
        file.display()
    );
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
    fn a_missing_or_weak_password_names_its_file_and_made_ones_stay() {
        let secrets = std::env::temp_dir().join(format!("vigilo-secrets-{}", uuid::Uuid::now_v7()));
        let mut args = NatsConfigArgs {
            secrets: secrets.clone(),
            workspaces: vec!["acme".parse().expect("a slug")],
            make_secrets: false,
            only_signers: false,
        };
        let refused = config(&args).expect_err("no directory").to_string();
        assert!(
            refused.contains("planner") && refused.contains("--make-secrets"),
            "{refused}"
        );
        args.make_secrets = true;
        let made = config(&args).expect("made");
        args.make_secrets = false;
        assert_eq!(config(&args).expect("read"), made);
        believed(&secrets, &made);
        assert!(
            made.contains("user: \"ws-acme\"") && made.contains("vigilo.request.acme.renew"),
            "{made}"
        );
        assert!(!made.contains("deny_private"), "one workspace is its own: {made}");
        args.workspaces.push("other".parse().expect("a slug"));
        args.make_secrets = true;
        let two = config(&args).expect("made for both");
        assert!(two.contains("issuer and verifier\n# deny_private = true\n"), "{two}");
        std::fs::write(secrets.join("issuer"), "short\n").expect("written");
        let refused = config(&args).expect_err("weak").to_string();
        assert!(refused.contains("issuer"), "{refused}");
        std::fs::remove_dir_all(secrets).expect("removed");
    }

    /// The file can be read by a service, and the comment is what a configuration may say in its
    /// place; a new key stands beside the previous one.
    fn believed(secrets: &Path, made: &str) {
        let mut connection = bus::Connection {
            signers_file: Some(secrets.join("signers")),
            ..bus::Connection::default()
        };
        assert_eq!(connection.believes(&Signer::ALL), Ok(()));
        let line = made
            .lines()
            .find_map(|line| line.strip_prefix("# signers = "))
            .expect("the line to add");
        connection.signers_file = None;
        let refused = connection.believes(&Signer::ALL).expect_err("nothing is configured");
        assert!(
            refused.contains("signers_file = ") && refused.contains("nats-config"),
            "{refused}"
        );
        connection.signers = serde_json::from_str(line).expect("a list of TOML and JSON");
        assert_eq!(connection.believes(&Signer::ALL), Ok(()));
        std::fs::remove_file(Signer::Planner.key_file(secrets)).expect("the old key");
        Signer::lines_in(secrets, true).expect("a new key");
        let args = NatsConfigArgs {
            secrets: secrets.to_path_buf(),
            workspaces: Vec::new(),
            make_secrets: false,
            only_signers: false,
        };
        assert_eq!(written_signers(&args).expect("both").len(), 3);
    }

    /// Each container logs in as itself, and sees its own password and no key but its own.
    #[test]
    fn compose_gives_each_service_its_own_login() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docker-compose.yml");
        let text = std::fs::read_to_string(file).expect("the file");
        let fleet: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
        for user in User::services() {
            let name = user.name();
            let service = &fleet["services"][&name];
            assert_eq!(service["environment"]["VIGILO_NATS__USER"], name);
            assert_eq!(service["environment"]["VIGILO_NATS__PASSWORD_FILE"], "/nats/password");
            let mounts = service["volumes"].as_array().into_iter().flatten();
            let secrets = mounts.filter(|mount| mount["source"] == "nats-secrets");
            let files: Vec<_> = secrets
                .map(|mount| {
                    mount["volume"]["subpath"]
                        .as_str()
                        .expect("a part of the volume")
                        .to_owned()
                })
                .collect();
            let key = Signer::ALL.into_iter().find(|signer| signer.as_str() == name);
            let key = key.map(|signer| format!("{}.key", signer.as_str()));
            let own: Vec<_> = ["signers".to_owned(), name].into_iter().chain(key).collect();
            assert_eq!(files, own);
        }
    }
}

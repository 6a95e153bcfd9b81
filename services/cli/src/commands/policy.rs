//! `vigilo policy`: the common case in flags; everything else by import or the API.
//!
//! In: flags. Out: the fields that were given, no others: what a new policy leaves out has the API's default.

use std::path::PathBuf;

use api::policies::Policy;
use clap::{Args, Subcommand};
use domain::key_source::KeySource;
use domain::target::Target;
use domain::{Invalid, activation, policy};
use serde_json::{Map, Value, json};

use super::{import, window};
use crate::args::Global;
use crate::client::{Client, part};
use crate::failed::Failed;
use crate::settings::{self, Pair};
use crate::{out, print};

#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Add one policy
    #[command(mut_arg("target_files", |arg| arg.required_unless_present("targets")))]
    Add {
        #[command(flatten)]
        policy: Box<PolicyArgs>,
        #[command(flatten)]
        global: Global,
    },
    /// Change what is given, keep what is not; an empty value ("") takes a list or word away. Runs keep their plan
    Set {
        #[command(flatten)]
        policy: Box<PolicyArgs>,
        #[command(flatten)]
        global: Global,
    },
    /// Follow the policy of a hostname no more; its runs stay
    Forget {
        hostname: String,
        #[command(flatten)]
        global: Global,
    },
    /// Add policies from a file: a JSON array, one JSON object per line, or CSV whose first line names the fields; `-` reads standard input
    Import {
        file: PathBuf,
        #[command(flatten)]
        global: Global,
    },
    /// List policies
    List {
        #[command(flatten)]
        global: Global,
    },
}

pub async fn run(command: PolicyCommand) -> Result<(), Failed> {
    match command {
        PolicyCommand::Add { policy, global } => {
            let added: policy::Policy = Client::new(&global)?.post("/policies", &policy.added()?).await?;
            out::answer(global.json, &added, |added| print::added(&added.spec.hostname));
            Ok(())
        }
        PolicyCommand::Set { policy, global } => {
            let path = format!("/policies/{}", part(&policy.hostname));
            let client = Client::new(&global)?;
            let changed: policy::Policy = client.patch(&path, &policy.changes(&client).await?).await?;
            out::answer(global.json, &changed, |changed| {
                print::policy::changed(&changed.spec.hostname)
            });
            Ok(())
        }
        PolicyCommand::Forget { hostname, global } => {
            Client::new(&global)?
                .remove(&format!("/policies/{}", part(&hostname)))
                .await?;
            out::line(format!("{hostname} has no policy any more"));
            Ok(())
        }
        PolicyCommand::Import { file, global } => {
            import::run(&Client::new(&global)?, import::Listed::Policies, &file).await
        }
        PolicyCommand::List { global } => {
            let items: Vec<Policy> = Client::new(&global)?.all("/policies", &[]).await?;
            out::nothing_yet(global.json, &items, "no policy yet; see vigilo policy add --help");
            out::answer(global.json, items.as_slice(), print::policy::list);
            Ok(())
        }
    }
}

#[derive(Args)]
pub struct PolicyArgs {
    pub hostname: String,
    /// letsencrypt, or acme with --directory-url [default: letsencrypt]
    #[arg(long)]
    provider: Option<String>,
    /// The CA's ACME directory
    #[arg(long)]
    directory_url: Option<String>,
    /// Who is asked while the CA before it is down or out of quota: a provider's id or a directory URL; may be repeated
    #[arg(long = "fallback")]
    fallbacks: Vec<String>,
    /// A cost-aware choice keeps to this provider
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pin_provider: Option<bool>,
    /// Use the CA's staging
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    staging: Option<bool>,
    /// A further name of the certificate; may be repeated
    #[arg(long = "san")]
    sans: Vec<String>,
    /// The ACME profile, one of those that the CA lists
    #[arg(long)]
    profile: Option<String>,
    /// p256, p384, rsa2048, rsa3072 or rsa4096 [default: p256]
    #[arg(long)]
    key_algorithm: Option<String>,
    /// Where the private key lives, written as --target [default: local]
    #[arg(long, value_name = "KIND:KEY=VALUE,…")]
    key_source: Option<String>,
    /// Least time between two live runs, in seconds [default: 0]
    #[arg(long)]
    cooldown_seconds: Option<u32>,
    /// Renew only when asked to, not when it is due
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    by_hand: Option<bool>,
    /// Its runs are rehearsals unless a live one is asked for (vigilo renew --live); the schedule leaves it alone
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    dry_run_default: Option<bool>,
    /// Renew so many days before the end, but never before a third of the life is over; without it when a third of the life
    /// is left
    #[arg(long)]
    renew_before_days: Option<u16>,
    /// Whom to tell when it fails; may be repeated
    #[arg(long = "notify")]
    notify_on_failure: Vec<String>,
    /// Touch the host in this window only: "CRON;MINUTES;ZONE"; may be repeated
    #[arg(long = "window")]
    windows: Vec<String>,
    #[arg(long = "target", value_name = "KIND:KEY=VALUE,…", help = TARGET_HELP, long_help = target_help())]
    targets: Vec<String>,
    /// Short for --target file:… with other words: chain=/path/tls.crt,key=/path/tls.key[,owner=U][,group=G][,mode=0640][,chain-mode=0644]
    /// [,access-list=drop][,target-group=NAME]; mode is the key's; what is not said stays as it is at the files that are
    /// replaced, their access lists included; may be repeated
    #[arg(long = "target-file")]
    target_files: Vec<String>,
    /// What makes the server read the files, for all targets: nginx, apache, haproxy, caddy, postfix, dovecot, postgresql, or a
    /// name of the deployer's configuration. With `policy set` alone: for the targets that the policy has
    #[arg(long, value_name = "NAME")]
    activate: Option<String>,
    /// How long one run of it may take [default: 30]
    #[arg(long, requires = "activate")]
    activate_timeout_seconds: Option<u32>,
    /// What --activate was before activations had names
    #[arg(long, hide = true)]
    reload: Option<String>,
    #[arg(long, hide = true)]
    reload_timeout_seconds: Option<u32>,
}

impl PolicyArgs {
    /// A new policy.
    pub fn added(&self) -> Result<Value, Failed> {
        let mut fields = self.fields_given()?;
        fields.insert("hostname".to_owned(), json!(self.hostname));
        Ok(Value::Object(fields))
    }

    /// What a policy that is there says differently.
    pub async fn changes(&self, client: &Client) -> Result<Value, Failed> {
        let mut fields = self.fields_given()?;
        if let Some(targets) = self.retargeted(client).await? {
            fields.insert("targets".to_owned(), targets);
        }
        if fields.is_empty() {
            let remedy = "give the flags of what changes; vigilo policy set --help lists them";
            return Err(Failed::Refused(format!("nothing is to be changed; {remedy}")));
        }
        Ok(Value::Object(fields))
    }

    fn fields_given(&self) -> Result<Map<String, Value>, Failed> {
        let flags = [
            ("provider", self.provider.as_ref().map(|word| json!(word))),
            ("directory_url", self.directory_url.as_deref().map(word)),
            ("fallbacks", list(&self.fallbacks)),
            ("provider_pinned", self.pin_provider.map(|yes| json!(yes))),
            ("staging", self.staging.map(|yes| json!(yes))),
            ("key_source", self.key_source()?),
            ("sans", list(&self.sans)),
            ("profile", self.profile.as_deref().map(word)),
            ("key_algorithm", self.key_algorithm.as_ref().map(|word| json!(word))),
            ("cooldown_seconds", self.cooldown_seconds.map(|seconds| json!(seconds))),
            ("auto_renew", self.by_hand.map(|yes| json!(!yes))),
            ("dry_run_default", self.dry_run_default.map(|yes| json!(yes))),
            ("renew_before_days", self.renew_before_days.map(|days| json!(days))),
            ("notify_on_failure", list(&self.notify_on_failure)),
            ("windows", self.windows()?),
            ("targets", self.targets()?),
        ];
        let given = flags
            .into_iter()
            .filter_map(|(field, value)| Some((field.to_owned(), value?)));
        Ok(given.collect())
    }

    fn key_source(&self) -> Result<Option<Value>, Failed> {
        let source = self.key_source.as_deref().map(settings::read::<KeySource>);
        source.transpose().map_err(|why| refused("--key-source", why))
    }

    fn windows(&self) -> Result<Option<Value>, Failed> {
        let named = self.windows.iter().filter(|text| !text.is_empty());
        let windows = named
            .map(|text| window::read(text))
            .collect::<Result<Vec<Value>, Failed>>()?;
        Ok((!self.windows.is_empty()).then(|| json!(windows)))
    }

    fn targets(&self) -> Result<Option<Value>, Failed> {
        self.refuse_commands()?;
        let files = self.target_files.iter().map(|text| target_file(text));
        let targets = self.targets.iter().map(|text| target(text)).chain(files);
        let targets = targets.map(|target| self.activated(target?));
        let targets = targets.collect::<Result<Vec<Value>, Failed>>()?;
        Ok((!targets.is_empty()).then(|| json!(targets)))
    }

    /// An activation for the targets that the policy has.
    async fn retargeted(&self, client: &Client) -> Result<Option<Value>, Failed> {
        if self.activate.is_none() || !self.targets.is_empty() || !self.target_files.is_empty() {
            return Ok(None);
        }
        let all: Vec<Policy> = client.all("/policies", &[]).await?;
        let mut all = all.into_iter().map(|shown| shown.policy.spec);
        let found = all.find(|spec| spec.hostname.as_str() == self.hostname);
        let Some(targets) = found.map(|spec| spec.targets) else {
            let remedy = "see vigilo policy list";
            return Err(Failed::Refused(format!(
                "{} has no active policy; {remedy}",
                self.hostname
            )));
        };
        let targets = targets.into_iter().map(|target| self.activated(json!(target)));
        Ok(Some(json!(targets.collect::<Result<Vec<Value>, Failed>>()?)))
    }

    /// The target with what was given of its activation; an empty name takes it away.
    fn activated(&self, mut target: Value) -> Result<Value, Failed> {
        let Some(name) = &self.activate else {
            return Ok(target);
        };
        if !name.is_empty() {
            activation::check_name(name).map_err(|why| refused("--activate", why))?;
        }
        if let Some(fields) = target.as_object_mut() {
            fields.remove("reload");
            fields.insert("activate".to_owned(), word(name));
            if let Some(seconds) = self.activate_timeout_seconds {
                fields.insert("activate_timeout_seconds".to_owned(), json!(seconds));
            }
        }
        Ok(target)
    }

    /// Which commands run is the deployer's to say.
    fn refuse_commands(&self) -> Result<(), Failed> {
        let Some(text) = &self.reload else {
            return match self.reload_timeout_seconds {
                None => Ok(()),
                Some(_) => Err(Failed::Refused(
                    "--reload-timeout-seconds: it is called --activate-timeout-seconds now".to_owned(),
                )),
            };
        };
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let right = match activation::preset_for(&words) {
            Some(preset) => format!("use --activate {preset}"),
            None => format!(
                "let the deployer allow it (vigilo up --allow-activation NAME=COMMAND, or \
                 [workspaces.<workspace>.activations.<name>] in its configuration), and use --activate NAME; it has {}",
                activation::PRESETS.join(", ")
            ),
        };
        Err(Failed::Refused(format!(
            "--reload: which commands run is the deployer's to say, and a policy gives the name of an activation; {right}"
        )))
    }
}

/// An empty word takes the value away.
fn word(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

/// Nothing when the flag was not given; an empty value stands for none.
fn list(values: &[String]) -> Option<Value> {
    let named: Vec<&String> = values.iter().filter(|text| !text.is_empty()).collect();
    (!values.is_empty()).then(|| json!(named))
}

const TARGET_HELP: &str = "Where the certificate goes; may be repeated";

fn target_help() -> String {
    format!(
        "{TARGET_HELP}. For example file:chain_path=/etc/tls/www.crt,key_path=/etc/tls/www.key\n\
         A value with a comma stands in double quotes, in which \\\" is a quotation mark and \\\\ a backslash; an equals sign \
         needs none. The key of a list is repeated. What is not said stays as it is at what is replaced. The kinds and \
         their settings, which `GET /api/v1/openapi.yaml` explains:\n{}",
        settings::help::<Target>()
    )
}

fn target(text: &str) -> Result<Value, Failed> {
    settings::read::<Target>(text).map_err(|why| refused("--target", why))
}

/// The words of `--target-file`, and the settings that they stand for.
const OF_A_FILE: [(&str, &str); 8] = [
    ("chain", "chain_path"),
    ("key", "key_path"),
    ("owner", "owner"),
    ("group", "group"),
    ("mode", "key_mode"),
    ("chain-mode", "chain_mode"),
    ("access-list", "access_list"),
    ("target-group", "group_name"),
];

fn target_file(text: &str) -> Result<Value, Failed> {
    let flag = "--target-file";
    let pairs = settings::pairs(text).map_err(|why| refused(flag, why))?;
    let named = pairs.into_iter().map(|Pair { key, text }| {
        let Some((_, setting)) = OF_A_FILE.iter().find(|(word, _)| *word == key) else {
            let words: Vec<String> = OF_A_FILE.iter().map(|(word, _)| format!("{word}=…")).collect();
            let problem = format!("\"{key}={text}\" is not known");
            return Err(refused(
                flag,
                Invalid::new("", problem, format!("use {}", words.join(", "))),
            ));
        };
        let key = (*setting).to_owned();
        Ok(Pair { key, text })
    });
    let named = named.collect::<Result<Vec<Pair>, Failed>>()?;
    settings::of_kind::<Target>("file", named).map_err(|why| refused(flag, why))
}

fn refused(flag: &str, why: Invalid) -> Failed {
    Failed::Refused(why.within(flag).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_files_look_is_said_with_their_paths() {
        let words = "chain=/t/a.crt,key=/t/a.key,owner=www,mode=0640,chain-mode=0644,access-list=drop,target-group=lb";
        let whole = "file:chain_path=/t/a.crt,key_path=/t/a.key,owner=www,key_mode=0640,chain_mode=0644,access_list=drop,\
                     group_name=lb";
        let (words, whole) = (target_file(words).expect("a target"), target(whole).expect("a target"));
        assert_eq!(words, whole);
        assert!(target_file("chain=/t/a.crt,key=/t/a.key,keymode=0640").is_err());
    }
}

//! `vigilo policy`: the common case in flags; everything else by import or the API.
//!
//! In: flags. Out: the fields that were given, no others: what a new policy leaves out has the API's default.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::client::{Client, part};
use super::{Failed, Global, added, import, pacing, show};

#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Add one policy
    #[command(mut_arg("target_files", |arg| arg.required(true)))]
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
    /// Add policies from a file: a JSON array, or one JSON object per line; `-` reads standard input
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
        PolicyCommand::Add { policy, global } => added(&global, "/policies", &policy.added()?).await,
        PolicyCommand::Set { policy, global } => {
            let path = format!("/policies/{}", part(&policy.hostname));
            let changed = Client::new(&global)?.patch(&path, &policy.changes()?).await?;
            show::line(&if global.json {
                changed.to_string()
            } else {
                format!("changed {}", policy.hostname)
            });
            Ok(())
        }
        PolicyCommand::Forget { hostname, global } => {
            Client::new(&global)?
                .delete(&format!("/policies/{}", part(&hostname)))
                .await?;
            show::line(&format!("{hostname} has no policy any more"));
            Ok(())
        }
        PolicyCommand::Import { file, global } => import::run(&Client::new(&global)?, "policies", &file).await,
        PolicyCommand::List { global } => {
            let items = Client::new(&global)?.all("/policies").await?;
            show::policies(&items, global.json);
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
    /// Where chain and key go: chain=/path/tls.crt,key=/path/tls.key[,owner=U][,group=G][,mode=0640][,target-group=NAME];
    /// may be repeated
    #[arg(long = "target-file")]
    target_files: Vec<String>,
    /// Command, split at blanks, that makes the server read the files; for all targets, which are given with it
    #[arg(long, requires = "target_files")]
    reload: Option<String>,
    /// How long that command may take [default: 30]
    #[arg(long, requires = "reload")]
    reload_timeout_seconds: Option<u32>,
}

impl PolicyArgs {
    /// A new policy.
    pub fn added(&self) -> Result<Value, Failed> {
        let mut fields = self.given()?;
        fields.insert("hostname".to_owned(), json!(self.hostname));
        Ok(Value::Object(fields))
    }

    /// What a policy that is there says differently.
    pub fn changes(&self) -> Result<Value, Failed> {
        let fields = self.given()?;
        if fields.is_empty() {
            let remedy = "give the flags of what changes; vigilo policy set --help lists them";
            return Err(Failed::Refused(format!("nothing is to be changed; {remedy}")));
        }
        Ok(Value::Object(fields))
    }

    fn given(&self) -> Result<Map<String, Value>, Failed> {
        let flags = [
            ("provider", self.provider.as_ref().map(|word| json!(word))),
            ("directory_url", self.directory_url.as_deref().map(word)),
            ("fallbacks", list(&self.fallbacks)),
            ("provider_pinned", self.pin_provider.map(|yes| json!(yes))),
            ("key_backend_config", self.staging.map(endpoint)),
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

    fn windows(&self) -> Result<Option<Value>, Failed> {
        let named = self.windows.iter().filter(|text| !text.is_empty());
        let windows = named
            .map(|text| pacing::window(text))
            .collect::<Result<Vec<Value>, Failed>>()?;
        Ok((!self.windows.is_empty()).then(|| json!(windows)))
    }

    fn targets(&self) -> Result<Option<Value>, Failed> {
        let reload = self.reload.as_ref().map(|command| {
            let words: Vec<&str> = command.split_whitespace().collect();
            json!({"command": words, "timeout_seconds": self.reload_timeout_seconds.unwrap_or(30)})
        });
        let targets = self.target_files.iter().map(|text| target(text, reload.as_ref()));
        let targets = targets.collect::<Result<Vec<Value>, Failed>>()?;
        Ok((!targets.is_empty()).then(|| json!(targets)))
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

fn endpoint(staging: bool) -> Value {
    if staging {
        json!({"endpoint": "staging"})
    } else {
        json!({})
    }
}

fn target(text: &str, reload: Option<&Value>) -> Result<Value, Failed> {
    let mut target = json!({"kind": "file"});
    for pair in text.split(',') {
        let field = match pair.split_once('=').map(|(name, _)| name) {
            Some("chain") => "chain_path",
            Some("key") => "key_path",
            Some("owner") => "owner",
            Some("group") => "group",
            Some("mode") => "key_mode",
            Some("target-group") => "group_name",
            Some(_) | None => {
                let remedy = "use chain=…,key=…[,owner=…][,group=…][,mode=…][,target-group=…]";
                return Err(Failed::Refused(format!(
                    "--target-file: {pair:?} is not known; {remedy}"
                )));
            }
        };
        target[field] = json!(pair.split_once('=').map(|(_, value)| value));
    }
    if let Some(reload) = reload {
        target["reload"] = reload.clone();
    }
    Ok(target)
}

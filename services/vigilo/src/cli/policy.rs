//! `vigilo policy add`: the common case in flags; everything else by import.

use clap::Args;
use serde_json::{Value, json};

use super::{Failed, pacing};

#[derive(Args)]
pub struct PolicyArgs {
    hostname: String,
    /// letsencrypt, or acme with --directory-url
    #[arg(long, default_value = "letsencrypt")]
    provider: String,
    /// The CA's ACME directory
    #[arg(long)]
    directory_url: Option<String>,
    /// Who is asked while the CA before it is down or out of quota: a provider's id or a directory URL; may be repeated
    #[arg(long = "fallback")]
    fallbacks: Vec<String>,
    /// A cost-aware choice keeps to this provider
    #[arg(long)]
    pin_provider: bool,
    /// Use the CA's staging
    #[arg(long)]
    staging: bool,
    /// A further name of the certificate; may be repeated
    #[arg(long = "san")]
    sans: Vec<String>,
    /// The ACME profile, one of those that the CA lists
    #[arg(long)]
    profile: Option<String>,
    /// p256, p384, rsa2048, rsa3072 or rsa4096
    #[arg(long, default_value = "p256")]
    key_algorithm: String,
    /// Least time between two live runs, in seconds
    #[arg(long, default_value_t = 0)]
    cooldown_seconds: u32,
    /// Renew only when asked to, not when it is due
    #[arg(long)]
    by_hand: bool,
    /// Renew so many days before the end; without it when a third of the life is left
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
    #[arg(long = "target-file", required = true)]
    target_files: Vec<String>,
    /// Command, split at blanks, that makes the server read the files; for all targets
    #[arg(long)]
    reload: Option<String>,
    #[arg(long, default_value_t = 30)]
    reload_timeout_seconds: u32,
}

impl PolicyArgs {
    pub fn body(&self) -> Result<Value, Failed> {
        let reload = self.reload.as_ref().map(|command| {
            let words: Vec<&str> = command.split_whitespace().collect();
            json!({"command": words, "timeout_seconds": self.reload_timeout_seconds})
        });
        let targets = self.target_files.iter().map(|text| target(text, reload.as_ref()));
        let mut body = json!({
            "hostname": self.hostname, "provider": self.provider, "directory_url": self.directory_url, "sans": self.sans,
            "key_algorithm": self.key_algorithm, "cooldown_seconds": self.cooldown_seconds,
            "auto_renew": !self.by_hand, "renew_before_days": self.renew_before_days,
            "profile": self.profile, "notify_on_failure": self.notify_on_failure,
            "targets": targets.collect::<Result<Vec<Value>, Failed>>()?,
        });
        if !self.windows.is_empty() {
            let windows = self.windows.iter().map(|text| pacing::window(text));
            body["windows"] = json!(windows.collect::<Result<Vec<Value>, Failed>>()?);
        }
        if !self.fallbacks.is_empty() {
            body["fallbacks"] = json!(self.fallbacks);
        }
        if self.pin_provider {
            body["provider_pinned"] = json!(true);
        }
        if self.staging {
            body["key_backend_config"] = json!({"endpoint": "staging"});
        }
        Ok(body)
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

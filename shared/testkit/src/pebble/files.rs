//! How Pebble and its DNS server are told what to be: their files, arguments and environment.

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::{PebbleOptions, Ports, local};
use crate::pki::LocalServer;
use crate::process::Spec;
use crate::ready::Ready;
use crate::run_dir;
use crate::tools::{Account, Tool};

pub(super) fn write_files(
    directory: &Path,
    configuration: &Value,
    tls: &LocalServer,
    account: Option<Account>,
) -> Result<()> {
    let configuration = configuration.to_string();
    let files = [
        ("api-root.pem", &tls.root_pem),
        ("server.pem", &tls.identity.chain_pem),
        ("server.key", &tls.identity.key_pem),
        ("pebble.json", &configuration),
    ];
    for (name, content) in files {
        run_dir::write(&directory.join(name), content, account)?;
    }
    Ok(())
}

/// One profile only unless a test wants more: without one in the order, Pebble takes any of those that it has.
pub(super) fn configuration(ports: &Ports, options: &PebbleOptions) -> Value {
    let profile =
        |description: &str| json!({ "description": description, "validityPeriod": options.validity.as_secs() });
    let further = options
        .profiles
        .iter()
        .map(|name| (name.clone(), profile("a further one")));
    let own = ("default".to_owned(), profile("what this test CA usually issues"));
    let profiles: serde_json::Map<String, Value> = further.chain([own]).collect();
    json!({ "pebble": {
        "listenAddress": local(&ports.directory),
        "managementListenAddress": local(&ports.management),
        "certificate": "server.pem",
        "privateKey": "server.key",
        "httpPort": ports.http,
        "tlsPort": ports.tls_alpn.number(),
        "ocspResponderURL": "",
        "externalAccountBindingRequired": false,
        "profiles": profiles,
    } })
}

pub(super) fn ca_spec(directory: &Path, ports: &Ports, options: &PebbleOptions, ready: Ready) -> Result<Spec> {
    let mut spec = Spec::new("pebble", Tool::Pebble.find()?, directory, ready)
        .args(["-config", "pebble.json", "-dnsserver"])
        .arg(local(&ports.dns))
        .env("PEBBLE_WFE_NONCEREJECT", options.nonce_reject_percent.to_string())
        .env("PEBBLE_AUTHZREUSE", options.authz_reuse_percent.to_string());
    if options.strict {
        spec = spec.arg("-strict");
    }
    if !options.slow_validation {
        spec = spec.env("PEBBLE_VA_NOSLEEP", "1");
    }
    Ok(spec)
}

/// Only DNS and the management of it: an empty address turns a challenge server off.
pub(super) fn dns_spec(ports: &Ports, account: Option<Account>) -> Result<Spec> {
    let directory = run_dir::fresh("pebble-dns", account)?;
    let ready = Ready::Tcp((Ipv4Addr::LOCALHOST, ports.dns_management.number()).into());
    let spec = Spec::new(
        "pebble-challtestsrv",
        Tool::PebbleChalltestsrv.find()?,
        &directory,
        ready,
    )
    .args([
        "-management",
        &local(&ports.dns_management),
        "-dnsserver",
        &local(&ports.dns),
    ])
    .args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""])
    .args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]);
    Ok(spec.account(account))
}

//! The servers of the deployer's presets, for `cargo xtask prove presets`. The ordinary tests do without them.

use std::path::Path;

use anyhow::Result;
use testkit::tools::on_path;

use super::{PACKAGES, Package, install_packages};

const OF_PRESETS: [Package; 6] = [
    of_a_preset("apache2", Some("apache2"), || on_path("apachectl")),
    of_a_preset("haproxy", Some("haproxy"), || on_path("haproxy")),
    of_a_preset("caddy", Some("caddy"), || on_path("caddy")),
    of_a_preset("postfix", Some("postfix"), || on_path("postfix")),
    of_a_preset("dovecot-imapd", Some("dovecot"), || {
        Path::new("/usr/lib/dovecot/imap-login").exists()
    }),
    of_a_preset("iproute2", None, || on_path("ip")),
];

const fn of_a_preset(name: &'static str, service: Option<&'static str>, is_there: fn() -> bool) -> Package {
    Package {
        name,
        why: "a preset of the deployer is tried on it",
        service,
        is_there,
    }
}

/// # Errors
/// If one is missing and could not be installed.
pub fn servers_of_presets() -> Result<()> {
    let all = PACKAGES.into_iter().chain(OF_PRESETS);
    let missing: Vec<Package> = all.filter(|package| !(package.is_there)()).collect();
    install_packages(&missing)
}

//! The activations that every deployer knows. Pure.
//!
//! In: a name of `domain::activation::PRESETS`. Out: its commands. Each server's own manual names them; a server that checks its
//! configuration by a command is tested with it before it is told anything. nginx, HAProxy and Caddy load the pair in their test;
//! Apache, Postfix and Dovecot read their configuration only. PostgreSQL has no such test: it keeps what it has and writes to its
//! log when new files are of no use, which only a look at what it serves shows. `service` works with systemd and without it.

use super::Commands;

/// Nothing for a name that is no preset.
pub fn commands(name: &str) -> Option<Commands> {
    let (test, command): (&[&str], &[&str]) = match name {
        "nginx" => (&["nginx", "-t"], &["nginx", "-s", "reload"]),
        "apache" => (&["apachectl", "configtest"], &["apachectl", "graceful"]),
        "haproxy" => (
            &["haproxy", "-c", "-q", "-f", "/etc/haproxy/haproxy.cfg"],
            &["service", "haproxy", "reload"],
        ),
        "caddy" => (
            &["caddy", "validate", "--config", "/etc/caddy/Caddyfile"],
            &["caddy", "reload", "--config", "/etc/caddy/Caddyfile", "--force"],
        ),
        "postfix" => (&["postfix", "check"], &["postfix", "reload"]),
        "dovecot" => (&["doveconf", "-n"], &["doveadm", "reload"]),
        "postgresql" => (&[], &["service", "postgresql", "reload"]),
        _ => return None,
    };
    let words = |of: &[&str]| of.iter().map(|word| (*word).to_owned()).collect();
    Some(Commands {
        test: words(test),
        command: words(command),
    })
}

/// Whether a preset stood for this command in an earlier version: policies may have it still.
pub fn was(name: &str, command: &[String]) -> bool {
    matches!(name, "haproxy" | "postgresql") && command == ["systemctl", "reload", name]
}

#[cfg(test)]
mod tests {
    use domain::activation::PRESETS;

    use super::*;

    #[test]
    fn every_preset_has_its_commands_and_all_but_postgresql_a_test() {
        for name in PRESETS {
            let found = commands(name).expect(name);
            assert!(!found.command.is_empty());
            assert_eq!(found.test.is_empty(), name == "postgresql", "{name}");
        }
        assert_eq!(commands("iis"), None);
    }
}

//! Activations: the names under which a deployer knows the commands that make a server read its files. Pure.
//!
//! In: a name of a policy, or a command of a policy that is older than the names. Out: whether it may be one, and what is right.
//! Never: which commands a name stands for: that is the deployer's to say.

use crate::invalid::Invalid;

/// Every deployer knows these, unless its configuration says otherwise.
pub const PRESETS: [&str; 7] = [
    "nginx",
    "apache",
    "haproxy",
    "caddy",
    "postfix",
    "dovecot",
    "postgresql",
];

/// Names of a service or of the program that controls it, and the preset for both.
const SERVERS: [(&str, &str); 13] = [
    ("nginx", "nginx"),
    ("apache", "apache"),
    ("apache2", "apache"),
    ("apachectl", "apache"),
    ("apache2ctl", "apache"),
    ("httpd", "apache"),
    ("haproxy", "haproxy"),
    ("caddy", "caddy"),
    ("postfix", "postfix"),
    ("dovecot", "dovecot"),
    ("doveadm", "dovecot"),
    ("postgres", "postgresql"),
    ("postgresql", "postgresql"),
];
/// Programs that run another one: their own name says nothing.
const WRAPPERS: [&str; 6] = ["sh", "bash", "dash", "env", "sudo", "doas"];
const LONGEST: usize = 60;

/// A policy gives a name, no command.
pub fn check_name(name: &str) -> Result<(), Invalid> {
    if is_slug(name) {
        return Ok(());
    }
    let known = PRESETS.join(", ");
    if name.contains(char::is_whitespace) || name.contains('/') {
        let words: Vec<String> = name.split_whitespace().map(str::to_owned).collect();
        let wanted = match preset_for(&words) {
            Some(preset) => format!("give {preset:?}"),
            None => format!(
                "give a preset ({known}) or a name that the deployer's configuration has under \
                 [workspaces.<workspace>.activations.<name>], where the command stands"
            ),
        };
        let problem = format!("{name:?} is a command, and a policy gives the name of an activation");
        return Err(Invalid::new("", problem, wanted));
    }
    let problem = format!("{name:?} is no name of an activation");
    Err(Invalid::new(
        "",
        problem,
        format!("use 1 to {LONGEST} of a-z, 0-9 and -, such as {known}"),
    ))
}

/// 1 to 60 of `a-z`, `0-9` and `-`.
pub fn is_slug(name: &str) -> bool {
    let of_slug = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(of_slug)
}

/// The preset that does what this command does, as far as its words tell.
pub fn preset_for(command: &[String]) -> Option<&'static str> {
    let program = base_name(command.first()?);
    let reloads = |word: &&String| word.contains("reload") || word.as_str() == "graceful" || word.as_str() == "restart";
    let arguments = command.get(1..).unwrap_or_default();
    let server = match program {
        "systemctl" | "service" | "rc-service" => {
            let named = |word: &&String| !reloads(word) && !word.starts_with('-');
            arguments.iter().find(named).map(String::as_str)?
        }
        _ => program,
    };
    let server = server.strip_suffix(".service").unwrap_or(server);
    let known = SERVERS.iter().find(|(name, _)| *name == server)?;
    let is_plain = arguments
        .iter()
        .all(|word| !word.contains(['&', '|', ';', '>', '<', '`', '$']));
    (is_plain && arguments.iter().any(|word| reloads(&word))).then_some(known.1)
}

/// A name for this command that no preset has.
pub fn name_for(command: &[String]) -> String {
    let mut words = command.iter().map(|word| base_name(word));
    let telling = words.find(|word| !WRAPPERS.contains(word) && !word.starts_with('-'));
    let stem = telling
        .unwrap_or("server")
        .split('.')
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let slug: String = stem
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let slug: String = slug.trim_matches('-').chars().take(LONGEST / 2).collect();
    if slug.is_empty() || PRESETS.contains(&slug.as_str()) || slug.contains("--") {
        let server = preset_for(command).unwrap_or("server");
        return format!("reload-{server}");
    }
    slug
}

fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_command_in_place_of_a_name_is_refused_with_the_name() {
        for (given, right) in [
            ("nginx -s reload", "give \"nginx\""),
            ("systemctl reload apache2.service", "give \"apache\""),
            (
                "nginx -t && nginx -s reload",
                "[workspaces.<workspace>.activations.<name>]",
            ),
            ("/usr/local/bin/hook", "[workspaces.<workspace>.activations.<name>]"),
            ("sh -c 'nginx -s reload'", "[workspaces.<workspace>.activations.<name>]"),
            ("Nginx", "a-z, 0-9 and -"),
            ("", "a-z, 0-9 and -"),
        ] {
            let refused = check_name(given).expect_err(given);
            assert!(refused.remedy.contains(right), "{given}: {refused}");
        }
        for preset in PRESETS {
            assert_eq!(check_name(preset), Ok(()));
        }
    }

    #[test]
    fn the_preset_for_a_command_is_known_by_its_server() {
        for (command, preset) in [
            ("/usr/sbin/nginx -s reload", Some("nginx")),
            ("service postgresql reload", Some("postgresql")),
            ("systemctl --no-block reload haproxy", Some("haproxy")),
            ("apachectl graceful", Some("apache")),
            ("doveadm reload", Some("dovecot")),
            ("systemctl reload", None),
            ("nginx -t", None),
            ("nginx -s reload && true", None),
            ("/opt/hook reload", None),
        ] {
            assert_eq!(preset_for(&words(command)), preset, "{command}");
        }
    }

    #[test]
    fn a_name_for_a_command_is_one_and_no_presets() {
        for (command, name) in [
            ("/opt/bin/edge_reload.sh now", "edge-reload"),
            ("nginx -c /srv/nginx.conf -s reload", "reload-nginx"),
            ("sudo /opt/hook", "hook"),
            ("sh", "server"),
        ] {
            let found = name_for(&words(command));
            assert_eq!(found, name, "{command}");
            assert_eq!(check_name(&found), Ok(()));
        }
        let script = name_for(&["sh".to_owned(), "-c".to_owned(), "cp $a && echo 'x y'".to_owned()]);
        assert_eq!(check_name(&script), Ok(()), "{script}");
    }
}

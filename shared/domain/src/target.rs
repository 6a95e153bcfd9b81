//! Where a certificate is put.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

/// One place of a policy's ordered list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    File(FileTarget),
}

/// Chain and key as files on the deployer's machine, and a command that makes the server read them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileTarget {
    /// Leaf first, then intermediates, PEM.
    pub chain_path: String,
    /// The private key, PKCS#8 PEM.
    pub key_path: String,
    /// User name or number that shall own both files; the deployer's own user when absent.
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub group: Option<String>,
    /// Permission bits of the key in octal, as text; the chain gets the same with group and other read.
    #[serde(default = "private")]
    pub key_mode: String,
    #[serde(default)]
    pub reload: Option<Reload>,
    /// Where the server that reads these files answers, if that is not simply the host: the target is verified there
    /// for itself, and rolled back for itself.
    #[serde(default)]
    pub serves_at: Vec<SocketAddr>,
    /// Targets that share something which must not be reloaded everywhere at once, for example `edge-lb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
}

/// A command without a shell: the first word is the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reload {
    pub command: Vec<String>,
    #[serde(default = "half_a_minute")]
    pub timeout_seconds: u32,
}

fn private() -> String {
    "0600".to_owned()
}

fn half_a_minute() -> u32 {
    30
}

impl FileTarget {
    /// The permission bits of the key file.
    pub fn key_bits(&self) -> Result<u32, Invalid> {
        let wrong =
            |problem: String| Invalid::new("key_mode", problem, "give octal digits such as \"0600\" or \"0640\"");
        let bits =
            u32::from_str_radix(&self.key_mode, 8).map_err(|_| wrong(format!("{:?} is not octal", self.key_mode)))?;
        if bits > 0o777 || bits & 0o400 == 0 {
            return Err(wrong(format!(
                "{:?} is no set of permission bits with which the owner can read",
                self.key_mode
            )));
        }
        if bits & 0o007 != 0 {
            return Err(wrong(format!(
                "{:?} lets every user of the machine at the private key",
                self.key_mode
            )));
        }
        Ok(bits)
    }

    fn check(&self) -> Result<(), Invalid> {
        for (field, path) in [("chain_path", &self.chain_path), ("key_path", &self.key_path)] {
            if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
                let problem = format!("{path:?} is not the absolute path of a file");
                return Err(Invalid::new(
                    field,
                    problem,
                    "start it with / and end it with a file name",
                ));
            }
        }
        if self.chain_path == self.key_path {
            return Err(Invalid::new(
                "key_path",
                "it is the same file as chain_path",
                "give the key a file of its own",
            ));
        }
        self.key_bits()?;
        if let Some(name) = &self.group_name {
            check_group_name(name).map_err(|refused| refused.within("group_name"))?;
        }
        let Some(reload) = &self.reload else {
            return Ok(());
        };
        if reload.command.first().is_none_or(String::is_empty) {
            let remedy = "give the program and its arguments, for example [\"nginx\", \"-s\", \"reload\"]";
            return Err(Invalid::new("reload.command", "it is empty", remedy));
        }
        if !(1..=600).contains(&reload.timeout_seconds) {
            let problem = format!("{} is out of range", reload.timeout_seconds);
            return Err(Invalid::new("reload.timeout_seconds", problem, "give 1 to 600 seconds"));
        }
        Ok(())
    }
}

/// A target group's name is a slug: it is part of a queue's name.
pub fn check_group_name(name: &str) -> Result<(), Invalid> {
    let is_slug = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_slug && (1..=60).contains(&name.len()) {
        return Ok(());
    }
    let problem = format!("{name:?} is no name of a target group");
    Err(Invalid::new(
        "",
        problem,
        "use 1 to 60 of a-z, 0-9 and -, such as edge-lb",
    ))
}

impl Target {
    pub fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::File(file) => file.check(),
        }
    }

    /// Addresses at which this target alone is looked at.
    pub fn serves_at(&self) -> &[SocketAddr] {
        match self {
            Self::File(file) => &file.serves_at,
        }
    }

    /// The group whose members are not all reloaded at once.
    pub fn group_name(&self) -> Option<&str> {
        match self {
            Self::File(file) => file.group_name.as_deref(),
        }
    }

    /// How the board and the log call it.
    pub fn title(&self) -> String {
        match self {
            Self::File(file) => format!("file {}", file.chain_path),
        }
    }

    /// The word of its kind, as policies write it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
        }
    }

    /// Whether the private key itself must reach this target.
    pub const fn imports_key(&self) -> bool {
        match self {
            Self::File(_) => true,
        }
    }
}

//! Chain and key as files on the deployer's machine.
//!
//! In: the settings of a `file` target. Out: whether they can be used, and what they replace.
//! Touches: nothing. Never: a file.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Common, Half, MOST_ENDPOINTS, Origin, TargetBody, TargetPlace, check_group_name};
use crate::activation;
use crate::invalid::Invalid;
use crate::path;
use crate::reach;

const LONGEST_PATH: usize = 1_024;

/// Chain and key as files on the deployer's machine, and the activation that makes the server read
/// them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileTarget {
    /// Leaf first, then intermediates, PEM.
    pub chain_path: String,
    /// The private key, PKCS#8 PEM.
    pub key_path: String,
    /// User name or number that shall own both files. Absent: files that are replaced keep their
    /// owner, new ones belong to the deployer's user.
    #[serde(default)]
    pub owner: Option<String>,
    /// As `owner`.
    #[serde(default)]
    pub group: Option<String>,
    /// Permission bits of the key in octal, as text. Absent: a key that is replaced keeps its bits,
    /// a new one gets 0600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_mode: Option<String>,
    /// Permission bits of the chain in octal, as text. Absent: a chain that is replaced keeps its
    /// bits, a new one gets those of a new key with read for group and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_mode: Option<String>,
    /// What becomes of the access list (acl(5)) of files that are replaced.
    #[serde(default, skip_serializing_if = "AccessList::is_kept")]
    pub access_list: AccessList,
    /// Makes the server read the files: a preset, or a name that the deployer's configuration gives
    /// to commands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activate: Option<String>,
    /// How long each run of the activation may take.
    #[serde(default = "half_a_minute", skip_serializing_if = "is_half_a_minute")]
    pub activate_timeout_seconds: u32,
    /// In policies that are older than the names: a command of their own. It is read, and never
    /// taken anew. Written also when there is none, as those versions did: a change of a policy
    /// compares what is stored.
    #[serde(default)]
    #[schemars(extend("deprecated" = true))]
    pub reload: Option<Reload>,
    /// Where the server that reads these files answers, if that is not simply the host: the target
    /// is verified there for itself, and rolled back for itself.
    #[serde(default)]
    pub serves_at: Vec<SocketAddr>,
    /// Targets that share something which must not be reloaded everywhere at once, for example
    /// `edge-lb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
}

/// Beside owner, group and permission bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", try_from = "String")]
#[schemars(!try_from)]
pub enum AccessList {
    /// Files that are replaced keep theirs, also the lack of one; new ones get what their directory
    /// hands down.
    #[default]
    Keep,
    /// Neither file has one.
    Drop,
}

/// Names its field: of a target that cannot be read nothing else does.
impl TryFrom<String> for AccessList {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "keep" => Ok(Self::Keep),
            "drop" => Ok(Self::Drop),
            _ => Err(format!("access_list: {word:?} is neither \"keep\" nor \"drop\"")),
        }
    }
}

impl AccessList {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    const fn is_kept(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

/// A command without a shell: the first word is the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reload {
    pub command: Vec<String>,
    #[serde(default = "half_a_minute")]
    pub timeout_seconds: u32,
}

const LONGEST_ACTIVATION: u32 = 600;

fn half_a_minute() -> u32 {
    30
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_half_a_minute(seconds: &u32) -> bool {
    *seconds == half_a_minute()
}

impl FileTarget {
    /// The permission bits of the key file, when the policy says any.
    pub fn key_bits(&self) -> Result<Option<u32>, Invalid> {
        let Some(mode) = &self.key_mode else {
            return Ok(None);
        };
        let right = "give octal digits such as \"0600\" or \"0640\"";
        let bits = permission_bits(mode).map_err(|problem| Invalid::new("key_mode", problem, right))?;
        if bits & 0o007 != 0 {
            let problem = format!("{mode:?} lets every user of the machine at the private key");
            return Err(Invalid::new("key_mode", problem, right));
        }
        Ok(Some(bits))
    }

    /// The permission bits of the chain file, when the policy says any. Every user may read it, and
    /// only its owner and group may say what is served.
    pub fn chain_bits(&self) -> Result<Option<u32>, Invalid> {
        let Some(mode) = &self.chain_mode else {
            return Ok(None);
        };
        let right = "give octal digits such as \"0644\" or \"0640\"";
        let bits = permission_bits(mode).map_err(|problem| Invalid::new("chain_mode", problem, right))?;
        if bits & 0o002 != 0 {
            let problem = format!("{mode:?} lets every user of the machine write the chain");
            return Err(Invalid::new("chain_mode", problem, right));
        }
        Ok(Some(bits))
    }

    fn check_settings(&self) -> Result<(), Invalid> {
        for (field, path) in [("chain_path", &self.chain_path), ("key_path", &self.key_path)] {
            if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
                let problem = format!("{path:?} is not the absolute path of a file");
                return Err(Invalid::new(
                    field,
                    problem,
                    "start it with / and end it with a file name",
                ));
            }
            if path.len() > LONGEST_PATH {
                let problem = format!("it has {} bytes", path.len());
                return Err(Invalid::new(field, problem, format!("give at most {LONGEST_PATH}")));
            }
        }
        if path::normal(&self.chain_path) == path::normal(&self.key_path) {
            return Err(Invalid::new(
                "key_path",
                "it is the same file as chain_path",
                "give the key a file of its own",
            ));
        }
        self.key_bits()?;
        self.chain_bits()?;
        if let Some(name) = &self.group_name {
            check_group_name(name).map_err(|refused| refused.within("group_name"))?;
        }
        if let Some(name) = &self.activate {
            activation::check_name(name).map_err(|refused| refused.within("activate"))?;
        }
        if !(1..=LONGEST_ACTIVATION).contains(&self.activate_timeout_seconds) {
            let problem = format!("{} is out of range", self.activate_timeout_seconds);
            let remedy = format!("give 1 to {LONGEST_ACTIVATION} seconds");
            return Err(Invalid::new("activate_timeout_seconds", problem, remedy));
        }
        self.check_endpoints()
    }

    /// Refuses what only policies from before activations had names may have.
    fn refuse_command(&self) -> Result<(), Invalid> {
        let Some(reload) = &self.reload else {
            return Ok(());
        };
        let problem = "which commands run is the deployer's to say: a policy gives the name of an activation";
        let name = activation::name_for(&reload.command);
        let own = format!(
            "with command = {:?} under [workspaces.<workspace>.activations.{name}] in the deployer's configuration, give \
             \"activate\": \"{name}\"",
            reload.command
        );
        let remedy = match activation::preset_for(&reload.command) {
            Some(preset) => format!("give \"activate\": \"{preset}\" in its place; or, {own}"),
            None => own,
        };
        Err(Invalid::new("reload", problem, remedy))
    }

    /// How long one run of its activation may take; nothing without one.
    pub fn activation_timeout(&self) -> Option<u32> {
        match (&self.activate, &self.reload) {
            (Some(_), _) => Some(self.activate_timeout_seconds),
            (None, Some(reload)) => Some(reload.timeout_seconds),
            (None, None) => None,
        }
    }

    fn check_endpoints(&self) -> Result<(), Invalid> {
        let addresses = self.serves_at.iter().map(SocketAddr::ip);
        reach::check("serves_at", addresses, MOST_ENDPOINTS)?;
        match self.serves_at.iter().position(|at| at.port() == 0) {
            Some(index) => {
                let remedy = "give 1 to 65535; HTTPS uses 443";
                Err(Invalid::new(format!("serves_at[{index}]"), "0 is no port", remedy))
            }
            None => Ok(()),
        }
    }
}

fn permission_bits(mode: &str) -> Result<u32, String> {
    // The standard library takes a sign too.
    let is_octal = mode.chars().all(|c| c.is_digit(8));
    let bits = u32::from_str_radix(mode, 8).ok().filter(|_| is_octal);
    let bits = bits.ok_or_else(|| format!("{mode:?} is not octal"))?;
    if bits > 0o777 || bits & 0o400 == 0 {
        return Err(format!(
            "{mode:?} is no set of permission bits with which the owner can read"
        ));
    }
    Ok(bits)
}

impl TargetBody for FileTarget {
    fn check(&self, origin: Origin) -> Result<(), Invalid> {
        self.check_settings()?;
        match origin {
            Origin::Stored => Ok(()),
            Origin::Entered => self.refuse_command(),
        }
    }

    fn title(&self) -> String {
        format!("file {}", self.chain_path)
    }

    fn imports_key(&self) -> bool {
        true
    }

    fn secrets(&self) -> Vec<&str> {
        Vec::new()
    }

    fn common(&self) -> Common<'_> {
        Common {
            kind: "file",
            serves_at: &self.serves_at,
            group_name: self.group_name.as_deref(),
            activate_timeout_seconds: Some(self.activate_timeout_seconds),
            activation_seconds: self.activation_timeout(),
            places: vec![
                TargetPlace::new(Half::Chain, path::normal(&self.chain_path)),
                TargetPlace::new(Half::Key, path::normal(&self.key_path)),
            ],
            in_words: format!("chain {}, key {}", self.chain_path, self.key_path),
        }
    }
}

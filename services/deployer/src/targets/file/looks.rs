//! How a file looks: owner, group, permission bits and access list. What is replaced keeps them, unless the policy says
//! otherwise.
//!
//! In: what the policy says, and the file that is there. Out: how the new file shall look, and the difference in words.

use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;

use domain::invalid::Invalid;
use domain::target::{AccessList, FileTarget};
use nix::unistd::{Group, User};
use rustix::fs::{XattrFlags, fgetxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;

use super::trouble::misconfigured;
use crate::targets::TargetError;

/// POSIX access control list (acl(5)).
const ACL: &str = "system.posix_acl_access";
/// SELinux: what a server may read at all.
const LABEL: &str = "security.selinux";
/// Larger lists do not fit an inode's block of attributes.
const MOST: usize = 4096;
/// The tag of an entry for the group that owns the file, in a list of version 2: eight bytes an entry, behind four.
const OWNING_GROUP: [u8; 2] = [4, 0];
/// Of a private key that is new, when the policy says nothing.
const PRIVATE: u32 = 0o600;
/// A chain is public.
const READ_BY_ALL: u32 = 0o044;

/// Numbers of user and group; absent: as the deployer's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ownership {
    pub user: Option<u32>,
    pub group: Option<u32>,
}

/// How a file that exists looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looks {
    pub user: u32,
    pub group: u32,
    pub bits: u32,
    pub acl: Option<Vec<u8>>,
    label: Option<Vec<u8>>,
}

/// How a file shall look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manner {
    pub bits: u32,
    pub ownership: Ownership,
    /// Of the file that is replaced; its absence too is kept.
    before: Option<Looks>,
    list: AccessList,
}

/// What the policy says of its files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said {
    ownership: Ownership,
    key_bits: Option<u32>,
    chain_bits: Option<u32>,
    list: AccessList,
}

impl Said {
    pub fn by(target: &FileTarget) -> Result<Self, TargetError> {
        Ok(Self {
            ownership: ownership(target)?,
            key_bits: as_said(target.key_bits())?,
            chain_bits: as_said(target.chain_bits())?,
            list: target.access_list,
        })
    }

    pub fn key(&self, before: Option<&Looks>) -> Manner {
        self.manner(self.key_bits, PRIVATE, before)
    }

    pub fn chain(&self, before: Option<&Looks>) -> Manner {
        let new = self.key_bits.unwrap_or(PRIVATE) | READ_BY_ALL;
        self.manner(self.chain_bits, new, before)
    }

    /// With the bits that the policy says, else those of the file before, else those of a new file.
    fn manner(&self, said: Option<u32>, new: u32, before: Option<&Looks>) -> Manner {
        let kept = before.map(|looks| match self.list {
            AccessList::Keep => looks.bits,
            AccessList::Drop => looks.bits_without_list(),
        });
        Manner {
            bits: said.or(kept).unwrap_or(new),
            ownership: Ownership {
                user: self.ownership.user.or(before.map(|looks| looks.user)),
                group: self.ownership.group.or(before.map(|looks| looks.group)),
            },
            before: before.cloned(),
            list: self.list,
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = || "as it is now".to_owned();
        let Ownership { user, group } = self.ownership;
        let (user, group) = (user.map_or_else(kept, user_name), group.map_or_else(kept, group_name));
        write!(f, "user {user}, group {group}")
    }
}

impl Looks {
    pub fn of(file: &File, about: &Metadata) -> io::Result<Self> {
        Ok(Self {
            user: about.uid(),
            group: about.gid(),
            bits: about.mode() & 0o777,
            acl: attribute(file, ACL)?,
            label: attribute(file, LABEL).unwrap_or_default(),
        })
    }

    /// Exactly as this file.
    pub fn same(&self) -> Manner {
        Said::default().manner(None, PRIVATE, Some(self))
    }

    /// With a list, the middle bits are its mask: what the group itself may do stands in the list, and the group gets no more
    /// when the list goes.
    fn bits_without_list(&self) -> u32 {
        let entries = self.acl.as_deref().and_then(|list| list.get(4..)).unwrap_or_default();
        let group = entries
            .chunks_exact(8)
            .find(|entry| entry[..2] == OWNING_GROUP)
            .map(|entry| u32::from(entry[2] & 0o7) << 3);
        group.map_or(self.bits, |group| self.bits & !0o070 | self.bits & group)
    }
}

impl Manner {
    /// The access list of the file before, or none at all where it had none: a directory may hand one down. Before the
    /// permission bits, which have the last word (`chmod` on a file with a list).
    pub fn hand_on(&self, file: &File) -> io::Result<()> {
        if let Some(label) = self.before.as_ref().and_then(|before| before.label.as_ref()) {
            // Who may not set it gets what the directory hands down, as any program that writes there.
            let _handed_down = fsetxattr(file, LABEL, label, XattrFlags::empty());
        }
        match (&self.before, self.list) {
            (None, AccessList::Keep) => Ok(()),
            (Some(Looks { acl: Some(acl), .. }), AccessList::Keep) => {
                Ok(fsetxattr(file, ACL, acl, XattrFlags::empty())?)
            }
            (Some(_), AccessList::Keep) | (_, AccessList::Drop) => match fremovexattr(file, ACL) {
                Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(()),
                Err(e) => Err(e.into()),
            },
        }
    }

    /// Whether owner or group are those of the file before and not the policy's word.
    pub fn keeps_ownership(&self) -> bool {
        let kept = |looks: &Looks| (Some(looks.user), Some(looks.group));
        self.before.as_ref().map(kept) == Some((self.ownership.user, self.ownership.group))
    }

    fn drops_list(&self) -> bool {
        self.list == AccessList::Drop && self.has_list()
    }

    fn has_list(&self) -> bool {
        self.before.as_ref().is_some_and(|before| before.acl.is_some())
    }

    /// What the policy makes different from the file before.
    pub fn difference(&self) -> Option<String> {
        let before = self.before.as_ref()?;
        let mut changes = Vec::new();
        if let Some(user) = self.ownership.user.filter(|user| *user != before.user) {
            changes.push(format!("owner {} becomes {}", user_name(before.user), user_name(user)));
        }
        if let Some(group) = self.ownership.group.filter(|group| *group != before.group) {
            changes.push(format!(
                "group {} becomes {}",
                group_name(before.group),
                group_name(group)
            ));
        }
        if self.bits != before.bits {
            changes.push(format!("mode {:04o} becomes {:04o}", before.bits, self.bits));
        }
        if self.drops_list() {
            changes.push("its access list goes".to_owned());
        }
        (!changes.is_empty()).then(|| format!("{}, as the policy says", changes.join(", ")))
    }
}

impl fmt::Display for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, mode {:04o}", self.ownership, self.bits)?;
        if self.has_list() && !self.drops_list() {
            f.write_str(" and the access list that it has")?;
        }
        Ok(())
    }
}

impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = || "the deployer's own".to_owned();
        let (user, group) = (
            self.user.map_or_else(own, user_name),
            self.group.map_or_else(own, group_name),
        );
        write!(f, "user {user}, group {group}")
    }
}

fn attribute(file: &File, name: &str) -> io::Result<Option<Vec<u8>>> {
    let mut value = vec![0; MOST];
    match fgetxattr(file, name, value.as_mut_slice()) {
        Ok(length) => {
            value.truncate(length);
            Ok(Some(value))
        }
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn user_name(id: u32) -> String {
    let known = User::from_uid(id.into()).ok().flatten();
    known.map_or_else(|| id.to_string(), |user| user.name)
}

fn group_name(id: u32) -> String {
    let known = Group::from_gid(id.into()).ok().flatten();
    known.map_or_else(|| id.to_string(), |group| group.name)
}

fn as_said(bits: Result<Option<u32>, Invalid>) -> Result<Option<u32>, TargetError> {
    bits.map_err(|e| misconfigured(format!("{}: {}", e.field, e.problem), &e.remedy))
}

fn ownership(target: &FileTarget) -> Result<Ownership, TargetError> {
    let by_user = |name: &str| Ok(User::from_name(name)?.map(|user| user.uid.as_raw()));
    let by_group = |name: &str| Ok(Group::from_name(name)?.map(|group| group.gid.as_raw()));
    let (owner, group) = (target.owner.as_deref(), target.group.as_deref());
    Ok(Ownership {
        user: owner.map(|name| number("owner", name, by_user)).transpose()?,
        group: group.map(|name| number("group", name, by_group)).transpose()?,
    })
}

fn number(field: &str, name: &str, known: impl FnOnce(&str) -> nix::Result<Option<u32>>) -> Result<u32, TargetError> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    match known(name) {
        Ok(Some(number)) => Ok(number),
        Ok(None) => {
            let what = format!("{field}: this machine knows no {name:?}");
            let remedy = "create it here, or give another name or a number in the policy's target";
            Err(misconfigured(what, remedy))
        }
        Err(e) => Err(TargetError::Unavailable {
            what: format!("{field}: {name:?} could not be looked up: {e}"),
        }),
    }
}

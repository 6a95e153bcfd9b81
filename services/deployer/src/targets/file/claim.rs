//! Whose files these are: a mark beside them names the host whose policy put a certificate there.
//! Two policies with one pair of files would take each other's host down; at the record their paths
//! are compared as they are spelt, here as they really are.
//!
//! In: the files, whose turn it is, which names the new certificate has. Out: leave, or who is
//! there already. Never: a mark of another policy that is replaced while its certificate is of use
//! there and not covered by the new one.

use std::ffi::OsString;
use std::path::PathBuf;

use domain::certificate::CertificateFacts;
use domain::{DnsName, Hostname, Timestamp, WorkspaceId};
use rustix::fs::{AtFlags, readlinkat, symlinkat, unlinkat};
use rustix::io::Errno;

use super::backup;
use super::location::FileLocation;
use super::trouble::trouble;
use crate::targets::TargetError;

const MARK: &str = ".policy";

/// The policy of a host, and what is known of the certificate that it would put there.
#[derive(Debug, Clone)]
pub struct Claimant {
    pub workspace: WorkspaceId,
    pub hostname: Hostname,
    pub names: Vec<String>,
    pub now: Timestamp,
}

impl Claimant {
    /// How a mark calls it.
    fn mark(&self) -> String {
        format!("{}/{}", self.workspace, self.hostname)
    }

    /// Looks only.
    pub fn check(&self, place: &FileLocation, in_place: Option<&CertificateFacts>) -> Result<(), TargetError> {
        match self.other(place)? {
            Some(other) if self.would_harm(in_place) => Err(self.taken(place, &other)),
            Some(_) | None => Ok(()),
        }
    }

    /// Leaves the mark, before anything is touched: of two that come at the same moment one finds
    /// the other's.
    pub fn claim(&self, place: &FileLocation, in_place: Option<&CertificateFacts>) -> Result<(), TargetError> {
        let directory = backup::directory(place)?;
        let unmarked = |e: Errno| trouble("write into", directory.path(), &e.into());
        if self.other(place)?.is_some() {
            self.check(place, in_place)?;
            match unlinkat(&directory, name(place), AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(e) => return Err(unmarked(e)),
            }
        }
        match symlinkat(self.mark(), &directory, name(place)) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => match self.other(place)? {
                None => Ok(()),
                Some(other) => Err(self.taken(place, &other)),
            },
            Err(e) => Err(unmarked(e)),
        }
    }

    /// Whose mark is there, if it is another's.
    fn other(&self, place: &FileLocation) -> Result<Option<String>, TargetError> {
        let Some(directory) = backup::existing(place)? else {
            return Ok(None);
        };
        match readlinkat(&directory, name(place), Vec::new()) {
            Ok(mark) if mark.as_bytes() == self.mark().as_bytes() => Ok(None),
            Ok(mark) => Ok(Some(String::from_utf8_lossy(mark.as_bytes()).into_owned())),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(trouble("read the mark in", directory.path(), &e.into())),
        }
    }

    /// Not where nothing is left to harm: no certificate, an expired one, or one whose names the
    /// new one has too.
    fn would_harm(&self, in_place: Option<&CertificateFacts>) -> bool {
        in_place.is_some_and(|there| self.now < there.not_after && !there.sans.iter().all(|name| self.covers(name)))
    }

    fn covers(&self, name: &str) -> bool {
        let host: Option<Hostname> = name.parse().ok();
        self.names.iter().any(|own| {
            let wildcard = || own.parse::<DnsName>().ok().zip(host.as_ref());
            own == name || wildcard().is_some_and(|(own, host)| own.covers(host))
        })
    }

    fn taken(&self, place: &FileLocation, other: &str) -> TargetError {
        let (workspace, hostname) = other.split_once('/').unwrap_or(("", other));
        let theirs = if workspace == self.workspace.as_str() {
            format!("the policy of {hostname}")
        } else {
            format!("the policy of a host in the workspace {workspace}")
        };
        let mark: PathBuf = place.directory().path().join(backup::DIRECTORY).join(name(place));
        TargetError::Taken {
            what: format!(
                "{} is where {theirs} puts its certificate: {} would take that host down",
                place.file().display(),
                self.hostname
            ),
            remedy: format!(
                "give each policy files of its own, or put all names into one policy; if that policy is gone, remove the \
                 mark {} and resume",
                mark.display()
            ),
        }
    }
}

fn name(place: &FileLocation) -> OsString {
    place.named("", MARK)
}

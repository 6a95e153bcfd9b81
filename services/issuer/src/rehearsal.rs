//! The dry run of Issue: everything that can be known without a certificate.
//!
//! In: an Issue order without a CSR. Out: checks, each with what was asked and what came back; what fails in one does not
//! hide the others. Touches: the CA's directory, its staging, the DNS, and port 80 of the names. Never: finalizes, and
//! leaves nothing but the account, which the live run wants too.

use std::time::Duration;

use bus::StepContext;
use domain::disposition::Disposition;
use domain::run::{Check, Checkpoint, Rehearsal};
use domain::secret::Envelope;
use protocol::order::{IssueSpec, Order};

use crate::ca::{Application, CaError, CertificateAuthority, Meta, Rehearsed, offer};
use crate::eyes::Eyes;
use crate::order::{application, check_challenge, circumstances};
use crate::verdict::{IssueError, judge};

const DIRECTORY: &str = "the CA's directory answers";
/// A live run waits longer.
const LOOK: Duration = Duration::from_secs(10);

fn silent() -> CaError {
    CaError::Unavailable {
        until: None,
        what: format!("no answer within {} s", LOOK.as_secs()),
    }
}

pub(crate) struct Dry<'a, C> {
    pub ca: &'a C,
    pub eyes: &'a Eyes,
    pub order: &'a Order<IssueSpec>,
    pub ctx: &'a StepContext,
}

impl<C: CertificateAuthority> Dry<'_, C> {
    /// Twice when the workspace has no account at the CA yet: its key is saved before anything is registered.
    pub(crate) async fn rehearse(&self) -> Rehearsal {
        let for_ = match application(self.order, self.ctx) {
            Ok(for_) => for_,
            Err(error) => return Rehearsal::of(vec![self.cross(DIRECTORY, error.into())]),
        };
        let looked = match tokio::time::timeout(LOOK, self.ca.look(&for_)).await {
            Ok(looked) => looked,
            Err(_) => Err(silent()),
        };
        let (meta, directory) = match looked {
            Ok(meta) => {
                let evidence = meta.shown(for_.directory);
                (Some(meta), Check::tick(DIRECTORY, evidence))
            }
            Err(error) => (None, self.cross(DIRECTORY, error.into())),
        };
        let mut checks = vec![directory];
        checks.extend(meta.as_ref().and_then(|meta| self.profile(meta)));
        match &self.order.spec.account_key {
            Some(key) => checks.extend(self.look_everywhere(&for_, meta, key).await),
            None => match self.ca.make_account_key(&for_).await {
                Ok(sealed_key) => {
                    return Rehearsal {
                        needs: Some(Checkpoint::AcmeAccountKey { sealed_key }),
                        ..Rehearsal::of(checks)
                    };
                }
                Err(error) => {
                    // That the CA is not allowed was said of its directory.
                    if meta.is_some() {
                        checks.push(self.cross("ACME account key", error.into()));
                    }
                    checks.extend(self.eyes.look_at(for_.names, &meta.unwrap_or_default()).await);
                }
            },
        }
        Rehearsal::of(checks)
    }

    /// From here and from the CA, at the same time.
    async fn look_everywhere(&self, for_: &Application<'_>, meta: Option<Meta>, key: &Envelope) -> Vec<Check> {
        let at_the_ca = async {
            check_challenge(self.order.spec.challenge)?;
            Ok(self.ca.rehearse(for_, key).await)
        };
        let reachable = meta.is_some();
        let meta = meta.unwrap_or_default();
        let (mut checks, asked) = tokio::join!(self.eyes.look_at(for_.names, &meta), at_the_ca);
        match asked {
            Ok(Rehearsed {
                checks: shown,
                ended_by,
            }) => {
                // What was said of the directory already is not said twice.
                let ended_by = ended_by.filter(|_| reachable || !shown.is_empty());
                checks.extend(shown);
                checks.extend(ended_by.map(|error| self.cross("the CA takes the order", error.into())));
            }
            Err(error) => checks.push(self.cross("challenge", error)),
        }
        checks
    }

    /// Whether the CA has the profile that the live run will ask for.
    fn profile(&self, meta: &Meta) -> Option<Check> {
        let asked = self.order.spec.profile.as_ref()?;
        let title = "the CA has the profile";
        if meta.profiles.contains(asked) {
            return Some(Check::tick(title, format!("{asked}: {}", offer(&meta.profiles))));
        }
        let (asked, offered) = (asked.clone(), meta.profiles.clone());
        Some(self.cross(title, CaError::NoSuchProfile { asked, offered }.into()))
    }

    /// With the code and the remedy that a live run would end with.
    fn cross(&self, title: &str, error: IssueError) -> Check {
        let evidence = match judge(error, circumstances(self.order, self.ctx)).disposition {
            // A rehearsal waits for nothing.
            Disposition::RetryAt(_, failure) => {
                format!("{} {}; in a live run: {}", failure.code, failure.what, failure.hint)
            }
            Disposition::Fail(failure) => format!("{} {}; {}", failure.code, failure.what, failure.hint),
            Disposition::NeedsHuman(question) => format!("{} {}; {}", question.code, question.what, question.hint),
        };
        Check::cross(title, evidence)
    }
}

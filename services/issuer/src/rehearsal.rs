//! The dry run of Issue: everything that can be known without a certificate.
//!
//! In: an Issue order without a CSR. Out: checks, each with what was asked and what came back; what
//! fails in one does not hide the others. Touches: the CA's directory, its staging, the DNS, and
//! port 80 of the names. Never: finalizes, and leaves nothing but the account, which the live run
//! wants too.

use std::time::Duration;

use bus::StepContext;
use domain::disposition::Disposition;
use domain::run::{Check, Checkpoint, Rehearsal};
use protocol::order::{IssueSpec, Order};

use crate::ca::{Application, Authority, CaError, Meta, Rehearsed, offer};
use crate::challenge::solvers::Solver;
use crate::eyes::{Eyes, LookBy};
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

pub(crate) struct Dry<'a> {
    pub ca: &'a dyn Authority,
    pub solver: &'a dyn Solver,
    pub eyes: &'a Eyes,
    pub order: &'a Order<IssueSpec>,
    pub ctx: &'a StepContext,
}

impl Dry<'_> {
    /// Twice when the CA wants something saved before anything is begun there.
    pub(crate) async fn rehearse(&self) -> Rehearsal {
        let for_ = application(self.order, self.ctx);
        let looked = match tokio::time::timeout(LOOK, self.ca.look(&for_)).await {
            Ok(looked) => looked,
            Err(_) => Err(silent()),
        };
        let (meta, directory) = match looked {
            Ok(meta) => {
                let evidence = meta.shown(for_.ca);
                (Some(meta), Check::tick(DIRECTORY, evidence))
            }
            Err(error) => (None, self.cross(DIRECTORY, error.into())),
        };
        let mut checks = vec![directory];
        checks.extend(meta.as_ref().and_then(|meta| self.profile(meta)));
        match self.look_everywhere(&for_, meta).await {
            Ok(more) => {
                checks.extend(more);
                Rehearsal::of(checks)
            }
            Err(needs) => Rehearsal {
                needs: Some(*needs),
                ..Rehearsal::of(checks)
            },
        }
    }

    /// From here and from the CA, at the same time; an error is what must be saved first.
    async fn look_everywhere(&self, for_: &Application<'_>, meta: Option<Meta>) -> Result<Vec<Check>, Box<Checkpoint>> {
        let reachable = meta.is_some();
        let meta = meta.unwrap_or_default();
        let by = LookBy {
            ca: &meta,
            solver: self.solver,
        };
        let from_here = self.eyes.look_at(for_.names, by);
        // Without an account one is made first, and then no CA validates yet.
        let (mut checks, asked) = if for_.account.is_none() {
            let asked = self.at_the_ca(for_).await?;
            (from_here.await, asked)
        } else {
            let (checks, asked) = tokio::join!(from_here, self.at_the_ca(for_));
            (checks, asked?)
        };
        match asked {
            Ok(rehearsed) => {
                // What was said of the directory already is not said twice.
                let ended_by = rehearsed.ended_by.filter(|_| reachable || !rehearsed.checks.is_empty());
                checks.extend(rehearsed.checks);
                checks.extend(ended_by.map(|ended| self.cross(ended.at, ended.error.into())));
            }
            Err(error) => checks.push(self.cross("challenge", error)),
        }
        Ok(checks)
    }

    async fn at_the_ca(&self, for_: &Application<'_>) -> Result<Result<Rehearsed, IssueError>, Box<Checkpoint>> {
        if let Err(error) = check_challenge(&self.order.spec) {
            return Ok(Err(error));
        }
        let mut rehearsed = self.ca.rehearse(for_).await;
        match rehearsed.needs.take() {
            Some(needs) => Err(Box::new(needs)),
            None => Ok(Ok(rehearsed)),
        }
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

//! The dry run of Issue: everything that can be known without a certificate.
//!
//! In: an Issue order without a CSR. Out: checks, each with what was asked and what came back; what fails in one does not
//! hide the others. Touches: the CA's directory, its staging, the DNS, and port 80 of the names. Never: finalizes, and
//! leaves nothing but the account, which the live run wants too.

use bus::StepContext;
use domain::disposition::Disposition;
use domain::run::{Check, Checkpoint, Rehearsal};
use protocol::order::{IssueSpec, Order};

use crate::ca::{CertificateAuthority, Meta};
use crate::eyes::Eyes;
use crate::handler::{application, check_challenge, circumstances};
use crate::verdict::{IssueError, judge};

pub(crate) async fn rehearse<C: CertificateAuthority>(
    ca: &C,
    eyes: &Eyes,
    order: &Order<IssueSpec>,
    ctx: &StepContext,
) -> Rehearsal {
    let for_ = application(order, ctx);
    let mut checks = Vec::new();
    let looked = match ca.look(&for_).await {
        Ok(meta) => {
            checks.push(Check::tick("the CA's directory answers", meta.shown(for_.directory)));
            Some(meta)
        }
        Err(error) => {
            checks.push(cross("the CA's directory answers", error.into(), order, ctx));
            None
        }
    };
    let unseen = Meta::default();
    let meta = looked.as_ref().unwrap_or(&unseen);
    let Some(key) = &order.spec.account_key else {
        return match ca.make_account_key(&for_).await {
            Ok(sealed_key) => Rehearsal {
                needs: Some(Checkpoint::AcmeAccountKey { sealed_key }),
                ..Rehearsal::of(checks)
            },
            Err(error) => {
                // A CA that is not allowed was told by its directory already.
                if looked.is_some() {
                    checks.push(cross("ACME account key", error.into(), order, ctx));
                }
                checks.extend(eyes.look_at(for_.names, meta).await);
                Rehearsal::of(checks)
            }
        };
    };
    let asking = async {
        check_challenge(order.spec.challenge)?;
        Ok(ca.rehearse(&for_, key).await)
    };
    let (seen, asked) = tokio::join!(eyes.look_at(for_.names, meta), asking);
    checks.extend(seen);
    checks.extend(of_the_ca(asked, looked.is_some(), order, ctx));
    Rehearsal::of(checks)
}

fn of_the_ca(
    asked: Result<crate::ca::Rehearsed, IssueError>,
    reachable: bool,
    order: &Order<IssueSpec>,
    ctx: &StepContext,
) -> Vec<Check> {
    match asked {
        Ok(asked) => {
            let mut checks = asked.checks;
            // What the CA's directory said already is not said twice.
            let ended_by = asked.ended_by.filter(|_| reachable || !checks.is_empty());
            checks.extend(ended_by.map(|error| cross("the CA takes the order", error.into(), order, ctx)));
            checks
        }
        Err(error) => vec![cross("challenge", error, order, ctx)],
    }
}

/// With the code and the remedy that a live run would end with.
fn cross(title: &str, error: IssueError, order: &Order<IssueSpec>, ctx: &StepContext) -> Check {
    let evidence = match judge(error, circumstances(order, ctx)).disposition {
        Disposition::RetryAt(_, failure) | Disposition::WaitUntil(_, failure) | Disposition::Fail(failure) => {
            format!("{} {}; {}", failure.code, failure.what, failure.hint)
        }
        Disposition::NeedsHuman(question) => format!("{} {}; {}", question.code, question.what, question.hint),
    };
    Check::cross(title, evidence)
}

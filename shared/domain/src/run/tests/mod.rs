//! How runs move, told with short words: what every part of the tests shares.

mod amend;
mod people;
mod story;
mod table;
mod targets;
mod walk;

use super::*;
use crate::certificate::Fingerprint;
use crate::disposition::{ErrorCode, Failure};
use crate::plan::Plan;
use crate::secret::Envelope;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(seconds).expect("an instant")
}

fn plan(targets: usize) -> Plan {
    let target =
        |n| serde_json::json!({"kind": "file", "chain_path": format!("/t/{n}.crt"), "key_path": format!("/t/{n}.key")});
    serde_json::from_value(serde_json::json!({
        "hostname": "www.example.org", "port": 443, "addresses": [], "criticality": "medium", "names": ["www.example.org"],
        "choice": {"provider": "acme", "directory_url": "https://ca.example.org/dir", "why": "named", "cost_micro_usd": 0},
        "key_backend": "local", "key_algorithm": "p256", "key_rotation": "always", "challenge": "http-01",
        "targets": (0..targets).map(target).collect::<Vec<_>>(),
    }))
    .expect("a plan")
}

fn failure() -> Failure {
    Failure::new("TST-0001", "it broke", "mend it")
}

fn product(step: Step) -> Product {
    let envelope = || Envelope::try_from("cmek:v1:x".to_owned()).expect("an envelope");
    match step {
        Step::PrepareKey => Product::PreparedKey(PreparedKey {
            csr_pem: "csr".into(),
            sealed_key: Some(envelope()),
        }),
        Step::Issue => Product::Issued(Box::new(issued())),
        Step::Deploy(_) => {
            let (installed, backups) = (Fingerprint::of(b"leaf"), Vec::new());
            Product::Deployed(Receipt {
                installed,
                already_there: false,
                backups,
                replaced: Some(former()),
                reload_output: None,
            })
        }
        Step::Verify => Product::Verified(Verified { snapshots: Vec::new() }),
        Step::Rollback(_) => Product::RolledBack(RolledBack {
            leaf: former().leaf,
            reload_output: None,
        }),
        Step::Confirm => Product::Confirmed(Verified { snapshots: Vec::new() }),
        Step::Channels => Product::Rehearsed(Rehearsal::of(Vec::new())),
        Step::Tidy => Product::Tidied,
    }
}

fn former() -> Former {
    Former {
        leaf: Fingerprint::of(b"former"),
        not_after: at(1_000_000),
    }
}

fn issued() -> IssuedCertificate {
    let leaf = serde_json::json!({
        "fingerprint": "00", "subject": "", "issuer": "CN=CA", "serial": "01", "sans": [], "key_type": "EC", "key_bits": 256,
        "signature_algorithm": "x", "not_before": "2026-01-01T00:00:00Z", "not_after": "2026-04-01T00:00:00Z",
        "crl_urls": [], "aia_urls": [],
    });
    let order_url = "https://ca.example.org/order/1".parse().ok();
    let leaf = serde_json::from_value(leaf).expect("facts");
    IssuedCertificate {
        order_url,
        chain_pem: "chain".into(),
        leaf,
        left: crate::solver::Receipt::http01(vec!["t".into()]),
        sealed_key: None,
    }
}

fn checkpoint() -> Checkpoint {
    let url = "https://ca.example.org/order/1".parse().expect("a URL");
    Checkpoint::AcmeOrder(AcmeOrder {
        url,
        expires: None,
        placed: crate::solver::Receipt::http01(vec!["t".into()]),
        unfinalized: false,
    })
}

/// A run whose order for `step` is out as attempt 1.
fn out(step: Step) -> RunState {
    RunState {
        position: Position::Out {
            step,
            deadline: at(1_000),
        },
        attempt: 1,
        failures: 0,
        checkpoint: None,
        cancelled_by: None,
        progress: RunProgress {
            targets: vec![TargetState::Pending],
            ..RunProgress::default()
        },
    }
}

fn waiting(step: Step) -> RunState {
    let position = Position::Waiting {
        step,
        until: at(0),
        because: Because::Turn,
    };
    RunState { position, ..out(step) }
}

fn asking(step: Step) -> RunState {
    RunState {
        position: Position::Asking {
            step,
            question: failure().ask(),
            retry_at: None,
        },
        ..out(step)
    }
}

fn ended() -> RunState {
    RunState {
        position: Position::Ended {
            ending: Ending::Succeeded,
        },
        ..out(Step::Tidy)
    }
}

fn reported(outcome: Outcome) -> Event {
    Event::Reported {
        step: Step::Issue,
        attempt: 1,
        outcome,
    }
}

fn tell(run: &RunState, event: Event) -> RunState {
    advance(run, Intent::live(&plan(run.progress.targets.len())), event, at(5)).expect("the run can take it")
}

fn report(attempt: u32, step: Step, outcome: Outcome) -> Event {
    Event::Reported { step, attempt, outcome }
}

/// The order goes out and its report comes back.
fn goes(run: &RunState, outcome: impl FnOnce(Step) -> Outcome) -> RunState {
    let out = tell(run, Event::Released);
    let step = out.step().expect("a step is out");
    tell(&out, report(out.attempt, step, outcome(step)))
}

fn done(step: Step) -> Outcome {
    Outcome::Done { product: product(step) }
}

fn stuck(_: Step) -> Outcome {
    Outcome::Stuck {
        question: failure().ask(),
        forget_checkpoint: false,
        left: None,
    }
}

fn retry(_: Step) -> Outcome {
    Outcome::Retry {
        until: at(5),
        failure: failure(),
        forget_checkpoint: false,
        left: None,
    }
}

/// A run with these targets whose certificate was issued.
fn issued_for(targets: usize) -> RunState {
    let plan = plan(targets);
    let run = RunState::queued(&plan, at(0));
    goes(&goes(&run, done), done)
}

fn step(run: &RunState) -> String {
    run.step()
        .map_or_else(|| run.status().as_str().to_owned(), |step| step.to_string())
}

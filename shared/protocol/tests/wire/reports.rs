use std::collections::BTreeMap;

use domain::cause::{Cause, OfCa};
use domain::limit::Scope;
use domain::run::{
    Check, Checkpoint, IssuedCertificate, Left, Outcome, PreparedKey, Product, Rehearsal, RolledBack, Step, Verified,
};
use domain::solver;
use protocol::SCHEMA;
use protocol::report::{Exchange, Level, LogLine, Notes, Report};

use crate::kept::travels;
use crate::parts::{
    RUN, acme_order, at, envelope, failure, fingerprint, leaf, receipt, run_id, seen_failure, snapshots, workspace,
};

fn report(step: Step, outcome: Outcome) -> Report {
    Report {
        schema: SCHEMA,
        run_id: run_id(),
        workspace: workspace(),
        step,
        attempt: 5,
        worker: "deployer@host-1/7".to_owned(),
        started_at: at(1),
        ended_at: at(2),
        outcome,
        notes: Notes::default(),
    }
}

/// How its snapshot is called; a new outcome or product does not compile before it has a name.
fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done { product } => match product {
            Product::PreparedKey(_) => "report-done-prepared-key",
            Product::Issued(_) => "report-done-issued",
            Product::Deployed(_) => "report-done-deployed",
            Product::Verified(_) => "report-done-verified",
            Product::RolledBack(_) => "report-done-rolled-back",
            Product::Confirmed(_) => "report-done-confirmed",
            Product::Tidied => "report-done-tidied",
            Product::Rehearsed(_) => "report-done-rehearsed",
        },
        Outcome::Resting { checkpoint, .. } => match checkpoint {
            Checkpoint::AcmeAccountKey { .. } => "report-resting-account-key",
            Checkpoint::AcmeOrder(_) => "report-resting-order",
        },
        Outcome::Retry { .. } => "report-retry",
        Outcome::Failed { .. } => "report-failed",
        Outcome::Stuck { .. } => "report-stuck",
    }
}

fn products() -> Vec<(Step, Product)> {
    let key = PreparedKey {
        csr_pem: "-----BEGIN CERTIFICATE REQUEST-----".to_owned(),
        sealed_key: Some(envelope("leaf-key")),
    };
    let issued = IssuedCertificate {
        order_url: "https://ca.example.org/order/1".parse().ok(),
        chain_pem: "-----BEGIN CERTIFICATE-----".to_owned(),
        leaf: leaf(),
        left: solver::Receipt::http01(vec!["token".to_owned()]),
        sealed_key: None,
    };
    let back = RolledBack {
        leaf: fingerprint("former"),
        reload_output: None,
    };
    let looked = || Verified { snapshots: snapshots() };
    let again = Verified { snapshots: Vec::new() };
    vec![
        (Step::PrepareKey, Product::PreparedKey(key)),
        (Step::Issue, Product::Issued(Box::new(issued))),
        (Step::Deploy(0), Product::Deployed(receipt())),
        (Step::Verify, Product::Verified(looked())),
        (Step::Rollback(0), Product::RolledBack(back)),
        (Step::Confirm, Product::Confirmed(again)),
        (Step::Tidy, Product::Tidied),
        (Step::Issue, Product::Rehearsed(rehearsal())),
    ]
}

fn rehearsal() -> Rehearsal {
    let needs = Checkpoint::AcmeAccountKey {
        sealed_key: envelope("account"),
    };
    Rehearsal {
        checks: vec![
            Check::tick("directory", "https://ca.example.org/dir answers"),
            Check::cross("caa", "no record names the CA").advisory(),
        ],
        snapshots: snapshots(),
        needs: Some(needs),
    }
}

fn other_endings() -> Vec<(Step, Outcome)> {
    let resting = |checkpoint| Outcome::Resting {
        until: at(300),
        checkpoint,
    };
    let account = Checkpoint::AcmeAccountKey {
        sealed_key: envelope("account"),
    };
    let retry = Outcome::Retry {
        until: at(600),
        failure: failure().because(Cause::Ca(OfCa::Limited {
            scope: Scope::RegisteredDomain,
            of: vec!["example.org".to_owned()],
        })),
        forget_checkpoint: true,
        left: None,
    };
    let stuck = Outcome::Stuck {
        question: seen_failure().ask(),
        forget_checkpoint: true,
        left: Some(Left::New { receipt: receipt() }),
    };
    vec![
        (Step::Issue, resting(account)),
        (Step::Issue, resting(acme_order())),
        (Step::Issue, retry),
        (
            Step::Verify,
            Outcome::Failed {
                failure: seen_failure(),
            },
        ),
        (Step::Deploy(1), stuck),
    ]
}

#[test]
fn every_outcome_is_reported_as_before() {
    let done = products()
        .into_iter()
        .map(|(step, product)| (step, Outcome::Done { product }));
    for (step, outcome) in done.chain(other_endings()) {
        travels(name(&outcome), &report(step, outcome));
    }
}

#[test]
fn every_product_is_one_of_its_step() {
    for (step, product) in products() {
        assert!(product.fits(step.kind()), "{step} cannot bring {product:?}");
    }
}

#[test]
fn what_a_handler_wrote_down_is_reported_as_before() {
    let line = |level, fields: &[(&str, &str)]| LogLine {
        at: at(1),
        level,
        message: "asked the CA".to_owned(),
        fields: fields
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<String, String>>(),
    };
    let exchange = Exchange {
        at: at(1),
        method: "POST".to_owned(),
        url: "https://ca.example.org/new-order".to_owned(),
        request: "{}".to_owned(),
        status: 201,
        response: "{}".to_owned(),
        took_ms: 4,
    };
    let notes = Notes {
        checks: vec![Check::tick("order", "it is ready")],
        log: vec![
            line(Level::Info, &[("status", "201")]),
            line(Level::Warn, &[]),
            line(Level::Error, &[]),
        ],
        exchange: vec![exchange],
        snapshots: Vec::new(),
    };
    let product = Product::Tidied;
    let told = Report {
        notes,
        ..report(Step::Tidy, Outcome::Done { product })
    };
    travels("report-notes", &told);
}

#[test]
fn a_report_that_is_sent_twice_has_one_message_id() {
    let report = report(
        Step::Tidy,
        Outcome::Done {
            product: Product::Tidied,
        },
    );
    assert_eq!(report.message_id(), format!("{RUN}.tidy.5"));
}

#[test]
fn a_report_carries_what_its_own_worker_can_know_and_nothing_else() {
    const STEPS: [Step; 8] = [
        Step::PrepareKey,
        Step::Issue,
        Step::Deploy(0),
        Step::Verify,
        Step::Rollback(0),
        Step::Confirm,
        Step::Channels,
        Step::Tidy,
    ];
    let done = |product| Outcome::Done { product };
    for (own, product) in products() {
        // A rehearsal of a verifier carries what it has seen; the sample is one of an issuer that has.
        let part = matches!(product, Product::Rehearsed(_)).then_some("what a verifier has seen");
        assert_eq!(report(own, done(product.clone())).foreign_part(), part, "{own}");
        for step in STEPS.into_iter().filter(|step| !product.fits(step.kind())) {
            let part = report(step, done(product.clone())).foreign_part();
            assert_eq!(part, Some("the product of another step"), "{step}");
        }
    }
    for step in STEPS {
        let resting = Outcome::Resting {
            until: at(3),
            checkpoint: acme_order(),
        };
        let foreign = report(step, resting).foreign_part();
        assert_eq!(foreign.is_none(), step == Step::Issue, "{step} rests");
        let mut seen = report(step, Outcome::Failed { failure: failure() });
        seen.notes.snapshots = snapshots();
        assert_eq!(
            seen.foreign_part().is_none(),
            matches!(step, Step::Verify | Step::Confirm),
            "{step} saw"
        );
    }
}

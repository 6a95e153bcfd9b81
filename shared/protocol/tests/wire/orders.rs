use std::fmt::Debug;

use domain::key_source::KeySource;
use domain::keys::KeyAlgorithm;
use domain::policy::Challenge;
use domain::run::{AcmeOrder, Checkpoint, Mode, Step, StepKind};
use domain::solver::{self, Solver};
use protocol::SCHEMA;
use protocol::order::{
    ChannelsSpec, ConfirmSpec, DeploySpec, DeployedCertificate, ExpectedCertificate, IssueSpec, Order, PrepareKeySpec,
    RollbackSpec, Spec, TidySpec, VerifySpec,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::kept::goes_out;
use crate::parts::{RUN, acme_order, at, envelope, fingerprint, receipt, run_id, target, workspace};

fn order<S>(step: Step, spec: S) -> Order<S> {
    Order {
        schema: SCHEMA,
        run_id: run_id(),
        workspace: workspace(),
        hostname: "www.example.org".parse().expect("a hostname"),
        step,
        attempt: 3,
        mode: Mode::Live,
        failures: 1,
        wait_seconds: 60,
        deadline: at(180),
        checkpoint: (step == Step::Issue).then(acme_order),
        spec,
    }
}

fn rehearsal<S>(step: Step, spec: S) -> Order<S> {
    Order {
        mode: Mode::DryRun,
        checkpoint: None,
        ..order(step, spec)
    }
}

fn prepare_key() -> PrepareKeySpec {
    PrepareKeySpec {
        names: names(),
        key_source: KeySource::default(),
        algorithm: KeyAlgorithm::EcP256,
        keep: Some(envelope("leaf-key")),
        bind_to_run: true,
    }
}

fn issue() -> IssueSpec {
    IssueSpec {
        ca: "https://ca.example.org/dir".parse().expect("a CA"),
        account_key: Some(envelope("account")),
        names: names(),
        csr_pem: Some("-----BEGIN CERTIFICATE REQUEST-----".to_owned()),
        challenge: Challenge::Http01,
        solver: Solver::default(),
        profile: Some("tlsserver".to_owned()),
        replaces: Some("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE".parse().expect("an identifier")),
        save_before_finalize: false,
    }
}

fn deploy() -> DeploySpec {
    let certificate = DeployedCertificate {
        chain_pem: "-----BEGIN CERTIFICATE-----".to_owned(),
        leaf: fingerprint("leaf"),
        sealed_key: Some(envelope("leaf-key")),
    };
    DeploySpec {
        target: target(),
        certificate: Some(certificate),
        sans: Vec::new(),
    }
}

fn verify() -> VerifySpec {
    let expected = ExpectedCertificate {
        leaf: fingerprint("leaf"),
        chain_pem: "-----BEGIN CERTIFICATE-----".to_owned(),
    };
    VerifySpec {
        port: 443,
        addresses: vec![[192, 0, 2, 7].into()],
        names: names(),
        expected: Some(expected),
        endpoints: vec![([192, 0, 2, 8], 8443).into()],
        partial: true,
        was_mixed: true,
    }
}

fn names() -> Vec<domain::DnsName> {
    ["www.example.org", "*.example.org"]
        .map(|name| name.parse().expect("a name"))
        .into()
}

fn rollback() -> RollbackSpec {
    RollbackSpec {
        target: target(),
        receipt: receipt(),
    }
}

fn confirm() -> ConfirmSpec {
    ConfirmSpec {
        port: 443,
        addresses: vec![[192, 0, 2, 7].into()],
        at_host: true,
        endpoints: vec![([192, 0, 2, 8], 8443).into()],
        except: Vec::new(),
        leaves: vec![fingerprint("former")],
    }
}

fn channels() -> ChannelsSpec {
    ChannelsSpec {
        notify: vec!["ops@example.org".to_owned()],
    }
}

fn tidy() -> TidySpec {
    TidySpec {
        ca: "https://ca.example.org/dir".parse().ok(),
        solver: Solver::default(),
        left: solver::Receipt::http01(vec!["token".to_owned()]),
    }
}

/// The planner writes `Spec`; the worker reads the spec of its own step.
fn arrives<S>(name: &str, written: Order<Spec>, meant: &Order<S>)
where
    S: Serialize + DeserializeOwned + PartialEq + Debug,
{
    assert_eq!(written.spec.kind(), written.step.kind(), "{name}");
    goes_out(name, &written);
    let wire = serde_json::to_vec(&written).expect("it is written");
    let read: Order<S> = serde_json::from_slice(&wire).expect("the worker reads it");
    assert_eq!(&read, meant, "{name}");
}

/// Every step that can be ordered, or this does not compile.
fn goes_to_its_worker(kind: StepKind) {
    let name = format!("order-{}", kind.as_str());
    match kind {
        StepKind::PrepareKey => {
            let meant = order(Step::PrepareKey, prepare_key());
            arrives(&name, meant.clone().with(Spec::PrepareKey(prepare_key())), &meant);
        }
        StepKind::Issue => {
            let meant = order(Step::Issue, issue());
            arrives(&name, meant.clone().with(Spec::Issue(Box::new(issue()))), &meant);
        }
        StepKind::Deploy => {
            let meant = order(Step::Deploy(1), deploy());
            arrives(&name, meant.clone().with(Spec::Deploy(Box::new(deploy()))), &meant);
        }
        StepKind::Verify => {
            let meant = order(Step::Verify, verify());
            arrives(&name, meant.clone().with(Spec::Verify(Box::new(verify()))), &meant);
        }
        StepKind::Rollback => {
            let meant = order(Step::Rollback(0), rollback());
            arrives(&name, meant.clone().with(Spec::Rollback(Box::new(rollback()))), &meant);
        }
        StepKind::Confirm => {
            let meant = order(Step::Confirm, confirm());
            arrives(&name, meant.clone().with(Spec::Confirm(Box::new(confirm()))), &meant);
        }
        StepKind::Channels => {
            let meant = rehearsal(Step::Channels, channels());
            arrives(&name, meant.clone().with(Spec::Channels(channels())), &meant);
        }
        StepKind::Tidy => {
            let meant = order(Step::Tidy, tidy());
            arrives(&name, meant.clone().with(Spec::Tidy(tidy())), &meant);
        }
    }
}

#[test]
fn every_order_goes_to_its_worker_as_before() {
    StepKind::ALL.into_iter().for_each(goes_to_its_worker);
}

#[test]
fn a_rehearsal_is_ordered_without_what_it_must_not_use() {
    let spec = IssueSpec {
        account_key: None,
        csr_pem: None,
        ..issue()
    };
    let meant = rehearsal(Step::Issue, spec.clone());
    arrives(
        "order-issue-rehearsed",
        meant.clone().with(Spec::Issue(Box::new(spec))),
        &meant,
    );
}

#[test]
fn an_order_that_may_be_left_for_another_ca_says_so() {
    let spec = IssueSpec {
        save_before_finalize: true,
        ..issue()
    };
    let mut meant = order(Step::Issue, spec.clone());
    meant.checkpoint = Some(Checkpoint::AcmeOrder(AcmeOrder {
        url: "https://ca.example.org/order/1".parse().expect("a URL"),
        expires: None,
        placed: solver::Receipt::default(),
        unfinalized: true,
    }));
    arrives(
        "order-issue-unfinalized",
        meant.clone().with(Spec::Issue(Box::new(spec))),
        &meant,
    );
}

#[test]
fn the_same_order_has_the_same_message_id() {
    assert_eq!(
        order(Step::Deploy(1), deploy()).message_id(),
        format!("{RUN}.deploy-1.3")
    );
}

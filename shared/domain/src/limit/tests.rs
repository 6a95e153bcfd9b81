use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;

fn names(all: &[&str]) -> Vec<DnsName> {
    all.iter().map(|name| name.parse().expect("a name")).collect()
}

fn ca() -> CaRef {
    "https://ca.example.org/dir".parse().expect("a CA")
}

fn limit(scope: Scope, burst: u32) -> Limit {
    Limit {
        id: format!("ca.{scope:?}"),
        ca: ca(),
        scope,
        title: format!("{scope:?}"),
        burst,
        period_seconds: 60,
        source: "a test".to_owned(),
        last_verified: "2026-08-05".to_owned(),
        enabled: true,
    }
}

fn keys_of(scope: Scope, all: &[&str]) -> Vec<String> {
    let (workspace, ca, names) = (WorkspaceId::default_workspace(), ca(), names(all));
    let ask = Ask {
        workspace: &workspace,
        ca: &ca,
        names: &names,
        renewal: Renewal::No,
    };
    keys(scope, &ask)
}

#[test]
fn registered_domains_go_by_the_public_suffix_list() {
    let all = [
        "www.example.co.uk",
        "*.example.co.uk",
        "a.b.example.org",
        "me.github.io",
        "github.io",
    ];
    let expected = ["example.co.uk", "example.org", "github.io", "me.github.io"];
    assert_eq!(keys_of(Scope::RegisteredDomain, &all), expected);
}

#[test]
fn a_set_of_names_has_no_order() {
    let one = keys_of(Scope::ExactSet, &["a.example.org", "b.example.org"]);
    assert_eq!(one, keys_of(Scope::ExactSet, &["b.example.org", "a.example.org"]));
    assert_ne!(one, keys_of(Scope::ExactSet, &["b.example.org"]));
}

#[test]
fn exemptions_are_those_of_the_facts() {
    use Scope::{Account, ConsecutiveFailure, ExactSet, FailedAuthorization, RegisteredDomain};
    let counted = |renewal| {
        let all = [
            Account,
            RegisteredDomain,
            ExactSet,
            FailedAuthorization,
            ConsecutiveFailure,
        ];
        all.into_iter()
            .filter(|scope| scope.counts(renewal))
            .collect::<Vec<_>>()
    };
    assert_eq!(counted(Renewal::Ari), []);
    assert_eq!(
        counted(Renewal::SameSet),
        [ExactSet, FailedAuthorization, ConsecutiveFailure]
    );
    assert_eq!(counted(Renewal::No).len(), 5);
}

#[test]
fn other_cas_and_what_is_switched_off_count_nothing() {
    let (workspace, names) = (WorkspaceId::default_workspace(), names(&["a.example.org"]));
    let off = Limit {
        enabled: false,
        ..limit(Scope::ExactSet, 1)
    };
    let limits = [limit(Scope::Account, 1), off];
    let many = |url: &str| {
        let ca = url.parse().expect("a CA");
        let ask = Ask {
            workspace: &workspace,
            ca: &ca,
            names: &names,
            renewal: Renewal::No,
        };
        needs(&limits, &ask).len()
    };
    assert_eq!(
        (
            many("https://ca.example.org/dir"),
            many("https://other.example.org/dir")
        ),
        (1, 0)
    );
}

type Spoil = fn(&mut Limit);

#[test]
fn every_refusal_of_a_limit_names_its_field() {
    let cases: [(&str, Spoil); 6] = [
        ("id", |limit| limit.id = "no spaces".to_owned()),
        ("burst", |limit| limit.burst = 0),
        ("period_seconds", |limit| limit.period_seconds = 0),
        ("title", |limit| limit.title.clear()),
        ("last_verified", |limit| limit.last_verified = "yesterday".to_owned()),
        ("last_verified", |limit| limit.last_verified = "2026-08-06".to_owned()),
    ];
    for (field, spoil) in cases {
        let now = Timestamp::from_unix(1_785_931_200).expect("5 August 2026");
        let mut limit = limit(Scope::Account, 5);
        assert_eq!(limit.check(now), Ok(()));
        spoil(&mut limit);
        assert_eq!(limit.check(now).expect_err(field).field, field);
    }
}

#[test]
fn a_twentieth_of_a_large_burst_is_kept_back() {
    let bursts = [1, 5, 19, 20, 50, 300].map(|burst| limit(Scope::Account, burst).rate().burst);
    assert_eq!(bursts, [1, 5, 19, 19, 47, 285]);
}

proptest! {
    /// All buckets of an order or none: a refused order takes nothing anywhere.
    #[test]
    fn all_or_none(account in 1_u32..6, domain in 1_u32..6, asks in prop::collection::vec((0_usize..3, 0_u64..100), 1..60)) {
        let hosts = ["a.example.org", "b.example.org", "c.example.net"];
        let limits = [limit(Scope::Account, account), limit(Scope::RegisteredDomain, domain)];
        let (workspace, ca) = (WorkspaceId::default_workspace(), ca());
        let (mut book, mut now) = (Book::default(), Timestamp::EPOCH);
        for (host, wait) in asks {
            now = now.plus(Duration::from_secs(wait));
            let names = names(&[hosts[host]]);
            let ask = Ask { workspace: &workspace, ca: &ca, names: &names, renewal: Renewal::No };
            let needs = needs(&limits, &ask);
            let left = |book: &Book| -> Vec<u32> {
                needs.iter().map(|need| book.available(&need.bucket, need.rate, now)).collect()
            };
            let before = left(&book);
            let taken = book.take(&needs, now).is_ok();
            let expected: Vec<u32> = before.iter().map(|n| if taken { n - 1 } else { *n }).collect();
            prop_assert_eq!(taken, before.iter().all(|n| *n > 0));
            prop_assert_eq!(left(&book), expected);
        }
    }
}

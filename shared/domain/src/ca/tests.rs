use proptest::prelude::*;

use super::*;
use crate::lane::{Kind, Lane, Pool};

fn part(pattern: &'static str) -> impl Strategy<Value = Part> {
    pattern.prop_map(|text| text.parse().expect("a part"))
}

fn mount(pattern: &'static str) -> impl Strategy<Value = Mount> {
    pattern.prop_map(|text| text.parse().expect("a mount"))
}

fn url() -> impl Strategy<Value = Url> {
    let text = "https://[a-z]{1,8}\\.example(:[1-9][0-9]{1,3})?/([a-z@:/~%2D?=&#]{0,12})?";
    text.prop_filter_map("no URL", |text| Url::parse(&text).ok())
}

fn ca() -> impl Strategy<Value = CaRef> {
    prop_oneof![
        url().prop_map(CaRef::Acme),
        (part("[0-9]{12}"), part("[a-z]{2}-[a-z]{4,8}-[1-9]"))
            .prop_map(|(account, region)| CaRef::AwsAcm { account, region }),
        (
            part("([a-z]{2,6}\\.example:)?[a-z][a-z0-9-]{4,20}"),
            part("[a-z0-9-]{1,12}")
        )
            .prop_map(|(project, location)| CaRef::GcpCm { project, location }),
        (
            url(),
            proptest::option::of(mount("[a-z]{1,5}(/[a-z]{1,5})?")),
            mount("[a-z_-]{1,8}(/[a-z]{1,5})?")
        )
            .prop_map(|(address, namespace, mount)| CaRef::VaultPki {
                address,
                namespace,
                mount
            }),
        Just(CaRef::Manual),
    ]
}

proptest! {
    #[test]
    fn the_text_of_every_ca_is_read_as_the_same_ca(ca in ca()) {
        let text = ca.to_string();
        prop_assert_eq!(text.parse::<CaRef>().expect("a CA"), ca.clone());
        prop_assert!(!text.contains(char::is_whitespace), "{}", text);
        let stored = serde_json::to_string(&ca).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<CaRef>(&stored).expect("a CA"), ca.clone());
        prop_assert_eq!(ca.as_acme().is_some(), Url::parse(&text).is_ok(), "only an ACME CA has the text of a URL");
    }

    #[test]
    fn two_cas_never_have_one_text(one in ca(), other in ca()) {
        prop_assert_eq!(one == other, one.to_string() == other.to_string());
    }

    #[test]
    fn the_lane_of_every_ca_is_known_by_its_name(ca in ca()) {
        let pool = Pool::Ca(ca);
        let (first, again) = (Lane::pool(pool.clone()), Lane::again(pool.clone()));
        prop_assert_eq!(first.kind(), Some(Kind::Pool(pool.clone())));
        prop_assert_eq!(again.kind(), Some(Kind::Again(pool)));
    }
}

#[test]
fn an_acme_ca_is_called_by_the_url_of_its_directory_as_it_always_was() {
    let stored = "https://acme-v02.api.letsencrypt.org/directory";
    let ca: CaRef = stored.parse().expect("a CA");
    assert_eq!(ca, CaRef::Acme(stored.parse().expect("a URL")));
    assert_eq!(ca.to_string(), stored);
    assert_eq!(Lane::ca(&ca).as_str(), format!("issue {stored}"));
}

#[test]
fn what_is_no_name_of_a_ca_is_refused() {
    for wrong in [
        "",
        "letsencrypt",
        "aws_acm:",
        "aws_acm:123456789012",
        "aws_acm:1 2/eu-central-1",
        "gcp_cm:/global",
        "vault_pki:pki@https://vault.example.org/",
        "vault_pki:a:pki@vault",
        "vault_pki:a:/pki@https://vault.example.org/",
        "manual ",
    ] {
        assert!(wrong.parse::<CaRef>().is_err(), "{wrong:?}");
    }
}

/// A choice as versions before wrote it, and under the name that comes after.
#[test]
fn a_choice_is_read_by_its_old_name_and_by_the_next_and_written_by_the_old_one() {
    let stored = |field: &str| serde_json::json!({"provider": "acme", field: "https://ca.example.org/dir", "why": "named", "cost_micro_usd": 0});
    let choice: crate::plan::Choice = serde_json::from_value(stored("directory_url")).expect("a choice");
    assert_eq!(choice, serde_json::from_value(stored("ca")).expect("a choice"));
    assert_eq!(serde_json::to_value(choice).expect("JSON"), stored("directory_url"));
}

//! The promises of the envelope: it opens for what it was made for, and for nothing else.

use proptest::prelude::*;

use super::*;
use crate::root::RootKey;

fn root(seed: u8) -> RootKey {
    RootKey::new(&Zeroizing::new([seed; RootKey::LEN]))
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(work)
}

fn workspace() -> impl Strategy<Value = WorkspaceId> {
    "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?".prop_map(|slug| slug.parse().expect("a slug"))
}

/// Of one run, or of none.
fn run() -> impl Strategy<Value = Option<RunId>> {
    prop::option::of(any::<u128>().prop_map(|bits| format!("{:032x}", bits | 1).parse().expect("a run")))
}

fn purpose() -> impl Strategy<Value = Purpose> {
    prop_oneof![
        Just(Purpose::LeafKey),
        Just(Purpose::AcmeAccount),
        Just(Purpose::Credential)
    ]
}

proptest! {
    #[test]
    fn what_was_sealed_opens_again(
        workspace in workspace(), purpose in purpose(), run in run(), secret in prop::collection::vec(any::<u8>(), 0..300)
    ) {
        let binding = Binding::new(&workspace, purpose).of_run(run);
        let envelope = wait(seal(&root(1), binding, &secret)).expect("seals");
        prop_assert!(envelope.as_str().starts_with("cmek:v1:root1-"));
        let opened = wait(open(&root(1), binding, &envelope)).expect("opens");
        prop_assert_eq!(opened.as_slice(), secret.as_slice());
        prop_assert_eq!(run_of(&envelope), Ok(run));
    }

    #[test]
    fn another_run_opens_nothing_whatever_the_envelope_says(mine in run(), theirs in run()) {
        prop_assume!(mine != theirs);
        let workspace = WorkspaceId::default_workspace();
        let (mine, theirs) = (
            Binding::new(&workspace, Purpose::LeafKey).of_run(mine),
            Binding::new(&workspace, Purpose::LeafKey).of_run(theirs),
        );
        let envelope = wait(seal(&root(1), mine, b"key")).expect("seals");
        prop_assert_eq!(wait(open(&root(1), theirs, &envelope)).err(), Some(REFUSED));
        let said = |of: Binding<'_>| of.run.map(|run| format!("@{run}")).unwrap_or_default();
        let id = root(1).id();
        let (from, to) = (format!("{id}{}:", said(mine)), format!("{id}{}:", said(theirs)));
        let relabelled = Envelope::try_from(envelope.as_str().replacen(&from, &to, 1)).expect("has the prefix");
        prop_assert_eq!(wait(open(&root(1), theirs, &relabelled)).err(), Some(REFUSED));
    }

    #[test]
    fn another_workspace_or_purpose_opens_nothing(
        mine in workspace(), theirs in workspace(), made_for in purpose(), asked_for in purpose()
    ) {
        prop_assume!(mine != theirs || made_for != asked_for);
        let envelope = wait(seal(&root(1), Binding::new(&mine, made_for), b"key")).expect("seals");
        let asked = Binding::new(&theirs, asked_for);
        prop_assert_eq!(wait(open(&root(1), asked, &envelope)).err(), Some(REFUSED));
    }

    #[test]
    fn one_changed_character_opens_nothing(workspace in workspace(), at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_:-]") {
        let binding = Binding::new(&workspace, Purpose::LeafKey);
        let envelope = wait(seal(&root(1), binding, b"the private key")).expect("seals");
        let mut text = envelope.as_str().to_owned();
        let place = Envelope::PREFIX.len() + at.index(text.len() - Envelope::PREFIX.len());
        text.replace_range(place..=place, &with);
        prop_assume!(text != envelope.as_str());
        let changed = Envelope::try_from(text).expect("still has the prefix");
        prop_assert!(wait(open(&root(1), binding, &changed)).is_err());
    }

    #[test]
    fn garbage_after_the_prefix_is_an_error_and_no_panic(rest in ".{0,80}") {
        let garbage = Envelope::try_from(format!("{}{rest}", Envelope::PREFIX)).expect("has the prefix");
        let workspace = WorkspaceId::default_workspace();
        let binding = Binding::new(&workspace, Purpose::LeafKey);
        prop_assert!(wait(open(&root(1), binding, &garbage)).is_err());
    }
}

#[test]
fn another_root_key_is_named() {
    let workspace = WorkspaceId::default_workspace();
    let binding = Binding::new(&workspace, Purpose::LeafKey);
    let envelope = wait(seal(&root(1), binding, b"key")).expect("seals");
    let (found, held) = (root(1).id(), root(2).id());
    assert_ne!(found, held);
    let refused = wait(open(&root(2), binding, &envelope)).err();
    assert_eq!(refused, Some(EnvelopeError::Kek(KekError::Foreign { found, held })));
}

#[test]
fn two_envelopes_of_one_secret_have_nothing_in_common() {
    let workspace = WorkspaceId::default_workspace();
    let binding = Binding::new(&workspace, Purpose::LeafKey);
    let one = wait(seal(&root(1), binding, b"key")).expect("seals");
    let two = wait(seal(&root(1), binding, b"key")).expect("seals");
    let (one, two) = (parts(&one).expect("parts"), parts(&two).expect("parts"));
    assert_ne!(one.wrapped, two.wrapped);
    assert_ne!(one.sealed, two.sealed);
}

#[test]
fn every_workspace_has_its_own_recipient_and_replicas_agree() {
    let (one, two): (WorkspaceId, WorkspaceId) = ("one".parse().expect("a slug"), "two".parse().expect("a slug"));
    assert_eq!(
        root(1).recipient(&one).public_key(),
        root(1).recipient(&one).public_key()
    );
    assert_ne!(
        root(1).recipient(&one).public_key(),
        root(1).recipient(&two).public_key()
    );
    assert_ne!(
        root(1).recipient(&one).public_key(),
        root(2).recipient(&one).public_key()
    );
}

/// Sealed by a version that knew no run.
#[test]
fn an_envelope_of_before_opens_still() {
    let workspace = WorkspaceId::default_workspace();
    let binding = Binding::new(&workspace, Purpose::LeafKey);
    let old = "cmek:v1:root1-715a4220d197:tHuGYSMCEazXwTf8VTeo6wVrIu-VNEcPU7RhanuqqsY0KbP1FSnFt-x9Hh5jxuC\
               rFEkrWepGAcdODDdB:Sso2QTjLmrog747TQfsbHCWKeF0lfODAjF7qn-UzHo_V9za6BDXN8OZIEw";
    let old = Envelope::try_from(old.to_owned()).expect("an envelope");
    assert_eq!(run_of(&old), Ok(None));
    assert_eq!(
        wait(open(&root(1), binding, &old)).expect("opens").as_slice(),
        b"a key of before"
    );
}

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;

const ORDER: &str = "vigilo.order.deployer.deploy";

/// A directory of one's own, with a path for a key in it.
fn room() -> (tempfile::TempDir, PathBuf) {
    let room = tempfile::tempdir().expect("a directory");
    let path = room.path().join("planner.key");
    (room, path)
}

fn key() -> SigningKey {
    let (_room, path) = room();
    SigningKey::read_or_make(&path).expect("made")
}

fn trusting(keys: &[&SigningKey]) -> Trusted {
    let lines: Vec<String> = keys.iter().map(|key| key.line(Signer::Planner)).collect();
    Trusted::read(lines.iter().map(String::as_str)).expect("good lines")
}

#[test]
fn only_the_exact_bytes_for_the_same_subject_are_believed() {
    let key = key();
    let header = key.sign(ORDER, b"{}");
    let trusted = trusting(&[&key]);
    let check =
        |header: Option<&str>, subject: &str, payload: &[u8]| trusted.check(Signer::Planner, header, subject, payload);
    assert_eq!(check(Some(&header), ORDER, b"{}"), Ok(()));
    let misfit = Err(Disbelief::Misfit("planner"));
    assert_eq!(check(Some(&header), ORDER, b"{ }"), misfit);
    assert_eq!(check(Some(&header), "vigilo.order.issuer.issue", b"{}"), misfit);
    assert_eq!(check(Some(&header), "vigilo.order.deployer.deploy\n", b"{}"), misfit);
    let half = header.split_at(header.len() - 8).0;
    assert_eq!(check(Some(half), ORDER, b"{}"), misfit);
    for none in [None, Some(""), Some("nonsense")] {
        assert_eq!(check(none, ORDER, b"{}"), Err(Disbelief::Unsigned("planner")));
    }
}

#[test]
fn two_keys_are_believed_at_a_time_and_a_third_is_a_stranger() {
    let (old, new, other) = (key(), key(), key());
    let trusted = trusting(&[&old, &new]);
    for known in [&old, &new] {
        let header = known.sign(ORDER, b"x");
        assert_eq!(trusted.check(Signer::Planner, Some(&header), ORDER, b"x"), Ok(()));
    }
    let strange = other.sign(ORDER, b"x");
    let said = trusted
        .check(Signer::Planner, Some(&strange), ORDER, b"x")
        .expect_err("a stranger");
    let said = said.to_string();
    assert!(
        said.starts_with("BUS-0002") && said.contains(&other.id) && said.contains(&new.id),
        "{said}"
    );
    let lines = [&old, &new, &other].map(|key| key.line(Signer::Planner));
    let refused = Trusted::read(lines.iter().map(String::as_str)).err().expect("three");
    assert!(refused.contains("more than 2"), "{refused}");
}

#[test]
fn the_key_of_one_signer_is_none_of_the_other() {
    let key = key();
    let header = key.sign(ORDER, b"x");
    let line = key.line(Signer::KeySigner);
    let trusted = Trusted::read([line.as_str()]).expect("a good line");
    assert!(trusted.knows(Signer::KeySigner) && !trusted.knows(Signer::Planner));
    let said = trusted
        .check(Signer::Planner, Some(&header), ORDER, b"x")
        .expect_err("nobody is known");
    assert!(said.to_string().ends_with("known here are none"), "{said}");
}

#[test]
fn a_line_that_is_no_key_is_refused_with_what_is_right() {
    for (line, problem) in [
        ("planner", "no colon"),
        ("stranger:AAAA", "no signer"),
        ("planner:no base64!", "no base64"),
        ("planner:AAAA", "no Ed25519 public key"),
    ] {
        let refused = Trusted::read([line]).err().expect("refused");
        assert!(
            refused.contains(problem) && refused.contains("nats-config"),
            "{refused}"
        );
    }
}

#[test]
fn a_key_is_made_once_for_its_owner_alone() {
    let (room, path) = room();
    let made = SigningKey::read_or_make(&path).expect("made").line(Signer::Planner);
    assert_eq!(
        SigningKey::read_or_make(&path).expect("read").line(Signer::Planner),
        made
    );
    let mode = fs::metadata(&path).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        fs::read_dir(room.path()).expect("a directory").count(),
        1,
        "nothing is left beside it"
    );
    for open in [0o640, 0o604, 0o660] {
        fs::set_permissions(&path, fs::Permissions::from_mode(open)).expect("chmod");
        let refused = SigningKey::read(&path).err().expect("others can read it");
        assert!(refused.contains("chmod 600"), "{refused}");
    }
}

#[test]
fn what_is_no_private_key_is_refused_and_not_repeated() {
    let (room, path) = room();
    assert!(SigningKey::read(&path).err().expect("none").contains("nats-config"));
    assert!(
        SigningKey::read(room.path())
            .err()
            .expect("a directory")
            .contains("is no file")
            || SigningKey::read(room.path())
                .err()
                .expect("a directory")
                .contains("chmod")
    );
    for text in [
        "hunter2",
        "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n",
    ] {
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
        let refused = SigningKey::read(&path).err().expect("no key");
        assert!(refused.contains("PKCS#8") && !refused.contains("hunter2"), "{refused}");
    }
}

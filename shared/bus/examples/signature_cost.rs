//! What signatures cost: the CPU time of signing and of checking one message, by its size. As JSON on standard output.
//!
//! `cargo xtask bench signatures` runs it in release.

use std::hint::black_box;

use anyhow::{Result, anyhow};
use bus::signing::{Signer, SigningKey, Trusted};
use testkit::cpu::{micros, rounded};

const SUBJECT: &str = "vigilo.order.deployer.deploy";
/// An order without a certificate, one with a chain of two, one with a long chain.
const SIZES: [usize; 3] = [1_000, 6_000, 16_000];
const ROUNDS: u32 = 20_000;

/// One renewal with one target, whose workspace has an account at the CA and whose order is proven with one name.
const ORDERS: u32 = 4;
/// The key-signer's answer of the opened leaf key.
const ANSWERS: u32 = 1;
/// Within Issue: the order was opened; with another CA standing by one more.
const DIRECT_REPLIES: u32 = 1;
/// The deployer's order, which the key-signer checks once more.
const SHOWN: u32 = 1;

fn main() -> Result<()> {
    let room = tempfile::tempdir()?;
    let key = SigningKey::read_or_make(&room.path().join("planner.key")).map_err(|why| anyhow!(why))?;
    let line = key.line(Signer::Planner);
    let trusted = Trusted::read([line.as_str()]).map_err(|why| anyhow!(why))?;
    let mut by_size = serde_json::Map::new();
    let mut of_middle = (0.0, 0.0);
    for size in SIZES {
        let payload = vec![b'x'; size];
        let header = key.sign(SUBJECT, &payload);
        let sign = micros(ROUNDS, || {
            drop(black_box(key.sign(SUBJECT, black_box(&payload))));
            Ok(())
        })?;
        let check = micros(ROUNDS, || {
            Ok(trusted.check(Signer::Planner, Some(&header), SUBJECT, black_box(payload.as_slice()))?)
        })?;
        if size == SIZES[1] {
            of_middle = (sign, check);
        }
        by_size.insert(
            size.to_string(),
            serde_json::json!({"sign_us": rounded(sign), "check_us": rounded(check)}),
        );
    }
    let signed = f64::from(ORDERS + ANSWERS + DIRECT_REPLIES);
    let checked = signed + f64::from(SHOWN);
    let report = serde_json::json!({
        "bytes": by_size,
        "per_certificate": {
            "signed": signed, "checked": checked,
            "cpu_us": rounded(signed.mul_add(of_middle.0, checked * of_middle.1)),
        },
    });
    println!("{report}");
    Ok(())
}

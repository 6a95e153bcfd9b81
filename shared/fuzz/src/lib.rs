//! Inputs that are nearly right, for parsers of what others send. For tests only.
//!
//! In: seeds, kept as files beside a crate or made by its tests; a parser with the properties that hold for whatever it reads. Out:
//! nothing, or the input that broke it, kept as one more seed. Never: chance; the same numbers give the same inputs. A small number of
//! rounds runs with the ordinary tests, a large one with `cargo xtask prove fuzz`.

mod mutate;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use mutate::Mutator;

/// How many inputs each parser gets; `cargo xtask prove fuzz` sets it.
pub const ROUNDS: &str = "VIGILO_FUZZ_ROUNDS";
/// Where the numbers begin.
pub const BEGIN: &str = "VIGILO_FUZZ_BEGIN";
const FEW: u64 = 400;
/// What is longer is cut: the parsers are bounded elsewhere.
const LONGEST: usize = 16 * 1024;

/// Feeds `parse` with the seeds in `<crate>/seeds/<name>`, with `further` ones, and with mutants of all.
///
/// # Panics
/// When `parse` does, with the input that it was given, which is a seed from then on.
pub fn holds(here: &str, name: &str, further: &[Vec<u8>], parse: impl Fn(&[u8])) {
    let kept = Path::new(here).join("seeds").join(name);
    let mut seeds = read(&kept);
    seeds.extend_from_slice(further);
    assert!(!seeds.is_empty(), "{name} has no seeds in {}", kept.display());
    for seed in &seeds {
        feed(&kept, seed, &parse);
    }
    let mut mutator = Mutator::new(number(BEGIN, 1) ^ hash(name.as_bytes()), &seeds);
    for _ in 0..number(ROUNDS, FEW) {
        let mut input = mutator.next();
        input.truncate(LONGEST);
        feed(&kept, &input, &parse);
    }
}

/// The seeds of a directory, in the order of their names.
pub fn read(kept: &Path) -> Vec<Vec<u8>> {
    let Ok(files) = fs::read_dir(kept) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    paths.sort();
    paths.iter().filter_map(|path| fs::read(path).ok()).collect()
}

fn feed(kept: &Path, input: &[u8], parse: &impl Fn(&[u8])) {
    if catch_unwind(AssertUnwindSafe(|| parse(input))).is_ok() {
        return;
    }
    let file = kept.join(format!("broke-{:016x}", hash(input)));
    let saved = fs::create_dir_all(kept).and_then(|()| fs::write(&file, input));
    let shown: String = String::from_utf8_lossy(input).chars().take(600).collect();
    panic!(
        "this input breaks the parser (kept as {}: {saved:?}):\n{shown:?}",
        file.display()
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "dev only: how long a proof runs is said by whoever starts it"
)]
fn number(variable: &str, otherwise: u64) -> u64 {
    let set = std::env::var(variable).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// FNV-1a: names and inputs apart, no more.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parser_that_breaks_is_found_out_and_its_input_is_kept() {
        let here = std::env::temp_dir().join(format!("vigilo-fuzz-{}", std::process::id()));
        let text = here.display().to_string();
        // It fears a date that no seed has: only the mutator knows it.
        let fearful = |input: &[u8]| {
            assert!(!input.windows(9).any(|part| part == b"9999-12-3"), "too late");
        };
        let seed = br#"{"at":"2026-01-31T18:00:00Z","n":7}"#.to_vec();
        let found = catch_unwind(|| holds(&text, "dates", &[seed], fearful));
        assert!(found.is_err(), "400 inputs and none of them at the border");
        let kept = read(&here.join("seeds").join("dates"));
        assert_eq!(kept.len(), 1);
        assert!(catch_unwind(|| fearful(&kept[0])).is_err());
        fs::remove_dir_all(&here).expect("ours");
    }
}

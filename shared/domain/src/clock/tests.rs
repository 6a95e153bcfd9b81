use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Timestamp, serde_json::Error> {
    serde_json::from_value(text.into())
}

fn written(at: Timestamp) -> String {
    serde_json::to_string(&at).expect("every instant can be written")
}

#[test]
fn an_instant_is_kept_in_utc_however_it_was_written() {
    let at = read("2026-12-01T22:00:00+01:00").expect("an instant");
    assert_eq!(written(at), "\"2026-12-01T21:00:00Z\"");
    let fine = read("2026-12-01T21:00:00.123456789Z").expect("an instant");
    assert_eq!(fine.get().nanosecond(), 123_456_000);
}

#[test]
fn what_is_no_instant_is_told_an_instant() {
    for wrong in ["tomorrow", "", "2026-12-01", "2026-13-01T00:00:00Z"] {
        let said = read(wrong).expect_err(wrong).to_string();
        assert!(said.contains(wrong) && said.contains("2026-01-31T18:00:00Z"), "{said}");
    }
}

#[test]
fn what_an_offset_moves_out_of_the_calendar_is_refused() {
    for outside in [
        "9999-12-31T23:59:59-01:00",
        "0000-01-01T00:00:00+23:59",
        "0000-01-01T00:00:00+00:01",
    ] {
        let said = read(outside).expect_err(outside).to_string();
        assert!(
            said.contains(outside) && said.contains("the years 0 to 9999 in UTC, expected an instant"),
            "{said}"
        );
    }
    assert_eq!(read("0000-01-01T00:00:00Z").expect("the first"), Timestamp::FIRST);
    assert_eq!(
        read("9999-12-31T23:59:59.999999999Z").expect("the last"),
        Timestamp::LAST
    );
}

#[test]
fn a_refusal_does_not_repeat_what_is_long() {
    let said = read(&"9".repeat(100_000)).expect_err("no instant").to_string();
    assert!(said.len() < 200, "{} characters", said.len());
}

#[test]
fn arithmetic_ends_at_the_borders() {
    let (first, last) = (Timestamp::FIRST, Timestamp::LAST);
    let wait = Duration::from_secs(1);
    assert_eq!((last.plus(wait), first.minus(wait)), (last, first));
    assert_eq!(Timestamp::EPOCH.plus(Duration::MAX), last);
    assert_eq!(Timestamp::EPOCH.minus(Duration::MAX), first);
    assert_eq!(
        (written(last), written(first)),
        (
            "\"9999-12-31T23:59:59.999999Z\"".to_owned(),
            "\"0000-01-01T00:00:00Z\"".to_owned()
        )
    );
    assert_eq!(
        (Timestamp::from_unix(i64::MAX), Timestamp::from_unix(-62_167_219_201)),
        (None, None)
    );
    assert_eq!(Timestamp::from_unix(-62_167_219_200), Some(first));
}

fn instants() -> impl Strategy<Value = Timestamp> {
    (-62_167_219_200_i64..=253_402_300_799).prop_map(|seconds| Timestamp::from_unix(seconds).expect("within the years"))
}

proptest! {
    /// RFC 3339 texts of every kind, also those at the borders and those that are nearly one.
    #[test]
    fn no_text_ends_the_process(
        year in prop_oneof![Just(0_u32), Just(9_999), 0_u32..=10_000], month in 0_u32..14, day in 0_u32..33,
        time in "[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,12})?", offset in "Z|z|[+-][0-2][0-9]:[0-6][0-9]|"
    ) {
        let text = format!("{year:04}-{month:02}-{day:02}T{time}{offset}");
        if let Ok(at) = read(&text) {
            prop_assert_eq!(read(written(at).trim_matches('"')).expect("it was written"), at);
            prop_assert!((Timestamp::FIRST..=Timestamp::LAST).contains(&at));
        }
    }

    #[test]
    fn no_arithmetic_leaves_the_calendar(at in instants(), other in instants(), seconds in any::<u64>(), nanos in 0_u32..1_000_000_000) {
        let wait = Duration::new(seconds, nanos);
        for made in [at.plus(wait), at.minus(wait), Timestamp::nearest(at.get().saturating_add(time::Duration::MAX))] {
            prop_assert_eq!(read(written(made).trim_matches('"')).expect("it was written"), made);
            prop_assert!(!made.to_string().is_empty());
        }
        let _ = (at.since(other), at.days_from(other), at.unix_micros());
    }
}

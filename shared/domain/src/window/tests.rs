use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    serde_json::from_value(text.into()).expect("an instant")
}

fn window(cron: &str, minutes: u32, zone: &str) -> Window {
    Window::new(cron, minutes, zone).expect("a window")
}

#[test]
fn a_window_of_a_weekday_night_lasts_into_the_morning() {
    let night = [window("0 22 * * 1-5", 480, "Europe/Berlin")];
    // Friday 20 November 2026, 22:00 in Berlin is 21:00 UTC.
    assert!(!is_open(&night, at("2026-11-20T20:59:59Z")));
    assert!(is_open(&night, at("2026-11-20T21:00:00Z")));
    assert!(
        is_open(&night, at("2026-11-21T04:59:59Z")),
        "Saturday morning is still Friday's night"
    );
    assert!(!is_open(&night, at("2026-11-21T05:00:00Z")));
    assert_eq!(
        next_open(&night, at("2026-11-21T05:00:00Z")),
        Some(at("2026-11-23T21:00:00Z"))
    );
    let inside = at("2026-11-20T23:00:00Z");
    assert_eq!(next_open(&night, inside), Some(inside));
}

#[test]
fn the_place_keeps_its_hour_when_the_clocks_change() {
    let night = window("0 22 * * *", 60, "Europe/Berlin");
    // Summer time ended on 25 October 2026: 22:00 was 20:00 UTC the day before, and 21:00 UTC that day.
    assert_eq!(
        night.next_opening(at("2026-10-24T12:00:00Z")),
        Some(at("2026-10-24T20:00:00Z"))
    );
    assert_eq!(
        night.next_opening(at("2026-10-25T12:00:00Z")),
        Some(at("2026-10-25T21:00:00Z"))
    );
}

#[test]
fn an_hour_that_the_clock_skips_opens_as_it_is_over_and_one_that_comes_twice_opens_once() {
    let early = window("30 2 * * *", 30, "Europe/Berlin");
    // 28 March 2027: 02:00 is 03:00; 02:30 would have been 01:30 UTC, which is 03:30.
    assert_eq!(
        early.next_opening(at("2027-03-27T12:00:00Z")),
        Some(at("2027-03-28T01:30:00Z"))
    );
    // 25 October 2026: 02:30 is 00:30 UTC and again 01:30 UTC.
    let first = at("2026-10-25T00:30:00Z");
    assert_eq!(early.next_opening(at("2026-10-24T12:00:00Z")), Some(first));
    assert_eq!(early.next_opening(first), Some(at("2026-10-26T01:30:00Z")));
    assert!(early.is_open(at("2026-10-25T00:45:00Z")) && !early.is_open(at("2026-10-25T01:45:00Z")));
}

#[test]
fn lists_ranges_steps_and_names_are_read() {
    let next = |cron: &str| window(cron, 10, "UTC").next_opening(at("2026-11-24T18:30:00Z"));
    assert_eq!(next("0,45 18 * * *"), Some(at("2026-11-24T18:45:00Z")));
    assert_eq!(next("*/20 * * * *"), Some(at("2026-11-24T18:40:00Z")));
    assert_eq!(next("0 3 * * SUN"), Some(at("2026-11-29T03:00:00Z")));
    assert_eq!(next("0 3 * * 7"), Some(at("2026-11-29T03:00:00Z")));
    assert_eq!(next("0 3 1 jan-mar *"), Some(at("2027-01-01T03:00:00Z")));
    assert_eq!(next("0 3 29 2 *"), Some(at("2028-02-29T03:00:00Z")));
    // Day or weekday.
    assert_eq!(next("0 3 30 * 5"), Some(at("2026-11-27T03:00:00Z")));
}

#[test]
fn what_is_no_window_is_refused_by_its_field() {
    let cases = [
        ("0 22 * *", 60, "UTC", "cron"),
        ("61 22 * * *", 60, "UTC", "cron"),
        ("0 22 * * mon-", 60, "UTC", "cron"),
        ("0 22 * * 5-1", 60, "UTC", "cron"),
        ("0 22/0 * * *", 60, "UTC", "cron"),
        ("0 22 * * *", 0, "UTC", "minutes"),
        ("0 22 * * *", 60, "Europe/Entenhausen", "zone"),
    ];
    for (cron, minutes, zone, field) in cases {
        assert_eq!(Window::new(cron, minutes, zone).expect_err(cron).field, field);
    }
    let never = [window("0 3 30 2 *", 10, "UTC")];
    assert_eq!(check(&never).expect_err("30 February").field, "windows[0].cron");
    assert_eq!(next_open(&never, Timestamp::EPOCH), None);
}

#[test]
fn it_is_written_as_it_was_read() {
    let text = r#"{"cron":"0 22 * * 1-5","minutes":480,"zone":"Europe/Berlin"}"#;
    let window: Window = serde_json::from_str(text).expect("a window");
    assert_eq!(serde_json::to_string(&window).expect("JSON"), text);
}

#[test]
fn the_openings_of_two_days_are_listed_each_within_its_time() {
    let nights = [window("0 22 * * *", 120, "UTC"), window("0 0 * * *", 60, "UTC")];
    let (from, until) = (at("2026-03-02T22:30:00Z"), at("2026-03-04T22:10:00Z"));
    let expected = [
        (at("2026-03-02T22:30:00Z"), at("2026-03-03T01:00:00Z")),
        (at("2026-03-03T22:00:00Z"), at("2026-03-04T01:00:00Z")),
        (at("2026-03-04T22:00:00Z"), at("2026-03-04T22:10:00Z")),
    ];
    assert_eq!(openings(&nights, from, until), expected);
    assert_eq!(
        openings(&nights, at("2026-03-02T02:00:00Z"), at("2026-03-02T03:00:00Z")),
        []
    );
    assert_eq!(openings(&[], from, until), []);
}

proptest! {
    /// The next opening is open, and nothing between is.
    #[test]
    fn nothing_is_open_before_the_next_opening(
        hour in 0_u8..24, weekday in 0_u8..7, minutes in 1_u32..3_000, seconds in 0_i64..400_000_000, share in 0.0_f64..1.0,
    ) {
        let windows = [window(&format!("17 {hour} * * {weekday}"), minutes, "America/New_York")];
        let from = Timestamp::from_unix(1_700_000_000 + seconds).expect("an instant");
        let open = next_open(&windows, from).expect("a weekly window opens");
        prop_assert!(open >= from && is_open(&windows, open));
        if open > from {
            let between = from.plus(open.since(from).mul_f64(share * 0.999_999));
            prop_assert!(!is_open(&windows, between));
            prop_assert!(open.since(from) <= Duration::from_secs(8 * 86_400));
        }
    }
}

use domain::ari::{Suggestion, Window};
use domain::ca::CaRef;

use super::*;

fn at(hours: u64) -> Timestamp {
    Timestamp::EPOCH.plus(Duration::from_secs(hours * 3600))
}

fn suggestion(start: u64, end: u64) -> Suggestion {
    Suggestion {
        window: Window::new(at(start), at(end)).expect("a window"),
        explanation_url: Some("https://ca.example.org/why".to_owned()),
    }
}

fn suggested(start: u64, end: u64) -> RenewalInfoAnswer {
    RenewalInfoAnswer::Suggested {
        suggestion: suggestion(start, end),
        retry_at: Some(at(106)),
    }
}

/// Served from hour 0 to hour 2160, asked about before.
fn before() -> LockedRenewal {
    LockedRenewal {
        host_id: HostId::new(),
        workspace: WorkspaceId::default_workspace(),
        cert_id: Some("AIdlQyE.AIdlQyE".parse().expect("an identifier")),
        ca: "https://ca.example.org/dir".parse().ok(),
        life: (at(0), at(2160)),
        suggestion: Some(suggestion(1400, 1440)),
        answered_at: Some(at(90)),
        failures: 2,
        issued_here: true,
    }
}

fn told(before: &LockedRenewal, answer: RenewalInfoAnswer) -> Told {
    Told {
        host_id: before.host_id,
        cert_id: before.cert_id.clone().expect("it has one"),
        asked_at: at(100),
        told_at: at(100),
        answer,
    }
}

fn kept(answer: RenewalInfoAnswer) -> Answered {
    let before = before();
    answered(&before, &told(&before, answer), at(100)).expect("it is news")
}

fn due(ca: &str) -> ToAsk {
    ToAsk {
        host_id: HostId::new(),
        workspace: WorkspaceId::default_workspace(),
        cert_id: "AIdlQyE.AIdlQyE".parse().expect("an identifier"),
        ca: format!("https://{ca}/dir").parse().expect("a CA"),
    }
}

#[test]
fn a_message_is_about_a_few_certificates_of_one_ca() {
    let due: Vec<ToAsk> = (0..20)
        .map(|n| due(if n % 2 == 0 { "a.org" } else { "b.org" }))
        .collect();
    let asks = asks(due.clone(), at(100));
    let sizes: Vec<usize> = asks.iter().map(|ask| ask.certificates().count()).collect();
    assert_eq!(sizes, [8, 2, 8, 2]);
    for one in &due {
        let of = asks
            .iter()
            .filter(|ask| ask.certificates().any(|served| served.host_id == one.host_id));
        let at: Vec<&CaRef> = of.map(|ask| &ask.ca).collect();
        assert_eq!(at, [&one.ca]);
    }
}

#[test]
fn a_suggestion_is_kept_and_asked_about_when_the_ca_says() {
    let kept = kept(suggested(1300, 1340));
    assert_eq!(kept.suggestion, Some(suggestion(1300, 1340)));
    assert!((kept.failures, kept.last_error, kept.called) == (0, None, false));
    assert!(kept.next_ask_at.is_some_and(|next| next >= at(106) && next < at(107)));
}

#[test]
fn a_window_that_jumped_into_the_past_is_a_call() {
    assert!(kept(suggested(98, 99)).called);
}

#[test]
fn the_first_answer_about_a_certificate_of_ours_is_no_call() {
    let first = LockedRenewal {
        suggestion: None,
        answered_at: None,
        ..before()
    };
    let past = |before: &LockedRenewal| answered(before, &told(before, suggested(2, 3)), at(100)).map(|one| one.called);
    assert_eq!(past(&first), Some(false), "the CA says so of every one");
    let adopted = LockedRenewal {
        issued_here: false,
        ..first
    };
    assert_eq!(past(&adopted), Some(true));
}

#[test]
fn what_passes_leaves_the_window_and_what_lasts_takes_it() {
    let said = || "503".to_owned();
    let busy = kept(RenewalInfoAnswer::Unavailable {
        until: None,
        said: said(),
    });
    assert_eq!((busy.suggestion, busy.failures), (before().suggestion, 3));
    for answer in [
        RenewalInfoAnswer::NotOffered,
        RenewalInfoAnswer::Unknown { said: said() },
        RenewalInfoAnswer::Garbled { said: said() },
    ] {
        let kept = kept(answer);
        assert!(kept.suggestion.is_none() && kept.last_error.is_some(), "{kept:?}");
    }
}

#[test]
fn an_answer_about_another_certificate_or_an_older_one_is_no_news() {
    let before = before();
    let mut other = told(&before, suggested(1300, 1340));
    other.cert_id = "BIdlQyE.AIdlQyE".parse().expect("an identifier");
    assert!(answered(&before, &other, at(100)).is_none());
    let mut older = told(&before, suggested(1300, 1340));
    older.told_at = at(80);
    assert!(answered(&before, &older, at(100)).is_none());
}

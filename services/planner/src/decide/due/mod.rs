//! When a policy renews itself, and the named reason of every answer. Pure.
//!
//! In: a policy, what its host serves and what the CA suggests for it, its last live run, now. Out:
//! due or not, and when to judge again. Never: a renewal of what has never been seen: a host that
//! serves nothing yet is renewed by a person once.

use std::time::Duration;

use domain::ari::{self, Suggestion};
use domain::counted;
use domain::policy::Policy;
use domain::run::Status;
use domain::window::{self, Window};
use domain::{RunId, Timestamp};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Within this a revocation is still answered in time: the clock of a CA is 24 hours or five days.
const AFTER_SUCCESS: Duration = Duration::from_secs(6 * 3600);
/// What is not due is judged again after this long at the latest: an administrator may have changed
/// what is served.
const LOOK_AGAIN: Duration = Duration::from_secs(6 * 3600);
/// A run that has not ended, or a host that was not seen, may change at any moment.
const LOOK_SOON: Duration = Duration::from_secs(60);
/// Certificates that live shorter are renewed at half of their life, others at two thirds (Let's
/// Encrypt's advice to integrators).
const SHORT_LIVED: Duration = Duration::from_secs(10 * 24 * 3600);
/// Part of the life over which an estate that was issued in one night is spread: as wide as an ARI
/// window.
const SPREAD: u32 = 50;
/// A policy's own number of days may be more than its certificates live, since lifetimes shrink:
/// renewed at once again and again, they would use up every limit of the CA. Of each life at least
/// this part is used.
const LEAST_USED: u32 = 3;

/// The certificate that a host serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    pub from: Timestamp,
    pub until: Timestamp,
    /// When its CA wants it renewed, if it was asked and has said so.
    pub suggested: Option<Suggestion>,
    /// The CA said another window before, and has called for renewal at once since.
    pub called: bool,
    /// When the host may be touched in that time; empty: always, or never.
    pub open: Vec<ari::Window>,
}

/// The newest live run of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRun {
    pub id: RunId,
    pub status: Status,
    pub moved_at: Timestamp,
    /// No person asked for it.
    pub by_schedule: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    Now {
        why: String,
    },
    Later {
        /// Nothing when no instant is known at which it will be due.
        due_at: Option<Timestamp>,
        judge_at: Timestamp,
        why: String,
    },
}

pub fn due(policy: &Policy, served: Option<Life>, last: Option<LastRun>, now: Timestamp) -> Due {
    if let Some(why) = policy.spec.only_by_hand() {
        return later(None, why.to_owned(), now);
    }
    if let Some(run) = last.filter(|run| !has_ended(run.status)) {
        return soon(format!("run {} has not ended", run.id), now);
    }
    let Some(life) = served else {
        return soon("no certificate has been seen at this host yet".to_owned(), now);
    };
    let Renewal { at, rule, aside } = renewal_time(policy, &life, last, now);
    let at = last.map_or(at, |run| at.max(rested(run, &life)));
    if at > now {
        return later(Some(at), format!("{rule}, at {at}{aside}"), now);
    }
    let end = life.until;
    let why = if end <= now {
        format!("the certificate in service has expired at {end}{aside}")
    } else {
        format!("{rule}; the certificate in service ends at {end}{aside}")
    };
    Due::Now { why }
}

/// When a certificate is to be renewed.
struct Renewal {
    at: Timestamp,
    rule: String,
    /// What the CA has said in vain, as the end of the sentence; empty as a rule.
    aside: String,
}

impl Renewal {
    fn by(at: Timestamp, rule: String) -> Self {
        Self {
            at,
            rule,
            aside: String::new(),
        }
    }
}

/// Moves a due date into the maintenance windows: due at their next opening, unless the certificate
/// would have expired by then.
pub fn within(windows: &[Window], due: Due, served: Option<Life>, now: Timestamp) -> Due {
    let next = |from: Timestamp| {
        let opens = window::next_open(windows, from)?;
        let too_late = served.as_ref().is_some_and(|life| life.until <= opens);
        (opens > from && !too_late).then_some(opens)
    };
    match due {
        Due::Now { why } => match next(now) {
            Some(opens) => later(Some(opens), format!("{why}; the window opens at {opens}"), now),
            None => Due::Now { why },
        },
        Due::Later {
            due_at: Some(at), why, ..
        } => {
            let due_at = next(at).unwrap_or(at);
            later(Some(due_at), why, now)
        }
        other @ Due::Later { .. } => other,
    }
}

fn has_ended(status: Status) -> bool {
    match status {
        Status::Queued | Status::Running | Status::NeedsManual => false,
        Status::Succeeded | Status::Failed | Status::Cancelled => true,
    }
}

/// After a run that was in vain the clock rests: a day, less when the certificate lives short.
/// After one of its own that succeeded it rests too: a CA that calls again and again, or a machine
/// that puts the old file back, would have it renew without end.
fn rested(run: LastRun, life: &Life) -> Timestamp {
    let whole = life.until.since(life.from);
    let rest = match run.status {
        Status::Failed | Status::Cancelled => DAY.min(whole / 10),
        Status::Succeeded if run.by_schedule => AFTER_SUCCESS.min(whole / LEAST_USED),
        Status::Queued | Status::Running | Status::NeedsManual | Status::Succeeded => return Timestamp::EPOCH,
    };
    run.moved_at.plus(rest)
}

/// The CA's window, where there is one that makes sense; a policy's own number of days may come
/// before it, never after it.
fn renewal_time(policy: &Policy, life: &Life, last: Option<LastRun>, now: Timestamp) -> Renewal {
    let own = own_time(policy, life);
    let Some(suggestion) = &life.suggested else { return own };
    let Some(window) = suggestion.window.in_life(life.from, life.until) else {
        let aside = too_late(suggestion);
        return Renewal { aside, ..own };
    };
    let at = ari::pick(&window, policy.id, life.open.iter().copied());
    let suggested = if says_so_of_every_one(&window, life, last, now) {
        let third = life.from.plus(life.until.since(life.from) / LEAST_USED);
        Renewal::by(at.max(third), always_past(suggestion))
    } else {
        Renewal::by(at, suggested(suggestion, now))
    };
    if policy.spec.renew_before_days.is_some() && own.at <= suggested.at {
        return own;
    }
    suggested
}

/// Whether the window was past from the first answer on for a certificate that a run of ours got:
/// obeyed at once, it would be the same with the next one, and the next.
fn says_so_of_every_one(window: &ari::Window, life: &Life, last: Option<LastRun>, now: Timestamp) -> bool {
    let ours = last.is_some_and(|run| run.status == Status::Succeeded && run.moved_at >= life.from);
    window.is_past(now) && ours && !life.called
}

fn suggested(suggestion: &Suggestion, now: Timestamp) -> String {
    let said = describe_suggestion(suggestion);
    if suggestion.window.is_past(now) {
        format!(
            "the CA suggests {said}, which has passed: now (ARI{})",
            page(suggestion)
        )
    } else {
        format!("the CA suggests {said} (ARI{})", page(suggestion))
    }
}

fn always_past(suggestion: &Suggestion) -> String {
    let said = describe_suggestion(suggestion);
    format!(
        "the CA suggests {said}, which had passed when it was asked first: not before a third of the life is over (ARI{})",
        page(suggestion)
    )
}

fn too_late(suggestion: &Suggestion) -> String {
    let said = describe_suggestion(suggestion);
    format!(
        "; the CA suggests {said}, which leaves no time to renew before the end: not obeyed (ARI{})",
        page(suggestion)
    )
}

fn describe_suggestion(suggestion: &Suggestion) -> String {
    format!("{}–{}", suggestion.window.start(), suggestion.window.end())
}

fn page(suggestion: &Suggestion) -> String {
    let url = suggestion.explanation_url.as_deref();
    url.map(|url| format!(", see {url}")).unwrap_or_default()
}

fn own_time(policy: &Policy, life: &Life) -> Renewal {
    let whole = life.until.since(life.from);
    let early = early(policy, whole);
    if let Some(days) = policy.spec.renew_before_days {
        let (wait, least) = (whole.saturating_sub(DAY * u32::from(days)), whole / LEAST_USED);
        let days = counted(days, "day");
        let rule = if wait < least {
            format!("{days} before the end, as the policy says, but not before a third of the life is over")
        } else {
            format!("{days} before the end, as the policy says")
        };
        return Renewal::by(life.from.plus(wait.max(least).saturating_sub(early)), rule);
    }
    let (left, rule) = if whole < SHORT_LIVED {
        (whole / 2, "when half of the life is left")
    } else {
        (whole / 3, "when a third of the life is left")
    };
    Renewal::by(life.from.plus(whole - left - early), rule.to_owned())
}

/// Each policy has a place of its own in the spread, the same for every planner.
fn early(policy: &Policy, whole: Duration) -> Duration {
    let place = u32::try_from(policy.id.get().as_u128() % 1_000).unwrap_or(0);
    whole / SPREAD / 1_000 * place
}

fn soon(why: String, now: Timestamp) -> Due {
    Due::Later {
        due_at: None,
        judge_at: now.plus(LOOK_SOON),
        why,
    }
}

fn later(due_at: Option<Timestamp>, why: String, now: Timestamp) -> Due {
    let judge_at = due_at.unwrap_or(now.plus(LOOK_AGAIN)).min(now.plus(LOOK_AGAIN));
    Due::Later { due_at, judge_at, why }
}

#[cfg(test)]
mod tests;

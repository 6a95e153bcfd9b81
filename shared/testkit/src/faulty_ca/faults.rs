//! What the CA is told to do wrong, and where.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, SystemTime};

use serde_json::Value;

/// A resource of the CA (RFC 8555 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultPoint {
    Directory,
    NewNonce,
    NewAccount,
    Account,
    NewOrder,
    Order,
    Authorization,
    Challenge,
    Finalize,
    Certificate,
    /// RFC 9773 §4.1
    RenewalInfo,
}

#[derive(Debug, Clone)]
pub enum Fault {
    /// 400 `badNonce`, though the nonce is good.
    RefuseNonce,
    /// 429 `rateLimited`; nothing is done.
    RateLimit(RetryAfter),
    /// 503 of a load balancer, without a problem document; nothing is done.
    Busy(RetryAfter),
    /// 500 `serverInternal`; nothing is done.
    Internal,
    /// Any other problem document; nothing is done.
    Problem { status: u16, body: Value },
    /// A web page in place of the answer; nothing is done.
    Page { status: u16, body: String },
    /// It is elsewhere now; nothing is done.
    Moved { to: String },
    /// Does what was asked, and breaks the connection off in the middle of the answer.
    BreakOff,
    /// Does what was asked, and answers so much later.
    Slow(Duration),
}

/// The two forms of the header (RFC 9110 §10.2.3).
#[derive(Debug, Clone, Copy)]
pub enum RetryAfter {
    Seconds(u64),
    /// So many seconds from when the answer is given, as an HTTP date.
    DateIn(u64),
    /// A date that has passed.
    Past,
    /// So many seconds from when the answer is given, by a clock of the CA that is so far ahead of ours (or behind: less than 0).
    /// The answer's own `Date` is by that clock too.
    BySkewedClock {
        wait: u64,
        ahead: i64,
    },
}

impl RetryAfter {
    #[expect(clippy::disallowed_methods, reason = "a CA of a test signs by the real time")]
    pub(super) fn header(self) -> String {
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::Past => httpdate::fmt_http_date(SystemTime::UNIX_EPOCH),
            Self::DateIn(seconds) => httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(seconds)),
            Self::BySkewedClock { wait, ahead } => httpdate::fmt_http_date(skewed(ahead) + Duration::from_secs(wait)),
        }
    }

    /// What the clock of the CA says, where it is not ours.
    pub(super) fn date(self) -> Option<String> {
        match self {
            Self::BySkewedClock { ahead, .. } => Some(httpdate::fmt_http_date(skewed(ahead))),
            Self::Seconds(_) | Self::DateIn(_) | Self::Past => None,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a CA of a test signs by the real time")]
fn skewed(ahead: i64) -> SystemTime {
    let (now, by) = (SystemTime::now(), Duration::from_secs(ahead.unsigned_abs()));
    if ahead < 0 { now - by } else { now + by }
}

impl FaultPoint {
    pub(super) fn of(path: &str) -> Option<Self> {
        let mut parts = path.trim_start_matches('/').split('/');
        let (noun, id) = (parts.next()?, parts.next());
        match (noun, id) {
            ("dir", None) => Some(Self::Directory),
            ("nonce", None) => Some(Self::NewNonce),
            ("account", None) => Some(Self::NewAccount),
            ("account", Some(_)) => Some(Self::Account),
            ("order", None) => Some(Self::NewOrder),
            ("order", Some(_)) => Some(Self::Order),
            ("authz", Some(_)) => Some(Self::Authorization),
            ("challenge", Some(_)) => Some(Self::Challenge),
            ("finalize", Some(_)) => Some(Self::Finalize),
            ("certificate", Some(_)) => Some(Self::Certificate),
            ("renewal-info", Some(_)) => Some(Self::RenewalInfo),
            (_, _) => None,
        }
    }
}

#[derive(Default)]
pub(super) struct Faults {
    planned: HashMap<FaultPoint, VecDeque<Fault>>,
    requests: HashMap<FaultPoint, usize>,
}

impl Faults {
    pub(super) fn push(&mut self, place: FaultPoint, fault: &Fault, times: usize) {
        let queue = self.planned.entry(place).or_default();
        queue.extend(std::iter::repeat_n(fault.clone(), times));
    }

    pub(super) fn forget(&mut self, place: FaultPoint) {
        self.planned.remove(&place);
    }

    /// Counts the request; gives the fault that it meets.
    pub(super) fn meet(&mut self, place: FaultPoint) -> Option<Fault> {
        *self.requests.entry(place).or_default() += 1;
        self.planned.get_mut(&place)?.pop_front()
    }

    pub(super) fn requests(&self, place: FaultPoint) -> usize {
        self.requests.get(&place).copied().unwrap_or(0)
    }
}

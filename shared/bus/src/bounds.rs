//! How much the streams with a bound may hold. JetStream reserves that much of its room when it makes a stream.
//!
//! In: the planner's configuration. Out: a bound for each stream. Touches: nothing. Never: a bound in two services'
//! hands: the planner alone applies them, the others take what they find.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

use crate::streams::StreamName;

const MIB: i64 = 1 << 20;
/// Three events for each renewal, one renewal in 30 days for most certificates and every few days for short ones, and what a
/// subject of its own costs.
const HOSTS_PER_MIB: u64 = 128;
/// RUNS grows by steps: each is a change of the stream.
const STEP_MIB: u32 = 64;

/// In MiB each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StreamBounds {
    /// Events of runs: 1024 hold 30 days of about 450,000 certificates.
    pub runs_mib: u32,
    /// How far RUNS grows with the number of hosts, when that is more.
    pub runs_most_mib: u32,
    pub probes_mib: u32,
    pub renewal_info_mib: u32,
    pub logs_mib: u32,
    pub dead_mib: u32,
    /// What finds no room in these is refused to its sender, who has it still.
    pub orders_mib: u32,
    pub reports_mib: u32,
    /// All requests of one workspace that may wait are less than 960 MiB.
    pub requests_mib: u32,
    pub commands_mib: u32,
}

impl Default for StreamBounds {
    fn default() -> Self {
        Self {
            runs_mib: 1_024,
            runs_most_mib: 0,
            probes_mib: 1_024,
            renewal_info_mib: 1_024,
            logs_mib: 256,
            dead_mib: 1_024,
            orders_mib: 256,
            reports_mib: 256,
            requests_mib: 1_024,
            commands_mib: 128,
        }
    }
}

impl StreamBounds {
    /// Of one machine: what a few hundred hosts need. RUNS grows with them.
    pub const SMALL: Self = Self {
        runs_mib: 64,
        runs_most_mib: 8_192,
        probes_mib: 64,
        renewal_info_mib: 32,
        logs_mib: 64,
        dead_mib: 64,
        orders_mib: 32,
        reports_mib: 32,
        requests_mib: 32,
        commands_mib: 16,
    };

    /// The key that is out of range, if one is, and the range.
    pub fn fault(&self) -> Option<(&'static str, u32)> {
        let all = [
            ("streams.runs_mib", self.runs_mib),
            ("streams.probes_mib", self.probes_mib),
            ("streams.renewal_info_mib", self.renewal_info_mib),
            ("streams.logs_mib", self.logs_mib),
            ("streams.dead_mib", self.dead_mib),
            ("streams.orders_mib", self.orders_mib),
            ("streams.reports_mib", self.reports_mib),
            ("streams.requests_mib", self.requests_mib),
            ("streams.commands_mib", self.commands_mib),
        ];
        all.into_iter().find(|(_, mib)| !(1..=1 << 20).contains(mib))
    }

    /// What RUNS should hold for so many hosts.
    pub fn runs_for(&self, hosts: u64) -> u32 {
        let steps = (hosts / HOSTS_PER_MIB).div_ceil(u64::from(STEP_MIB));
        let grown = u32::try_from(steps).unwrap_or(u32::MAX).saturating_mul(STEP_MIB);
        grown.min(self.runs_most_mib).max(self.runs_mib)
    }

    /// All that JetStream reserves for these streams.
    pub fn reserved_mib(&self) -> u64 {
        let all = [
            self.runs_mib,
            self.probes_mib,
            self.renewal_info_mib,
            self.logs_mib,
            self.dead_mib,
            self.orders_mib,
            self.reports_mib,
            self.requests_mib,
            self.commands_mib,
        ];
        all.into_iter().map(u64::from).sum()
    }
}

/// The bounds of the process that applies them.
#[derive(Debug, Clone)]
pub(crate) struct Applied {
    pub table: StreamBounds,
    runs_mib: Arc<AtomicU32>,
}

impl Applied {
    pub fn new(table: StreamBounds) -> Self {
        Self {
            table,
            runs_mib: Arc::new(AtomicU32::new(table.runs_mib)),
        }
    }

    pub fn set_runs(&self, mib: u32) {
        self.runs_mib.store(mib, Ordering::Relaxed);
    }

    /// In bytes.
    pub fn of(&self, stream: StreamName) -> i64 {
        let mib = match stream {
            StreamName::Runs => self.runs_mib.load(Ordering::Relaxed),
            StreamName::Probes => self.table.probes_mib,
            StreamName::RenewalInfo => self.table.renewal_info_mib,
            StreamName::Logs => self.table.logs_mib,
            StreamName::Dead => self.table.dead_mib,
            StreamName::Orders => self.table.orders_mib,
            StreamName::Reports => self.table.reports_mib,
            StreamName::Requests => self.table.requests_mib,
            StreamName::Commands => self.table.commands_mib,
        };
        i64::from(mib) * MIB
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_starts_small_and_grows_with_the_hosts_up_to_its_bound() {
        let small = StreamBounds::SMALL;
        for (hosts, mib) in [
            (0, 64),
            (500, 64),
            (8_192, 64),
            (20_000, 192),
            (100_000, 832),
            (100_000_000, 8_192),
        ] {
            assert_eq!(small.runs_for(hosts), mib, "{hosts} hosts");
        }
        let fixed = StreamBounds::default();
        assert_eq!(
            fixed.runs_for(1_000_000),
            fixed.runs_mib,
            "a fleet says itself what it wants"
        );
    }

    #[test]
    fn one_machine_reserves_little() {
        assert!(StreamBounds::SMALL.reserved_mib() <= 400);
        assert!(StreamBounds::SMALL.fault().is_none() && StreamBounds::default().fault().is_none());
        let none = StreamBounds {
            dead_mib: 0,
            ..StreamBounds::default()
        };
        assert_eq!(none.fault(), Some(("streams.dead_mib", 0)));
    }
}

//! The storm: every second or so a process is killed with SIGKILL, and started again like a service manager would.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rand::Rng;
use rand::rngs::StdRng;
use testkit::Peer;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{Fleet, Member};

/// Between two kills.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 500..=1_500;
/// How long a process stays dead.
const DOWN_MS: std::ops::RangeInclusive<u64> = 0..=500;

pub struct Storm<'a> {
    victims: Vec<(&'static str, &'a Peer)>,
    dice: StdRng,
}

impl<'a> Storm<'a> {
    pub fn new(fleet: &'a Fleet, dice: StdRng) -> Self {
        let engines = [("nats-server", fleet.nats.peer()), ("postgres", fleet.postgres.peer())];
        let members = Member::ALL
            .into_iter()
            .filter_map(|member| Some((member.as_str(), fleet.member(member).ok()?)));
        Self {
            victims: members.chain(engines).collect(),
            dice,
        }
    }

    /// Blows while the work goes on, at most so long; gives the number of kills and what the work gave, when every
    /// process is back.
    pub async fn around<T>(mut self, longest: Duration, work: impl Future<Output = Result<T>>) -> Result<(usize, T)> {
        let (mut work, over) = (pin!(work), Instant::now() + longest);
        let (mut returning, mut down, mut kills) = (FuturesUnordered::new(), Vec::new(), 0);
        let mut next = Instant::now() + self.pause();
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                () = sleep_until(next), if next < over => {
                    // The throw is made in any case: the schedule is the seed's, whoever is down at the moment.
                    let (at, dead_for) = self.throw();
                    next = Instant::now() + self.pause();
                    if let Some((name, peer)) = self.victims.get(at).filter(|_| !down.contains(&at)) {
                        peer.kill_hard()?;
                        kills += 1;
                        down.push(at);
                        eprintln!("chaos: kill {kills}: {name}");
                        returning.push(back(at, name, peer, dead_for));
                    }
                }
                Some(at) = returning.next() => down.retain(|dead| *dead != at),
            }
        };
        while returning.next().await.is_some() {}
        Ok((kills, done?))
    }

    fn throw(&mut self) -> (usize, Duration) {
        let at = self.dice.random_range(0..self.victims.len());
        (at, Duration::from_millis(self.dice.random_range(DOWN_MS)))
    }

    fn pause(&mut self) -> Duration {
        Duration::from_millis(self.dice.random_range(PAUSE_MS))
    }
}

/// Started until it stays: one that cannot live without another that is down as well is started once more.
#[expect(
    clippy::disallowed_methods,
    reason = "a measured load, or a fault that lasts for a while"
)]
async fn back(at: usize, name: &str, peer: &Peer, dead_for: Duration) -> usize {
    sleep(dead_for).await;
    while let Err(error) = peer.start_again().await {
        let why = format!("{error:#}");
        eprintln!(
            "chaos: {name} is not back yet: {}",
            why.lines().next().unwrap_or_default()
        );
        // One that runs without becoming ready would not be started again otherwise.
        if let Err(error) = peer.kill_hard() {
            eprintln!("chaos: {name} cannot be killed: {error:#}");
        }
        sleep(Duration::from_millis(300)).await;
    }
    at
}

//! What one transaction of the ledger decides, in memory: which runs move, which go out, what is to be told of them. Pure.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use domain::lane::Lane;
use domain::run::{Because, Event, Ignored, Mode, Position, Status, Step, advance, place, queue};
use domain::{HostId, PolicyId, RunId, Timestamp};
use protocol::direct_reply::Current;
use protocol::order::{Order, Spec};
use protocol::target_check::TargetsOf;
use store::{Act, LoadedRun};
use tracing::{debug, info};

use super::record;
use crate::decide::at_ca::Wait;
use crate::decide::look_first::{self, Looked, Looks};
use crate::decide::pace::{self, Rooms};
use crate::decide::quota::{self, Quota, QuotaEffect};
use crate::ledger::readiness::{self, Answers, Standing};
use crate::postman::DirectReply;

/// The runs of one transaction: where they stood, where they stand.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) runs: BTreeMap<RunId, LoadedRun>,
    pub(super) moved: HashSet<RunId>,
    /// The status before the first move of this batch.
    was: BTreeMap<RunId, Status>,
    /// Lanes that an order left, to be counted back, and when it went out.
    pub(super) left: BTreeMap<RunId, (Lane, Timestamp)>,
    /// Workers that have an order of these runs in flight and wait to hear how it goes on.
    pub(super) waiting: BTreeMap<RunId, Waiting>,
    /// What reports of Issue say of the CA's limits.
    pub(super) answers: Vec<(RunId, QuotaEffect)>,
    /// Runs of whose targets deployers are to be asked.
    to_look_at: Vec<RunId>,
    /// Runs that were due and must wait for something else than a place.
    pub(super) postponed: usize,
    /// Hosts that are to be looked at before their runs begin.
    pub(super) looks: Vec<HostId>,
    /// What was done to runs here without a person.
    pub(super) acts: Vec<Act>,
}

/// A worker, by what it has and where it listens.
pub(super) struct Waiting {
    pub(super) step: Step,
    pub(super) subject: String,
    pub(super) inbox: String,
}

/// What an order must pass before it goes out.
pub(super) struct Gates<'a> {
    pub(super) rooms: &'a mut Rooms,
    pub(super) quota: &'a mut Quota,
    pub(super) looks: Looks,
    pub(super) answers: &'a Answers,
}

/// A run that only the CAs' limits may still hold.
struct Admitted {
    lane: Lane,
    /// What was seen of its targets, to be noted when it goes out.
    seen: Option<Event>,
}

impl Batch {
    pub(super) fn of(runs: Vec<LoadedRun>) -> Self {
        Self {
            runs: runs.into_iter().map(|run| (run.head.id, run)).collect(),
            ..Self::default()
        }
    }

    /// Adds runs that were locked later; those that are here already have moved on.
    pub(super) fn join(&mut self, runs: Vec<LoadedRun>) {
        for run in runs {
            self.runs.entry(run.head.id).or_insert(run);
        }
    }

    pub(super) fn advance(&mut self, id: RunId, event: Event, now: Timestamp) -> bool {
        match self.try_advance(id, event, now) {
            Ok(()) => true,
            Err(why) => {
                debug!(run = %id, ?why, "an event left its run as it was");
                false
            }
        }
    }

    /// A run that is not here is told apart by the caller.
    pub(super) fn try_advance(&mut self, id: RunId, event: Event, now: Timestamp) -> Result<(), Ignored> {
        let run = self.runs.get_mut(&id).ok_or(Ignored::OutOfPlace)?;
        let next = advance(&run.state, run.intent(), event, now)?;
        if let (Position::Out { step, deadline }, false) = (&run.state.position, is_out_at(&next.position)) {
            let since = deadline.minus(run.plan.patience(*step));
            self.left.extend(lane(run).map(|lane| (id, (lane, since))));
        }
        self.was.entry(id).or_insert_with(|| run.state.status());
        run.state = next;
        self.moved.insert(id);
        Ok(())
    }

    /// Its order is out, and not for too long.
    pub(super) fn is_in_flight(&self, id: RunId, now: Timestamp) -> bool {
        let position = self.runs.get(&id).map(|run| &run.state.position);
        matches!(position, Some(Position::Out { deadline, .. }) if *deadline > now)
    }

    /// The next order of the step goes to the worker that has just reported: it keeps the place that it has.
    pub(super) fn go_on(&mut self, id: RunId, now: Timestamp) {
        if self.advance(id, Event::Released, now) {
            self.left.remove(&id);
        }
    }

    /// The runs whose orders are to be composed.
    pub(super) fn ordered(&self) -> Vec<RunId> {
        let asked = self.waiting.keys().filter(|id| !self.moved.contains(id));
        self.moved.iter().chain(asked).copied().collect()
    }

    /// Orders that a worker waits for go to it and not to the stream.
    pub(super) fn direct_replies(&mut self, orders: &mut Vec<Order<Spec>>) -> Vec<DirectReply> {
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let replies = waiting.map(|(run, worker)| {
            let is_its = |order: &Order<Spec>| order.run_id == run && order.step == worker.step;
            let order = orders
                .iter()
                .position(is_its)
                .map(|at| Box::new(orders.swap_remove(at)));
            DirectReply {
                subject: worker.subject,
                inbox: worker.inbox,
                current: order.map_or(Current::Elsewhere, |order| Current::Order { order }),
            }
        });
        replies.collect()
    }

    /// The runs of this batch that wait and are due, in the order of their positions.
    pub(super) fn due(&self, now: Timestamp) -> Vec<&LoadedRun> {
        let due = |run: &&LoadedRun| match &run.state.position {
            Position::Waiting { until, .. } => *until <= now,
            Position::Out { .. } | Position::Asking { .. } | Position::Ended { .. } => false,
        };
        let mut due: Vec<&LoadedRun> = self.runs.values().filter(due).collect();
        due.sort_by_key(|run| run.queue_position);
        due
    }

    /// Sends out what is due, as far as windows are open, lanes have room, its host was looked at where that is needed, and
    /// the CAs' limits allow.
    pub(super) fn release(&mut self, mut gates: Gates<'_>, now: Timestamp) {
        let due: Vec<RunId> = self.due(now).into_iter().map(|run| run.head.id).collect();
        for id in due {
            if let Some(admitted) = self.admitted(id, &mut gates, now) {
                self.release_one(id, admitted, &mut gates, now);
            }
        }
    }

    /// What lets it go to the last gate, the CAs' limits; nothing when a gate before that is shut.
    fn admitted(&mut self, id: RunId, gates: &mut Gates<'_>, now: Timestamp) -> Option<Admitted> {
        let run = self.runs.get(&id)?;
        let lane = place_of(run)?;
        if let Some(opens) = pace::closed_until(run, now) {
            self.postpone(id, Wait::until(opens, Because::Window), now);
            return None;
        }
        if gates.rooms.free(&lane) <= 0 || !self.was_looked_at(id, &mut gates.looks, now) {
            return None;
        }
        let seen = if Answers::are_needed(self.runs.get(&id)?) {
            Some(self.is_ready(id, gates.answers, now)?)
        } else {
            None
        };
        Some(Admitted { lane, seen })
    }

    fn release_one(&mut self, id: RunId, admitted: Admitted, gates: &mut Gates<'_>, now: Timestamp) {
        let Some(run) = self.runs.get(&id) else { return };
        match gates.quota.admit(run, now) {
            Ok(()) => {
                if let Some(seen) = admitted.seen {
                    self.advance(id, seen, now);
                }
                if self.advance(id, Event::Released, now) {
                    gates.rooms.take(admitted.lane);
                    self.look_ahead(id, gates.answers);
                }
            }
            Err(wait) if quota::waits_for(run, &wait.because) => {}
            Err(wait) => self.postpone(id, wait, now),
        }
    }

    /// Whether what its host serves is known well enough for its next order to go out.
    fn was_looked_at(&mut self, id: RunId, looks: &mut Looks, now: Timestamp) -> bool {
        let Some(run) = self.runs.get(&id) else { return false };
        if !look_first::is_needed(run) {
            return true;
        }
        match looks.judge(run, now) {
            Looked::GoesOn => return true,
            Looked::NotNeeded { until } => self.end_unneeded(id, until, now),
            // It stays where it is until others have been looked at.
            Looked::Waits { ask: true, .. } if looks.room <= 0 => {}
            Looked::Waits { since, ask } => {
                looks.room -= i64::from(ask);
                self.look_first(id, since, ask, now);
            }
        }
        false
    }

    fn look_first(&mut self, id: RunId, since: Timestamp, ask: bool, now: Timestamp) {
        let until = now.plus(look_first::MEANWHILE);
        if self.advance(id, Event::LookedFor { since, until }, now) {
            self.postponed += 1;
            let host = self.runs.get(&id).map(|run| run.head.host_id);
            self.looks.extend(host.filter(|_| ask));
        }
    }

    /// Its host serves another certificate than the one for which it was made.
    fn end_unneeded(&mut self, id: RunId, until: Timestamp, now: Timestamp) {
        let by = "schedule".to_owned();
        if self.advance(id, Event::CancelRequested { by: by.clone() }, now) {
            let note = format!("the host serves another certificate now, which ends at {until}: it is judged anew");
            info!(run = %id, note, "a run that is not needed any more");
            self.acts.push(Act {
                run_id: id,
                at: now,
                verb: "cancel".to_owned(),
                person: by,
                note,
            });
        }
    }

    /// What is to be noted where a target of this run could take its certificate. One that has no answer yet stays where it
    /// is; the bell rings when there is one.
    fn is_ready(&mut self, id: RunId, answers: &Answers, now: Timestamp) -> Option<Event> {
        match answers.standing(id, now) {
            Standing::Ready { found, at } => Some(Event::TargetsSeen { found, at }),
            Standing::Pending => None,
            Standing::Unknown => {
                self.to_look_at.push(id);
                None
            }
            Standing::Unready(question) => {
                if self.advance(id, Event::Unready { question }, now) {
                    answers.forget(id);
                }
                None
            }
        }
    }

    /// The targets of a run whose key is prepared now are looked at meanwhile; one that is at the CA needs no look any more.
    fn look_ahead(&mut self, id: RunId, answers: &Answers) {
        let Some(run) = self.runs.get(&id).filter(|run| run.head.mode == Mode::Live) else {
            return;
        };
        match run.state.step() {
            Some(Step::PrepareKey) if !run.plan.targets.is_empty() => self.to_look_at.push(id),
            Some(Step::Issue) => answers.forget(id),
            Some(_) | None => {}
        }
    }

    /// What deployers are asked once this is committed.
    pub(super) fn to_look_at(&self) -> Vec<TargetsOf> {
        let runs = self.to_look_at.iter().filter_map(|id| self.runs.get(id));
        runs.map(readiness::targets_of).collect()
    }

    fn postpone(&mut self, id: RunId, wait: Wait, now: Timestamp) {
        let event = Event::Postponed {
            until: wait.until,
            because: wait.because,
            expected_at: wait.expected_at,
        };
        if self.advance(id, event, now) {
            self.postponed += 1;
        }
    }

    /// The runs that reports of Issue were about, as they stand now.
    pub(super) fn answered(&self) -> Vec<(&LoadedRun, &QuotaEffect)> {
        let with_run = self
            .answers
            .iter()
            .map(|(id, answer)| Some((self.runs.get(id)?, answer)));
        with_run.flatten().collect()
    }

    /// The lanes that these runs left or wait for.
    pub(super) fn lanes(&self) -> Vec<Lane> {
        let waiting = self.runs.values().filter_map(lane);
        let left = self.left.values().map(|(lane, _)| lane.clone());
        let lanes: HashSet<Lane> = left.chain(waiting).collect();
        lanes.into_iter().collect()
    }

    /// The policies of live runs that have ended here.
    pub(super) fn ended_policies(&self) -> Vec<PolicyId> {
        let ended = self.changes().filter(|run| run.state.status().is_ending());
        let live = ended.filter(|run| run.head.mode == Mode::Live);
        live.map(|run| run.head.policy_id).collect()
    }

    pub(super) fn changes(&self) -> impl Iterator<Item = &LoadedRun> {
        self.moved.iter().filter_map(|id| self.runs.get(id))
    }

    /// One event for every run whose status changed.
    pub(super) fn events(&self, now: Timestamp) -> Vec<protocol::event::RunEvent> {
        let changed = self.was.iter().filter_map(|(id, was)| {
            let run = self.runs.get(id)?;
            (run.state.status() != *was).then_some(run)
        });
        changed
            .map(|run| {
                info!(run = %run.head.id, host = %run.head.hostname, status = run.state.status().as_str(), "run");
                record::event(run, now)
            })
            .collect()
    }
}

/// The number of an order that is out although its run was given up, at a step before which nothing has touched the host: it
/// need not be carried out again.
pub(super) fn given_up(run: &LoadedRun) -> Option<u32> {
    let begun = matches!(
        run.state.position,
        Position::Out {
            step: Step::PrepareKey | Step::Issue,
            ..
        }
    );
    (begun && run.head.mode == Mode::Live && run.state.cancelled_by.is_some()).then_some(run.state.attempt)
}

pub(super) fn is_out(run: &LoadedRun) -> bool {
    is_out_at(&run.state.position)
}

fn is_out_at(position: &Position) -> bool {
    matches!(position, Position::Out { .. })
}

/// The lane in which it waits or is out.
fn lane(run: &LoadedRun) -> Option<Lane> {
    queue(&run.head.workspace, &run.plan, &run.state)
}

/// The lane in which its next order will be counted.
fn place_of(run: &LoadedRun) -> Option<Lane> {
    let step = run.state.step()?;
    Some(place(&run.head.workspace, &run.plan, &run.state, step))
}

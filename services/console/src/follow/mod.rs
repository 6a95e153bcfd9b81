//! Server-sent events: what happens, as it happens, for as long as a client reads.
//!
//! In: the record, and what is told on NATS. Out: events whose ids let a reader come back without a
//! gap. Never: a wait of anybody else for a slow reader, and no stream that outlives the soft stop.

pub(crate) mod events;
pub(crate) mod log;
mod tail;

use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use futures::stream::unfold;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::error::{Code, Problem};

pub(crate) use tail::Tail;

/// Each has a consumer at NATS, and who follows a log asks Postgres twice a second.
const MOST: usize = 64;

/// Everybody who follows something.
#[derive(Clone)]
pub(crate) struct Followers {
    /// When the console stops, and every stream of it with it.
    pub stop: CancellationToken,
    places: Arc<Semaphore>,
}

/// One of them, until it is dropped.
pub(crate) struct Follower {
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
}

impl Followers {
    pub(crate) fn until(stop: CancellationToken) -> Self {
        let places = Arc::new(Semaphore::new(MOST));
        Self { stop, places }
    }

    /// A place, or why there is none.
    pub(crate) fn join(&self) -> Result<Follower, Problem> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let _place = place.map_err(|_| {
            let detail = format!("{MOST} follow logs or events already; end one of them, or ask without follow=true");
            Problem::new(Code::TooMuch, detail)
        })?;
        let stop = self.stop.clone();
        Ok(Follower { stop, _place })
    }
}

/// What a client follows.
pub(crate) trait Source: Send + 'static {
    /// The next event; nothing when there will never be one.
    fn next(&mut self) -> impl Future<Output = Option<Event>> + Send;
}

pub(crate) fn serve(source: impl Source, follower: Follower) -> Response {
    Sse::new(events(source, follower))
        .keep_alive(KeepAlive::default())
        .into_response()
}

fn events(source: impl Source, follower: Follower) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    unfold((source, follower), async |(mut source, follower)| {
        let event = follower.stop.run_until_cancelled(source.next()).await.flatten()?;
        Some((Ok(event), (source, follower)))
    })
}

/// An event of this kind. What cannot be written as JSON does not exist among our types.
fn event(kind: &str, data: &impl Serialize) -> Event {
    let event = Event::default().event(kind);
    event.json_data(data).unwrap_or_else(|_| Event::default().event(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_follow_and_a_place_that_is_left_is_taken_again() {
        let followers = Followers::until(CancellationToken::new());
        let mut all: Vec<Follower> = (0..MOST).map(|_| followers.join().expect("a place")).collect();
        assert!(followers.join().is_err());
        drop(all.pop());
        assert!(followers.join().is_ok());
    }
}

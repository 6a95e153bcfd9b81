//! Server-sent events: what happens, as it happens, for as long as somebody reads.
//!
//! In: the record, and what is told on NATS. Out: events whose ids let a reader come back without a gap. Never: a wait of
//! anybody else for a slow reader, and no stream that outlives the soft stop.

pub(crate) mod events;
pub(crate) mod log;
mod tail;

use std::convert::Infallible;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use futures::stream::unfold;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub(crate) use tail::Tail;

/// When the console stops, and every stream of it with it.
#[derive(Clone, Default)]
pub(crate) struct Stop(pub CancellationToken);

/// What somebody follows.
pub(crate) trait Source: Send + 'static {
    /// The next event; nothing when there will never be one.
    fn next(&mut self) -> impl Future<Output = Option<Event>> + Send;
}

pub(crate) fn serve(source: impl Source, Stop(stop): Stop) -> Response {
    Sse::new(events(source, stop))
        .keep_alive(KeepAlive::default())
        .into_response()
}

fn events(source: impl Source, stop: CancellationToken) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    unfold((source, stop), async |(mut source, stop)| {
        let event = stop.run_until_cancelled(source.next()).await.flatten()?;
        Some((Ok(event), (source, stop)))
    })
}

/// An event of this kind. What cannot be written as JSON does not exist among our types.
fn event(kind: &str, data: &impl Serialize) -> Event {
    let event = Event::default().event(kind);
    event.json_data(data).unwrap_or_else(|_| Event::default().event(kind))
}

//! The run events of a workspace: what the stream has kept, then what happens.

use std::pin::Pin;

use axum::response::sse::Event;
use bus::logs::{Followed, Following};
use futures::{Stream, StreamExt};
use protocol::event::RunEvent;

use super::{Source, event};

pub(crate) struct FollowedEvents {
    events: Pin<Box<dyn Stream<Item = Followed<RunEvent>> + Send>>,
    /// Until which message of those that are there already, when nothing that comes later is wanted.
    only: Option<u64>,
}

impl FollowedEvents {
    pub(crate) fn of(
        following: Following<impl Stream<Item = Followed<RunEvent>> + Send + 'static>,
        for_ever: bool,
    ) -> Self {
        Self {
            only: (!for_ever).then_some(following.there),
            events: Box::pin(following.messages),
        }
    }
}

impl Source for FollowedEvents {
    async fn next(&mut self) -> Option<Event> {
        if self.only == Some(0) {
            return None;
        }
        let followed = self.events.next().await?;
        self.only = self.only.map(|_| followed.left);
        Some(event("run", &followed.value).id(followed.number.to_string()))
    }
}

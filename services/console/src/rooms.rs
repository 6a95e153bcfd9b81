//! How many requests are worked on at a time, by what they cost: expensive requests do not keep
//! cheap ones waiting.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Code, Problem};

/// Who comes when a room is full waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Read,
    Write,
    /// Bodies of many megabytes.
    Bulk,
}

impl Class {
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        const BULK: [&str; 6] = [
            "/api/v1/hosts/import",
            "/api/v1/policies/import",
            "/api/v1/renewals",
            "/api/v1/runs/resume",
            "/api/v1/runs/retry",
            "/api/v1/runs/cancel",
        ];
        match *method {
            Method::GET | Method::HEAD => Self::Read,
            _ if BULK.contains(&path) => Self::Bulk,
            _ => Self::Write,
        }
    }

    const fn at_once(self) -> usize {
        match self {
            Self::Read => 64,
            Self::Write => 32,
            Self::Bulk => 4,
        }
    }
}

/// The rooms of all classes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Rooms {
    read: Arc<Semaphore>,
    write: Arc<Semaphore>,
    bulk: Arc<Semaphore>,
}

impl Default for Rooms {
    fn default() -> Self {
        let room = |class: Class| Arc::new(Semaphore::new(class.at_once()));
        Self {
            read: room(Class::Read),
            write: room(Class::Write),
            bulk: room(Class::Bulk),
        }
    }
}

impl Rooms {
    /// A place for this request, when one is free in time.
    pub(crate) async fn enter(&self, class: Class) -> Result<OwnedSemaphorePermit, Problem> {
        let room = match class {
            Class::Read => &self.read,
            Class::Write => &self.write,
            Class::Bulk => &self.bulk,
        };
        let place = tokio::time::timeout(PATIENCE, Arc::clone(room).acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or_else(|| {
            let many = class.at_once();
            Problem::new(
                Code::TooMuch,
                format!("{many} requests of this kind are worked on; nothing was done"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_much_has_a_room_of_its_own() {
        let class = |method, path| Class::of(&method, path);
        assert_eq!(class(Method::POST, "/api/v1/hosts/import"), Class::Bulk);
        assert_eq!(class(Method::POST, "/api/v1/hosts"), Class::Write);
        assert_eq!(class(Method::GET, "/api/v1/runs"), Class::Read);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_room_refuses_after_a_while_and_the_others_go_on() {
        let rooms = Rooms::default();
        let mut inside = Vec::new();
        for _ in 0..Class::Bulk.at_once() {
            inside.push(rooms.enter(Class::Bulk).await.expect("a place"));
        }
        assert!(rooms.enter(Class::Bulk).await.is_err());
        assert!(rooms.enter(Class::Read).await.is_ok());
        drop(inside.pop());
        assert!(rooms.enter(Class::Bulk).await.is_ok());
    }
}

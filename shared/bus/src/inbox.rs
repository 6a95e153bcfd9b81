//! Reading a stream in batches: whatever is there now, parsed; what does not parse goes to the dead
//! letters.
//!
//! Pulled without prefetch beyond the batch, and a batch that was asked for is finished before a
//! stop: so no message is left in the hands of a process that is gone.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::{AckKind, Message};
use domain::Invalid;
use futures::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::connection::{Bus, BusError};
use crate::mail::Mail;
use crate::panics::Panicked;
use crate::readers::Reader;
use crate::streams::StreamName;

/// An open pull: it ends by itself after this long, so a stop waits no longer.
const PULL: Duration = Duration::from_millis(900);
const AFTER_TROUBLE: Duration = Duration::from_millis(500);

type Pull = Pin<Box<dyn Stream<Item = Vec<Result<Message, async_nats::Error>>> + Send>>;

pub struct Inbox<T> {
    origin: Arc<Origin>,
    reader: Reader,
    consumer: PullConsumer,
    batch: usize,
    gather: Option<Gather>,
    /// The last batch was more than a single message: more will come while one waits.
    busy: bool,
    pull: Option<Pull>,
    means: std::marker::PhantomData<fn() -> T>,
}

/// How long a reader lets messages gather when they come in numbers: what is done for a batch is
/// cheaper the larger it is.
#[derive(Debug, Clone, Copy)]
pub struct Gather {
    pub most: Duration,
    /// So many are worth no further wait.
    pub enough: usize,
}

/// A message that was read and waits for its acknowledgement.
pub struct Delivery<T> {
    pub value: T,
    letter: Arc<Letter>,
}

/// The message itself, and where it came from.
pub(crate) struct Letter {
    message: Message,
    origin: Arc<Origin>,
}

struct Origin {
    bus: Bus,
    stream: StreamName,
}

impl Letter {
    pub(crate) async fn bury(&self, panicked: &Panicked) {
        let remedy = "report it to the makers of Vigilo with the service's log; it lies in the dead letters";
        let reason = Invalid::new("", panicked.to_string(), remedy);
        self.origin.bus.bury_as(self.origin.stream, &self.message, reason).await;
    }
}

impl<T> Delivery<T> {
    /// The value is safe with us: the stream may forget it.
    pub async fn ack(&self) {
        if let Err(error) = self.letter.message.ack().await {
            warn!(%error, "an acknowledgement could not be sent; the message comes again");
        }
    }

    /// It says what its sender may not say, or what cannot be: it goes to the dead letters.
    pub async fn bury(&self, bus: &Bus, reason: &str) {
        bus.bury(self.letter.origin.stream, &self.letter.message, reason).await;
    }

    /// No replica of this service can handle it: it goes to the dead letters, its sender is told,
    /// and it does not come again.
    pub async fn bury_defect(&self, panicked: &Panicked) {
        self.letter.bury(panicked).await;
    }

    pub fn subject(&self) -> &str {
        self.letter.message.subject.as_str()
    }

    /// Where the sender waits for an answer.
    pub fn reply_to(&self) -> Option<&str> {
        reply_to(&self.letter.message)
    }

    pub(crate) fn letter(&self) -> Arc<Letter> {
        Arc::clone(&self.letter)
    }
}

pub(crate) const REPLY_TO: &str = "vigilo-reply-to";

pub(crate) fn reply_to(message: &Message) -> Option<&str> {
    message
        .headers
        .as_ref()?
        .get(REPLY_TO)
        .map(async_nats::HeaderValue::as_str)
}

impl<T: Mail> Inbox<T> {
    /// Opens the reader's durable consumer.
    pub async fn open(bus: Bus, reader: Reader, batch: usize) -> Result<Self, BusError> {
        bus.apply_topology().await?;
        let consumer = bus.consumer(&reader).await?;
        let origin = Origin {
            bus,
            stream: reader.stream,
        };
        Ok(Self {
            origin: Arc::new(origin),
            reader,
            consumer,
            batch,
            gather: None,
            busy: false,
            pull: None,
            means: std::marker::PhantomData,
        })
    }

    /// A single message is never kept waiting.
    #[must_use]
    pub fn gathering(mut self, gather: Gather) -> Self {
        self.gather = Some(gather);
        self
    }

    /// The next messages, at least one; nothing when `stop` has fired and what was asked for has
    /// come.
    pub async fn next(&mut self, stop: &CancellationToken) -> Option<Vec<Delivery<T>>> {
        self.next_within(stop, Duration::MAX).await
    }

    /// The next batch of messages; nothing when `stop` fires, or when none has come for `silent`.
    pub async fn next_within(&mut self, stop: &CancellationToken, silent: Duration) -> Option<Vec<Delivery<T>>> {
        let begun = tokio::time::Instant::now();
        loop {
            let Some(pull) = &mut self.pull else {
                if stop.is_cancelled() || begun.elapsed() >= silent {
                    return None;
                }
                self.pull = self.ask(stop).await;
                continue;
            };
            let next = tokio::select! {
                next = pull.next() => next,
                () = self.origin.bus.stopped_and_away(stop) => None,
            };
            match next {
                None => self.pull = None,
                Some(mut messages) => {
                    self.gather(&mut messages).await;
                    let read = self.read(messages).await;
                    if !read.is_empty() {
                        return Some(read);
                    }
                }
            }
        }
    }

    /// Adds what comes within the reader's patience; an end of the pull ends the wait.
    #[expect(clippy::disallowed_methods, reason = "the longest time that reports are gathered")]
    async fn gather(&mut self, messages: &mut Vec<Result<Message, async_nats::Error>>) {
        if let (Some(gather), Some(pull), true) = (self.gather, &mut self.pull, self.busy || messages.len() > 1) {
            let until = tokio::time::sleep(gather.most);
            tokio::pin!(until);
            while messages.len() < gather.enough {
                let more = tokio::select! {
                    more = pull.next() => more,
                    () = &mut until => break,
                };
                let Some(more) = more else {
                    self.pull = None;
                    break;
                };
                messages.extend(more);
            }
        }
        self.busy = messages.len() > 1;
    }

    async fn ask(&mut self, stop: &CancellationToken) -> Option<Pull> {
        let asked = stop.run_until_cancelled(pull_once(&self.consumer, self.batch));
        match asked.await? {
            Ok(pull) => Some(pull),
            Err(error) => {
                warn!(%error, reader = %self.reader.durable, "cannot read; trying again");
                let _ = chassis::pause(AFTER_TROUBLE, stop).await;
                match stop.run_until_cancelled(self.origin.bus.reopen(&self.reader)).await {
                    None => {}
                    Some(Ok(again)) => self.consumer = again,
                    Some(Err(error)) => warn!(%error, reader = %self.reader.durable, "the stream cannot be opened"),
                }
                None
            }
        }
    }

    async fn read(&mut self, messages: Vec<Result<Message, async_nats::Error>>) -> Vec<Delivery<T>> {
        let mut read = Vec::with_capacity(messages.len());
        for message in messages {
            match message {
                Ok(message) => match self.origin.bus.read(&message) {
                    Ok(value) => {
                        let origin = Arc::clone(&self.origin);
                        let letter = Arc::new(Letter { message, origin });
                        read.push(Delivery { value, letter });
                    }
                    Err(reason) => self.origin.bus.bury(self.reader.stream, &message, &reason).await,
                },
                Err(error) => warn!(%error, reader = %self.reader.durable, "a pull was interrupted"),
            }
        }
        read
    }
}

async fn pull_once(consumer: &PullConsumer, batch: usize) -> Result<Pull, BusError> {
    let messages = consumer.batch().max_messages(batch).expires(PULL).messages().await;
    Ok(Box::pin(messages.map_err(BusError::unavailable)?.ready_chunks(batch)))
}

/// The stream must not deliver it again.
pub(crate) async fn terminate(message: &Message) {
    if let Err(error) = message.ack_with(AckKind::Term).await {
        warn!(%error, "a message could not be terminated; it comes again");
    }
}

//! Server-sent events of the API: read as they come, and read on after a broken connection.
//!
//! In: a path. Out: events, none twice where the API gives ids. Never: an end by itself, only an
//! API that stays away.

use std::collections::VecDeque;
use std::time::Duration;

use reqwest::Response;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::client::Client;
use crate::failed::Failed;

const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// An API that is being restarted is back by then.
const PATIENCE: Duration = Duration::from_secs(60);
/// The API says at least every 15 s that it is there.
const SILENCE: Duration = Duration::from_secs(60);

/// One event: its kind and its JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    pub kind: String,
    data: String,
    id: Option<String>,
}

impl Happening {
    /// Its data, as the type that belongs to its kind.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Failed> {
        serde_json::from_str(&self.data).map_err(|why| {
            let kind = &self.kind;
            Failed::Unreachable(format!("the API tells a {kind} that this version cannot read: {why}"))
        })
    }
}

pub struct Happenings<'a> {
    client: &'a Client,
    path: String,
    answer: Option<Response>,
    parser: Parser,
    ready: VecDeque<Happening>,
    last_id: Option<String>,
    /// The API's end of the stream is the end, and no broken connection.
    ends: bool,
}

impl<'a> Happenings<'a> {
    pub fn of(client: &'a Client, path: String) -> Self {
        Self {
            client,
            path,
            answer: None,
            parser: Parser::default(),
            ready: VecDeque::new(),
            last_id: None,
            ends: false,
        }
    }

    /// This reader, for a stream that the API ends by itself.
    pub fn that_end(self) -> Self {
        Self { ends: true, ..self }
    }

    /// The next event of what has no end of its own.
    pub async fn next(&mut self) -> Result<Happening, Failed> {
        let next = self.next_or_end().await?;
        next.ok_or_else(|| Failed::Unreachable("the API ended the stream".to_owned()))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the command line waits as long as its user lets it"
    )]
    pub async fn next_or_end(&mut self) -> Result<Option<Happening>, Failed> {
        let mut gone_since = None;
        loop {
            if let Some(happening) = self.ready.pop_front() {
                self.last_id = happening.id.clone().or(self.last_id.take());
                return Ok(Some(happening));
            }
            let trouble = match self.read().await {
                Ok(Read::Some) => continue,
                Ok(Read::End) if self.ends => return Ok(None),
                Ok(Read::End) => "the API ended the stream".to_owned(),
                Err(Failed::Unreachable(why)) => why,
                Err(other) => return Err(other),
            };
            if gone_since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                return Err(Failed::Unreachable(trouble));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn read(&mut self) -> Result<Read, Failed> {
        let answer = match &mut self.answer {
            Some(answer) => answer,
            None => {
                self.parser = Parser::default();
                let asked = self.client.stream(&self.path, self.last_id.as_deref()).await?;
                self.answer.insert(asked)
            }
        };
        let trouble = match tokio::time::timeout(SILENCE, answer.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                self.ready.extend(self.parser.push(&bytes));
                return Ok(Read::Some);
            }
            Ok(Ok(None)) => {
                self.answer = None;
                return Ok(Read::End);
            }
            Ok(Err(error)) => self.client.unreachable(&error),
            Err(_elapsed) => Failed::Unreachable("the API has fallen silent".to_owned()),
        };
        self.answer = None;
        Err(trouble)
    }
}

enum Read {
    Some,
    End,
}

/// The format of the stream (HTML, 9.2.6), as far as the API uses it.
#[derive(Default)]
struct Parser {
    rest: Vec<u8>,
    kind: String,
    data: String,
    id: Option<String>,
}

impl Parser {
    fn push(&mut self, bytes: &[u8]) -> Vec<Happening> {
        self.rest.extend_from_slice(bytes);
        let mut happenings = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            happenings.extend(self.line(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n'])));
        }
        happenings
    }

    fn line(&mut self, line: &str) -> Option<Happening> {
        if line.is_empty() {
            return self.dispatch();
        }
        // A line without a field's name is a comment: it keeps the connection alive.
        let (field, value) = line.split_once(':')?;
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.kind),
            "data" => self.data.push_str(value),
            "id" => self.id = Some(value.to_owned()),
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Happening> {
        let (kind, data) = (std::mem::take(&mut self.kind), std::mem::take(&mut self.data));
        let id = self.id.take();
        (!data.is_empty()).then_some(Happening { kind, data, id })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn events_are_read_however_their_bytes_are_cut() {
        let text = ": hello\n\nevent: line\ndata: {\"message\": \"grün\"}\nid: 1-2\n\nevent: end\ndata: {}\n\n";
        for size in 1..text.len() {
            let mut parser = Parser::default();
            let all: Vec<Happening> = text
                .as_bytes()
                .chunks(size)
                .flat_map(|part| parser.push(part))
                .collect();
            let kinds: Vec<&str> = all.iter().map(|one| one.kind.as_str()).collect();
            assert_eq!(kinds, ["line", "end"], "cut into {size}");
            let data: Value = all[0].read().expect("JSON");
            assert_eq!(data, json!({"message": "grün"}));
            assert_eq!((all[0].id.as_deref(), all[1].id.as_deref()), (Some("1-2"), None));
        }
    }
}

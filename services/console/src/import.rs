//! Imports: each item is read and judged on its own, so that a bad one refuses only itself.

use std::collections::HashMap;

use api::imports::{Imported, RefusedItem};
use domain::{Invalid, counted};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::body::{self, Fault};

/// Rows of one statement.
pub(crate) const AT_ONCE: usize = 2_000;
/// Of one item: some ten times what a policy with all that it may have takes. So a list inside it is short when it is read.
const MOST_BYTES: usize = 256 << 10;

/// Items of which each may still be refused.
pub(crate) struct Import<T> {
    good: Vec<(usize, T)>,
    refused: Vec<RefusedItem>,
}

impl<T: DeserializeOwned> Import<T> {
    /// Reads every item; `name` is its hostname, of which each may come once.
    pub(crate) fn read(
        items: &[Box<RawValue>],
        check: impl Fn(&T) -> Result<(), Invalid>,
        name: impl Fn(&T) -> &str,
    ) -> Self {
        let mut import = Self {
            good: Vec::new(),
            refused: Vec::new(),
        };
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (index, raw) in items.iter().enumerate() {
            match parse_one(raw, &check) {
                Err(problem) => import.refuse(index, hostname(raw), problem),
                Ok(item) => {
                    let named = name(&item).to_owned();
                    match seen.get(&named) {
                        Some(first) => import.refuse(index, Some(named), twice(*first)),
                        None => {
                            seen.insert(named, index);
                            import.good.push((index, item));
                        }
                    }
                }
            }
        }
        import
    }
}

impl<T> Import<T> {
    /// Takes the good items out, in parts that fit a statement.
    pub(crate) fn parts(&mut self) -> Vec<Vec<(usize, T)>> {
        let mut parts = Vec::new();
        let mut rest = std::mem::take(&mut self.good).into_iter().peekable();
        while rest.peek().is_some() {
            parts.push(rest.by_ref().take(AT_ONCE).collect());
        }
        parts
    }

    pub(crate) fn refuse(&mut self, index: usize, hostname: Option<String>, problem: Invalid) {
        self.refused.push(RefusedItem {
            index,
            hostname,
            problem,
        });
    }

    pub(crate) fn ended(mut self, created: usize) -> Imported {
        self.refused.sort_by_key(|refusal| refusal.index);
        Imported {
            created,
            refused: self.refused,
        }
    }
}

fn parse_one<T: DeserializeOwned>(raw: &RawValue, check: impl Fn(&T) -> Result<(), Invalid>) -> Result<T, Invalid> {
    let bytes = raw.get().len();
    if bytes > MOST_BYTES {
        let problem = format!("it is {} long", counted(bytes, "byte"));
        let remedy = format!("an item is a JSON object of at most {}", counted(MOST_BYTES, "byte"));
        return Err(Invalid::new("body", problem, remedy));
    }
    let item: T = body::read(raw.get().as_bytes()).map_err(|fault| match fault {
        Fault::Field(refused) => refused,
        Fault::Syntax(said) => Invalid::new("body", said, "send a JSON object"),
    })?;
    check(&item).map(|()| item)
}

/// What the refused item calls itself.
fn hostname(raw: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        hostname: String,
    }
    let named: Named = serde_json::from_str(raw.get()).ok()?;
    Some(named.hostname)
}

fn twice(first: usize) -> Invalid {
    Invalid::new(
        "hostname",
        format!("it is in this import already, as item {first}"),
        "leave one of the two out",
    )
}

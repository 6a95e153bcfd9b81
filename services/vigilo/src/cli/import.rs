//! Imports of hosts and policies: one bad item refuses only itself, and is named with its place.

use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use super::client::{Client, invalid};
use super::{Failed, show};

/// Items per call: a call stays well below the API's limits.
const PART: usize = 10_000;

pub async fn run(client: &Client, noun: &str, file: &Path) -> Result<(), Failed> {
    let items = items(&read(file)?).map_err(|why| Failed::Refused(format!("{}: {why}", file.display())))?;
    let (mut created, mut refused) = (0, Vec::new());
    for (part, chunk) in items.chunks(PART).enumerate() {
        let answer = client.post(&format!("/{noun}/import"), &json!(chunk)).await?;
        created += answer["created"].as_u64().unwrap_or(0);
        for one in answer["refused"].as_array().cloned().unwrap_or_default() {
            let index = one["index"].as_u64().unwrap_or(0) as usize + part * PART;
            refused.push(json!({"index": index, "hostname": one["hostname"], "problem": one["problem"]}));
        }
    }
    if client.json {
        show::line(&json!({"created": created, "refused": refused}).to_string());
    } else {
        show::line(&format!("{created} {noun} added, {} refused", refused.len()));
        for one in &refused {
            eprintln!(
                "  item {} ({}): {}",
                one["index"],
                show::text(&one["hostname"]),
                invalid(&one["problem"])
            );
        }
    }
    if refused.is_empty() {
        Ok(())
    } else {
        Err(Failed::Refused(format!("{} {noun} were refused", refused.len())))
    }
}

pub fn read(file: &Path) -> Result<String, Failed> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|e| Failed::Refused(format!("{} cannot be read: {e}", file.display())))
}

/// A JSON array, or one JSON object per line.
fn items(text: &str) -> Result<Vec<Value>, String> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).map_err(|e| format!("it is no JSON array: {e}"));
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| serde_json::from_str(line).map_err(|e| format!("line {}: {e}", at + 1)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_and_lines_are_the_same() {
        assert_eq!(items("[{\"a\":1},{\"a\":2}]"), items("{\"a\":1}\n\n{\"a\":2}\n"));
        assert!(items("{\"a\":1}\nnonsense").expect_err("no JSON").starts_with("line 2"));
    }
}

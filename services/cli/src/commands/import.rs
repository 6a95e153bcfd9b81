//! Imports of hosts and policies: one bad item refuses only itself, and is named by its line in the file.

use std::io::Read;
use std::path::Path;

use api::imports::Imported;
use domain::key_source::KeySource;
use domain::target::Target;
use domain::{Invalid, counted};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::client::Client;
use crate::failed::Failed;
use crate::print::import::{ImportedFile, RefusedLine};
use crate::settings;
use crate::{out, print};

/// Items per call: a call stays well below the API's limits.
const PART: usize = 10_000;

/// One thing to add, and the line of the file where it begins.
#[derive(Debug, Clone, PartialEq)]
struct Item {
    line: usize,
    value: Value,
}

/// What a file lists.
#[derive(Debug, Clone, Copy)]
pub enum Listed {
    Hosts,
    Policies,
}

impl Listed {
    const fn one(self) -> &'static str {
        match self {
            Self::Hosts => "host",
            Self::Policies => "policy",
        }
    }

    const fn route(self) -> &'static str {
        match self {
            Self::Hosts => "/hosts/import",
            Self::Policies => "/policies/import",
        }
    }
}

pub async fn run(client: &Client, listed: Listed, file: &Path) -> Result<(), Failed> {
    let items = items(&read(file)?).map_err(|why| Failed::Refused(format!("{}: {why}", file.display())))?;
    let mut whole = ImportedFile::default();
    for (part, chunk) in items.chunks(PART).enumerate() {
        let values: Vec<&Value> = chunk.iter().map(|item| &item.value).collect();
        let imported: Imported = client.post(listed.route(), &values).await?;
        whole.created += imported.created;
        whole.refused.extend(imported.refused.into_iter().map(|one| {
            let index = one.index + part * PART;
            RefusedLine {
                index,
                line: items.get(index).map(|item| item.line),
                hostname: one.hostname,
                problem: one.problem,
            }
        }));
    }
    out::answer(client.json, &whole, |whole| {
        print::import::imported(listed.one(), whole)
    });
    if !client.json {
        out::aside(&print::import::refused(&whole));
    }
    match whole.refused.len() {
        0 => Ok(()),
        1 => Err(Failed::Refused(format!("1 {} was refused", listed.one()))),
        refused => Err(Failed::Refused(format!(
            "{} were refused",
            counted(refused, listed.one())
        ))),
    }
}

pub fn read(file: &Path) -> Result<String, Failed> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    let unreadable = |why: String| Failed::Refused(format!("{} cannot be read: {why}", file.display()));
    decoded(&read.map_err(|e| unreadable(e.to_string()))?).map_err(unreadable)
}

/// UTF-8, or UTF-16 as spreadsheets and shells of Windows write it; a byte order mark is no part of the text.
fn decoded(bytes: &[u8]) -> Result<String, String> {
    let wide = |rest: &[u8], read: fn([u8; 2]) -> u16| {
        let (pairs, odd) = rest.as_chunks::<2>();
        let text = String::from_utf16(&pairs.iter().map(|pair| read(*pair)).collect::<Vec<u16>>());
        text.ok()
            .filter(|_| odd.is_empty())
            .ok_or_else(|| "it begins as UTF-16 and is none; save it as UTF-8".to_owned())
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => {
            let text = String::from_utf8(rest.to_vec());
            text.map_err(|e| {
                let before = &rest[..e.utf8_error().valid_up_to()];
                let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
                format!("line {line} is no UTF-8; save the file as UTF-8")
            })
        }
    }
}

/// A JSON array, one JSON object per line, or CSV whose first line names the fields.
fn items(text: &str) -> Result<Vec<Item>, String> {
    match text.trim_start().chars().next() {
        Some('[') => array(text),
        Some('{') => lines(text),
        Some(_) => csv(text),
        None => Err("it is empty; give a JSON array, one JSON object per line, or CSV".to_owned()),
    }
}

fn array(text: &str) -> Result<Vec<Item>, String> {
    let all: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|e| format!("it is no JSON array: {}", describe_json_error(&e)))?;
    let (mut line, mut counted) = (1, 0);
    all.into_iter()
        .map(|raw| {
            // Each part lies in the text: the lines before it are counted once.
            let start = raw.get().as_ptr().addr() - text.as_ptr().addr();
            line += text[counted..start].matches('\n').count();
            counted = start;
            let value =
                serde_json::from_str(raw.get()).map_err(|e| format!("line {line}: {}", describe_json_error(&e)))?;
            Ok(Item { line, value })
        })
        .collect()
}

fn lines(text: &str) -> Result<Vec<Item>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            let value = serde_json::from_str(line);
            let value = value.map_err(|e| {
                format!(
                    "line {}: it is no JSON object of one line: {}",
                    at + 1,
                    describe_json_error(&e)
                )
            })?;
            Ok(Item { line: at + 1, value })
        })
        .collect()
}

/// What the parser says, without a place that counts from the part and not from the file.
fn describe_json_error(error: &serde_json::Error) -> String {
    let whole = error.to_string();
    match whole.rsplit_once(" at line ") {
        Some((what, place)) if !place.starts_with("1 ") => format!("{what} (line {place})"),
        Some((what, _)) => what.to_owned(),
        None => whole,
    }
}

/// RFC 4180; `;` between the fields is taken too. A list is written with blanks between its members.
fn csv(text: &str) -> Result<Vec<Item>, String> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let between = if first.contains(';') { ';' } else { ',' };
    let mut records = records(text, between)?.into_iter();
    let (at, names) = records.next().ok_or("it is empty")?;
    let names: Vec<String> = names.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    if !names.iter().any(|name| name == "hostname") {
        let right = "CSV begins with a line that names the fields, such as hostname,port,criticality,tags";
        return Err(format!(
            "line {at}: it is no JSON, and no CSV with a column hostname; {right}"
        ));
    }
    records.map(|(line, fields)| record(line, &names, fields)).collect()
}

fn record(line: usize, names: &[String], fields: Vec<String>) -> Result<Item, String> {
    if fields.len() != names.len() {
        let (given, wanted) = (fields.len(), names.len());
        return Err(format!(
            "line {line}: it has {}, and the first line names {wanted}",
            counted(given, "field")
        ));
    }
    let named = names.iter().zip(fields).filter(|(_, field)| !field.trim().is_empty());
    let value = named.map(|(name, field)| {
        let value = typed(name, field.trim()).map_err(|why| format!("line {line}: {}", why.within(name)))?;
        Ok((name.clone(), value))
    });
    Ok(Item {
        line,
        value: Value::Object(value.collect::<Result<_, String>>()?),
    })
}

/// As the API's field of this name has it.
fn typed(name: &str, field: &str) -> Result<Value, Invalid> {
    Ok(match name {
        "key_source" if !field.starts_with('{') => settings::read::<KeySource>(field)?,
        "targets" if !field.starts_with('[') => settings::several::<Target>(field)?,
        "addresses" | "tags" | "sans" | "notify_on_failure" | "fallbacks" => {
            field.split_whitespace().map(Value::from).collect()
        }
        "hostname" | "environment" => Value::from(field),
        _ => match serde_json::from_str(field) {
            Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_))) => value,
            Ok(Value::Null | Value::String(_)) | Err(_) => Value::from(field),
        },
    })
}

/// Every record with the line where it begins; empty lines are none.
fn records(text: &str, between: char) -> Result<Vec<(usize, Vec<String>)>, String> {
    let (mut all, mut fields, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut began, mut quoted) = (1, 1, false);
    let mut rest = text.chars().peekable();
    while let Some(one) = rest.next() {
        match one {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                field.push('"');
            }
            '"' if quoted || field.trim().is_empty() => quoted = !quoted,
            '\n' if !quoted => {
                fields.push(std::mem::take(&mut field));
                close(&mut all, began, std::mem::take(&mut fields));
                line += 1;
                began = line;
            }
            one if one == between && !quoted => fields.push(std::mem::take(&mut field)),
            one => {
                line += usize::from(one == '\n');
                field.push(one);
            }
        }
    }
    if quoted {
        return Err(format!("line {began}: a quotation mark is opened and not closed"));
    }
    fields.push(field);
    close(&mut all, began, fields);
    Ok(all)
}

fn close(all: &mut Vec<(usize, Vec<String>)>, line: usize, fields: Vec<String>) {
    if fields.iter().any(|field| !field.trim().is_empty()) {
        all.push((line, fields));
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn files_of_people() {
        let seeds: Vec<Vec<u8>> = [
            "[{\"hostname\":\"a\"},{}]",
            "{\"hostname\":\"a\"}\n\n{\"hostname\":\"b\"}\n",
            "hostname,port\na,443\n",
        ]
        .map(|text| text.as_bytes().to_vec())
        .into();
        ::fuzz::holds(env!("CARGO_MANIFEST_DIR"), "imports", &seeds, |input| {
            if let Err(why) = items(&String::from_utf8_lossy(input)) {
                assert!(!why.is_empty());
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(text: &str) -> Result<Vec<Value>, String> {
        Ok(items(text)?.into_iter().map(|item| item.value).collect())
    }

    #[test]
    fn an_array_lines_and_csv_are_the_same() {
        let wanted = vec![
            json!({"hostname": "a.org", "port": 1}),
            json!({"hostname": "b.org", "port": 2}),
        ];
        for text in [
            "[{\"hostname\":\"a.org\",\"port\":1},{\"hostname\":\"b.org\",\"port\":2}]",
            "{\"hostname\":\"a.org\",\"port\":1}\n\n{\"hostname\":\"b.org\",\"port\":2}\n",
            "hostname,port\r\na.org,1\r\n\r\nb.org,2\r\n",
            "Port;Hostname\n1;a.org\n2;\"b.org\"",
        ] {
            assert_eq!(values(text), Ok(wanted.clone()), "{text}");
        }
    }

    #[test]
    fn a_field_of_csv_is_what_the_api_has_there() {
        let text = "hostname,tags,environment,criticality,addresses\n10.0.0.7,\"web eu\",7,high,\nb.org,,,,10.0.0.8\n";
        let first = json!({"hostname": "10.0.0.7", "tags": ["web", "eu"], "environment": "7", "criticality": "high"});
        assert_eq!(
            values(text),
            Ok(vec![first, json!({"hostname": "b.org", "addresses": ["10.0.0.8"]})])
        );
    }

    #[test]
    fn targets_in_csv_are_json_or_as_flags_have_them() {
        let file = |chain: &str| json!({"kind": "file", "chain_path": chain, "key_path": "/k"});
        for text in [
            "hostname;targets\na.org;file:chain_path=/a,key_path=/k file:chain_path=\"/b 1\",key_path=/k\n",
            "hostname;targets\na.org;\"[{\"\"kind\"\":\"\"file\"\",\"\"chain_path\"\":\"\"/a\"\",\"\"key_path\"\":\"\"/k\"\"},\
             {\"\"kind\"\":\"\"file\"\",\"\"chain_path\"\":\"\"/b 1\"\",\"\"key_path\"\":\"\"/k\"\"}]\"\n",
        ] {
            let wanted = json!({"hostname": "a.org", "targets": [file("/a"), file("/b 1")]});
            assert_eq!(values(text), Ok(vec![wanted]), "{text}");
        }
    }

    #[test]
    fn every_item_knows_its_line_of_the_file() {
        let at = |text: &str| -> Vec<usize> { items(text).expect(text).iter().map(|item| item.line).collect() };
        assert_eq!(at("[\n  {\"a\":1},\n\n  {\n\"a\":2}, {\"a\":3}\n]"), [2, 4, 5]);
        assert_eq!(at("\n{\"a\":1}\n\n{\"a\":2}"), [2, 4]);
        assert_eq!(at("hostname,title\na,\"x\ny\"\nb,\n"), [2, 4]);
    }

    #[test]
    fn what_cannot_be_read_says_its_line_and_what_is_right() {
        for (text, said) in [
            ("{\"a\":1}\nnonsense", "line 2: it is no JSON object"),
            ("www.example.org\n", "line 1: it is no JSON, and no CSV"),
            ("hostname,port\na.org\n", "line 2: it has 1 field,"),
            ("hostname\na.org\n\"b.org\n", "line 3: a quotation mark"),
            (
                "hostname;targets\na.org;file:chain=/c\n",
                "line 2: targets: file has no setting \"chain\"",
            ),
            ("  \n", "it is empty"),
        ] {
            let refused = items(text).expect_err(text);
            assert!(refused.starts_with(said), "{refused}");
        }
    }

    #[test]
    fn what_windows_writes_is_read() {
        let text = "hostname\nmüller.example\n";
        let wide = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            mark.into_iter().chain(text.encode_utf16().flat_map(bytes)).collect()
        };
        for bytes in [
            [&[0xef, 0xbb, 0xbf], text.as_bytes()].concat(),
            wide([0xff, 0xfe], u16::to_le_bytes),
            wide([0xfe, 0xff], u16::to_be_bytes),
            text.as_bytes().to_vec(),
        ] {
            assert_eq!(decoded(&bytes).as_deref(), Ok(text));
        }
        assert!(decoded(b"a\nb\xfc\n").expect_err("Latin-1").contains("line 2"));
        assert!(decoded(&[0xff, 0xfe, 0x41]).is_err());
    }
}

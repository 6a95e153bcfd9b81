//! Statements read single values out of JSON that the domain has written. A path that the domain
//! does not write reads null, and no test would notice: so every path is looked up in a sample that
//! the domain serialises.

use std::path::{Path, PathBuf};

use anyhow::Result;
use domain::observation::trouble::Since;
use domain::run::{PreparedKey, Product};
use serde_json::Value;

use crate::samples::{host, issued, plan, policy, sealed};
use crate::world::{World, now};

/// The cost of a run for services of an earlier version; it goes when none of them runs any more.
const OF_EARLIER_VERSIONS: &str = "asked_cost";
/// Ways into JSON that are not followed here.
const NOT_FOLLOWED: [&str; 4] = ["jsonb_path_", "@?", "@@", "#-"];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Key(String),
    Element,
}

/// A value that a statement reads: out of which column, and where it lies in there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Read {
    column: String,
    path: Vec<Part>,
}

impl Read {
    fn is_in(&self, sample: &Value) -> bool {
        let found = self.path.iter().try_fold(sample, |value, part| match part {
            Part::Key(key) => value.get(key),
            Part::Element => value.get(0),
        });
        found.is_some()
    }
}

/// Every read in a text of SQL, or of Rust with SQL in it: a function's `->` is followed by a type,
/// never by a key.
fn reads(text: &str) -> Vec<Read> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = next_operator(text, from) {
        let (path, end) = chain(text, at, &mut found);
        if path.iter().any(|part| matches!(part, Part::Key(_))) {
            let column = column_before(&text[..at]);
            found.push(Read { column, path });
        }
        from = end.max(at + 1);
    }
    found
}

const OPERATORS: [&str; 5] = ["->>", "->", "#>>", "#>", "- '"];

fn next_operator(text: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let firsts = OPERATORS.iter().filter_map(|operator| rest.find(operator));
    firsts.min().map(|at| from + at)
}

/// The parts of the path that begins here, and where it ends. Reads inside of an index are reads of
/// their own.
fn chain(text: &str, begin: usize, inner: &mut Vec<Read>) -> (Vec<Part>, usize) {
    let (mut path, mut at) = (Vec::new(), begin);
    loop {
        let rest = text[at..].trim_start();
        let Some(operand) = ["#>>", "#>", "->>", "->", "-"]
            .iter()
            .find_map(|op| rest.strip_prefix(op))
        else {
            return (path, at);
        };
        let operand = operand.trim_start();
        let end = if let Some(key) = operand.strip_prefix('\'') {
            let Some((key, after)) = key.split_once('\'') else {
                return (path, at);
            };
            let keys = key.trim_matches(['{', '}']).split(',');
            path.extend(keys.map(|key| Part::Key(key.to_owned())));
            after
        } else if operand.starts_with('(') {
            let Some(length) = closing(operand) else {
                return (path, at);
            };
            inner.extend(reads(&operand[1..length]));
            path.push(Part::Element);
            &operand[length + 1..]
        } else {
            return (path, at);
        };
        at = text.len() - end.len();
    }
}

/// Where the bracket closes that opens the text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The last name before: of `coalesce(l.plan, r.plan)` it is `r.plan`.
fn column_before(text: &str) -> String {
    let is_of_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.');
    let text = text.trim_end_matches(|letter: char| letter.is_whitespace() || letter == ')');
    let begin = text.rfind(|letter: char| !is_of_name(letter)).map_or(0, |at| at + 1);
    text[begin..].to_owned()
}

/// What the domain writes into a column.
fn samples(column: &str) -> Result<Vec<Value>> {
    let name = column.rsplit('.').next().unwrap_or(column);
    Ok(match (column, name) {
        ("h.says", _) => vec![serde_json::to_value(host("www.example.org"))?],
        ("p.says", _) => vec![serde_json::to_value(policy("www.example.org"))?],
        ("t.value", _) => {
            let said = "it does not answer".to_owned();
            vec![serde_json::to_value(Since { since: now(), said })?]
        }
        (_, "plan") => vec![serde_json::to_value(plan("www.example.org"))?],
        (_, "product") => products()?,
        (_, _) => Vec::new(),
    })
}

/// Those of which single values are read.
fn products() -> Result<Vec<Value>> {
    let prepared = Product::PreparedKey(PreparedKey {
        csr_pem: "csr".to_owned(),
        sealed_key: Some(sealed("key")),
    });
    let issued = Product::Issued(Box::new(issued()));
    Ok(vec![serde_json::to_value(prepared)?, serde_json::to_value(issued)?])
}

/// The reads that no sample has, each as a sentence.
fn unknown(text: &str, place: &str) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for read in reads(text) {
        if !samples(&read.column)?.iter().any(|sample| read.is_in(sample)) {
            wrong.push(format!("{place}: {} has no {:?} in any sample", read.column, read.path));
        }
    }
    for way in NOT_FOLLOWED.iter().filter(|way| text.contains(**way)) {
        wrong.push(format!(
            "{place}: {way} is not followed by this test: read it with -> or in Rust"
        ));
    }
    Ok(wrong)
}

fn sources(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

#[test]
fn every_path_that_a_statement_reads_is_one_that_the_domain_writes() -> Result<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut wrong, mut found) = (Vec::new(), 0);
    for file in sources(&source)? {
        let text = std::fs::read_to_string(&file)?;
        found += reads(&text).len();
        wrong.extend(unknown(&text, &file.display().to_string())?);
    }
    assert!(found > 5, "the finder has found {found} only");
    assert_eq!(wrong, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn every_path_of_a_view_or_a_function_is_one_that_the_domain_writes() -> Result<()> {
    let world = World::new().await?;
    let texts: Vec<(String, String)> = sqlx::query_as(
        "select viewname::text, definition from pg_views where schemaname = 'public'
         union all
         select proname::text, prosrc from pg_proc where pronamespace = 'public'::regnamespace",
    )
    .fetch_all(&world.by_hand)
    .await?;
    let (mut wrong, mut found) = (Vec::new(), 0);
    for (name, text) in texts.iter().filter(|(name, _)| name != OF_EARLIER_VERSIONS) {
        found += reads(text).len();
        wrong.extend(unknown(text, name)?);
    }
    assert!(found > 0, "the view without keys takes one out");
    assert_eq!(wrong, Vec::<String>::new());
    Ok(())
}

#[test]
fn a_path_that_nobody_writes_is_found() -> Result<()> {
    let key = |key: &str| Part::Key(key.to_owned());
    let read = |column: &str, path: &[Part]| Read {
        column: column.to_owned(),
        path: path.to_vec(),
    };
    let text = "select coalesce(l.plan, r.plan) -> 'fallbacks' -> (jsonb_array_length(course -> 'turned') - 1)
                       ->> 'title', p.product #>> '{leaf,fingerprint}', product - 'sealed_key' from runs r";
    assert_eq!(
        reads(text),
        [
            read("course", &[key("turned")]),
            read("r.plan", &[key("fallbacks"), Part::Element, key("title")]),
            read("p.product", &[key("leaf"), key("fingerprint")]),
            read("product", &[key("sealed_key")]),
        ]
    );
    assert_eq!(
        unknown("select r.plan -> 'choice' ->> 'why' from runs r", "good")?.len(),
        0
    );
    let wrong = unknown(
        "where p.says ->> 'provder' = $1 and r.plan -> 'choice' ->> 'title' = $2",
        "bad",
    )?;
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert_eq!(unknown("select other -> 'thing'", "no sample")?.len(), 1);
    assert_eq!(unknown("where plan @? '$.x'", "another way")?.len(), 1);
    assert_eq!(reads("fn pair(text: &str) -> (u8, u8) { (1, 2) }"), []);
    Ok(())
}

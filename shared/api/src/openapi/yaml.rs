//! Writes JSON as YAML: in a fixed order, what fits into a line in one line.

use serde_json::{Map, Value};

const WIDTH: usize = 120;
/// Keys that come before the others, in this order; the others follow by name.
const FIRST: [&str; 14] = [
    "openapi",
    "info",
    "servers",
    "security",
    "paths",
    "components",
    "title",
    "name",
    "in",
    "summary",
    "description",
    "type",
    "required",
    "parameters",
];

/// The text of a document.
pub(super) fn text(document: &Value) -> String {
    let mut text = String::new();
    write(document, 0, &mut text);
    text
}

fn write(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(fields) => {
            for (name, value) in ordered(fields) {
                text.push_str(&" ".repeat(indent));
                text.push_str(&scalar(name));
                text.push(':');
                follow(value, indent + 2, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                text.push_str(&" ".repeat(indent));
                text.push('-');
                let begin = text.len();
                follow(item, indent + 2, text);
                // Its first line stands behind the mark.
                if text[begin..].starts_with('\n') {
                    text.replace_range(begin..begin + 1 + indent + 2, " ");
                }
            }
        }
        plain => text.push_str(&flow(plain)),
    }
}

/// What stands behind a key or the mark of an item.
fn follow(value: &Value, indent: usize, text: &mut String) {
    let flow = flow(value);
    let before = text.len() - text.rfind('\n').map_or(0, |end| end + 1);
    let is_plain = !matches!(value, Value::Object(_) | Value::Array(_));
    if is_plain || before + 1 + flow.chars().count() <= WIDTH {
        text.push(' ');
        text.push_str(&flow);
        text.push('\n');
    } else {
        text.push('\n');
        write(value, indent, text);
    }
}

/// In one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(words) => scalar(words),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let fields = ordered(fields).into_iter();
            let fields: Vec<String> = fields
                .map(|(name, value)| format!("{}: {}", scalar(name), flow(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}

fn ordered(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
    let place = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    fields.sort_by(|(one, _), (other, _)| (place(one), *one).cmp(&(place(other), *other)));
    fields
}

/// Without quotes where every reader of YAML takes it for the same text.
fn scalar(text: &str) -> String {
    let reserved = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '/' | '$'));
    let inner = |one: char| one.is_ascii_alphanumeric() || matches!(one, ' ' | '_' | '.' | '/' | '-' | ';' | '(' | ')');
    let plain = begins && text.chars().all(inner) && !text.ends_with(' ');
    if plain && !reserved.contains(&text.to_ascii_lowercase().as_str()) {
        text.to_owned()
    } else {
        // A string of JSON is one of YAML.
        Value::String(text.to_owned()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_is_one_line_and_what_could_be_misread_is_quoted() {
        let long = "a ".repeat(40) + "b";
        let document = json!({
            "paths": { "/hosts/{host}": { "get": { "summary": "one: two", "yes": "no" } } },
            "openapi": "3.1.0",
            "list": [long, { "name": long, "other": long }, { "a": [1, null, true], "b": {} }],
        });
        let expected = format!(
            "openapi: \"3.1.0\"\npaths: {{ \"/hosts/{{host}}\": {{ get: {{ summary: \"one: two\", \"yes\": \"no\" }} }} }}\n\
             list:\n  - {long}\n  - name: {long}\n    other: {long}\n  - {{ a: [1, null, true], b: {{}} }}\n"
        );
        assert_eq!(text(&document), expected);
    }
}

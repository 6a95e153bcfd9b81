//! `KIND:KEY=VALUE,…`: the settings of a part whose kinds differ, such as a target, as a person
//! types them.
//!
//! In: the text of a flag or of a field of CSV, and the schema of the type that serde reads. Out:
//! the same as JSON. Never: a kind or a setting by name: what there is, is read out of the schema.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use domain::Invalid;
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// How a value is written in JSON.
#[derive(Debug, Clone, PartialEq)]
enum Form {
    Text,
    Number,
    Switch,
    List(Box<Form>),
    Object,
}

/// One kind of a part.
struct Kind {
    name: String,
    settings: BTreeMap<String, Form>,
    needed: Vec<String>,
}

/// Reads `KIND` or `KIND:KEY=VALUE,…`; the field of a refusal is empty.
pub fn read<T: JsonSchema + DeserializeOwned>(text: &str) -> Result<Value, Invalid> {
    let (kind, settings) = text.split_once(':').unwrap_or((text, ""));
    of_kind::<T>(kind, pairs(settings)?)
}

/// Several, with blanks between them.
pub fn several<T: JsonSchema + DeserializeOwned>(text: &str) -> Result<Value, Invalid> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(|one: char| {
        is_quoted ^= one == '"' && !is_escaped;
        is_escaped = one == '\\' && !is_escaped;
        one.is_whitespace() && !is_quoted
    });
    parts.filter(|part| !part.is_empty()).map(read::<T>).collect()
}

/// Reads the settings of a kind from pairs that are parsed already.
pub fn of_kind<T: JsonSchema + DeserializeOwned>(name: &str, pairs: Vec<Pair>) -> Result<Value, Invalid> {
    let all = kinds::<T>();
    let names: Vec<&str> = all.iter().map(|kind| kind.name.as_str()).collect();
    let Some(kind) = all.iter().find(|kind| kind.name == name) else {
        let remedy = format!(
            "write KIND:KEY=VALUE,… with one of the kinds that there are: {}",
            names.join(", ")
        );
        return Err(Invalid::new("", format!("{name:?} is no kind"), remedy));
    };
    let mut value = Map::from_iter([("kind".to_owned(), json!(kind.name))]);
    for pair in pairs {
        kind.set(&mut value, pair)?;
    }
    if let Some(missing) = kind.needed.iter().find(|key| !value.contains_key(*key)) {
        let remedy = format!("add {missing}=…; {}", kind.described());
        return Err(Invalid::new("", format!("{name} needs {missing}"), remedy));
    }
    let value = Value::Object(value);
    match serde_json::from_value::<T>(value.clone()) {
        Ok(_) => Ok(value),
        Err(refused) => Err(Invalid::new("", format!("{name}: {refused}"), kind.described())),
    }
}

/// The kinds with their settings, a line each, for a help text.
pub fn help<T: JsonSchema>() -> String {
    let lines: Vec<String> = kinds::<T>().iter().map(Kind::described).collect();
    lines.join("\n")
}

impl Kind {
    fn described(&self) -> String {
        let others = self.settings.keys().filter(|key| !self.needed.contains(key));
        let others: Vec<&str> = others.map(String::as_str).collect();
        match (self.needed.is_empty(), others.is_empty()) {
            (true, true) => format!("{} has no settings", self.name),
            (true, false) => format!("{} may have {}", self.name, others.join(", ")),
            (false, true) => format!("{} needs {}", self.name, self.needed.join(", ")),
            (false, false) => format!(
                "{} needs {} and may have {}",
                self.name,
                self.needed.join(", "),
                others.join(", ")
            ),
        }
    }

    fn set(&self, value: &mut Map<String, Value>, Pair { key, text }: Pair) -> Result<(), Invalid> {
        let key = key.replace('-', "_");
        let Some(form) = self.settings.get(&key) else {
            let problem = format!("{} has no setting {key:?}", self.name);
            return Err(Invalid::new("", problem, self.described()));
        };
        let wrong = |right: String| {
            let problem = format!("{}: {key}: {text:?} does not fit", self.name);
            Invalid::new("", problem, right)
        };
        if let Form::List(items) = form {
            let one = items.value(&text).map_err(wrong)?;
            let list = value.entry(key).or_insert_with(|| json!([]));
            list.as_array_mut().into_iter().for_each(|list| list.push(one.clone()));
            return Ok(());
        }
        let one = form.value(&text).map_err(wrong)?;
        match value.insert(key.clone(), one) {
            None => Ok(()),
            Some(_) => {
                let problem = format!("{}: {key} is given twice", self.name);
                Err(Invalid::new(
                    "",
                    problem,
                    "give it once; only a list is given a value at a time",
                ))
            }
        }
    }
}

impl Form {
    /// Or what would be right.
    fn value(&self, text: &str) -> Result<Value, String> {
        match self {
            Self::Text => Ok(json!(text)),
            Self::Number => match serde_json::from_str(text) {
                Ok(number @ Value::Number(_)) => Ok(number),
                Ok(_) | Err(_) => Err("give a number".to_owned()),
            },
            Self::Switch => match text {
                "true" => Ok(json!(true)),
                "false" => Ok(json!(false)),
                _ => Err("give true or false".to_owned()),
            },
            Self::List(_) | Self::Object => {
                serde_json::from_str(text).map_err(|_| "give JSON, in quotation marks if it has commas".to_owned())
            }
        }
    }
}

fn kinds<T: JsonSchema>() -> Vec<Kind> {
    let schema = schema_for!(T).to_value();
    let variants = schema["oneOf"].as_array().cloned().unwrap_or_default();
    variants.iter().filter_map(|variant| kind(variant, &schema)).collect()
}

fn kind(variant: &Value, schema: &Value) -> Option<Kind> {
    let settings = resolved(variant, schema);
    let properties = |of: &Value| of["properties"].as_object().cloned().unwrap_or_default();
    let mut all = properties(settings);
    all.extend(properties(variant));
    let tag = all.remove("kind")?;
    let name = tag["const"].as_str().or_else(|| tag["enum"][0].as_str())?.to_owned();
    let needed = settings["required"].as_array().into_iter().flatten();
    let needed = needed.filter_map(Value::as_str).filter(|key| *key != "kind");
    Some(Kind {
        name,
        needed: needed.map(str::to_owned).collect(),
        settings: all
            .iter()
            .filter(|(_, of)| of["deprecated"] != true)
            .map(|(key, of)| (key.clone(), form(of, schema)))
            .collect(),
    })
}

fn resolved<'a>(part: &'a Value, schema: &'a Value) -> &'a Value {
    let place = part["$ref"].as_str().and_then(|place| place.strip_prefix('#'));
    place.and_then(|place| schema.pointer(place)).unwrap_or(part)
}

fn form(of: &Value, schema: &Value) -> Form {
    let of = resolved(of, schema);
    let choices = ["anyOf", "oneOf"]
        .iter()
        .filter_map(|of_several| of[*of_several].as_array());
    if let Some(one) = choices.flatten().find(|one| one["type"] != "null") {
        return form(one, schema);
    }
    let is = |wanted: &str| match &of["type"] {
        Value::Array(several) => several.iter().any(|one| one == wanted),
        one => one == wanted,
    };
    if is("array") {
        Form::List(Box::new(form(&of["items"], schema)))
    } else if is("object") {
        Form::Object
    } else if is("integer") || is("number") {
        Form::Number
    } else if is("boolean") {
        Form::Switch
    } else {
        Form::Text
    }
}

/// One setting as it was typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    pub key: String,
    pub text: String,
}

/// `KEY=VALUE,…`: a value with a comma stands in double quotes, where `\"` and `\\` are a quotation
/// mark and a backslash.
pub fn pairs(text: &str) -> Result<Vec<Pair>, Invalid> {
    let mut rest = text.chars().peekable();
    let mut all = Vec::new();
    while rest.peek().is_some() {
        all.push(pair(&mut rest)?);
    }
    Ok(all)
}

fn pair(rest: &mut Peekable<Chars<'_>>) -> Result<Pair, Invalid> {
    let mut key = String::new();
    loop {
        match rest.next() {
            Some('=') => break,
            Some(one) if one != ',' => key.push(one),
            Some(_) | None => {
                let remedy = "write KEY=VALUE,…; a value with a comma stands in double quotes";
                return Err(Invalid::new("", format!("{key:?} has no value"), remedy));
            }
        }
    }
    let text = if rest.next_if_eq(&'"').is_some() {
        quoted(&key, rest)?
    } else {
        let mut text = String::new();
        while let Some(one) = rest.next_if(|one| *one != ',') {
            text.push(one);
        }
        text
    };
    match rest.next() {
        None | Some(',') => Ok(Pair { key, text }),
        Some(other) => {
            let problem = format!("{key}: {other:?} follows the closing quotation mark");
            Err(Invalid::new(
                "",
                problem,
                "write a comma there, or a backslash before the mark",
            ))
        }
    }
}

fn quoted(key: &str, rest: &mut Peekable<Chars<'_>>) -> Result<String, Invalid> {
    let mut text = String::new();
    loop {
        match rest.next() {
            Some('"') => return Ok(text),
            Some('\\') => text.extend(rest.next()),
            Some(one) => text.push(one),
            None => {
                let problem = format!("{key}: a quotation mark is opened and not closed");
                return Err(Invalid::new("", problem, "close it, or write a backslash before it"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::target::Target;

    use super::*;

    fn target(text: &str) -> Result<Value, String> {
        read::<Target>(text).map_err(|refused| refused.to_string())
    }

    #[test]
    fn each_setting_is_read_as_its_type_has_it() {
        let read = target(
            "file:chain-path=/t/a.crt,key_path=\"/t/a,b \\\"1\\\".key\",owner=1000,activate_timeout_seconds=60,\
             serves_at=192.0.2.1:443,serves_at=[2001:db8::1]:443",
        );
        let wanted = json!({
            "kind": "file", "chain_path": "/t/a.crt", "key_path": "/t/a,b \"1\".key", "owner": "1000",
            "activate_timeout_seconds": 60, "serves_at": ["192.0.2.1:443", "[2001:db8::1]:443"],
        });
        assert_eq!(read, Ok(wanted));
        let read = target("file:chain_path=/t/a=b.crt,key_path=/t/k").expect("a target");
        assert_eq!(read["chain_path"], "/t/a=b.crt");
    }

    #[test]
    fn a_refusal_names_the_kind_the_key_and_what_there_is() {
        for (text, said) in [
            ("fil:chain_path=/a", &["\"fil\" is no kind", "file"][..]),
            ("file", &["file needs chain_path", "key_path", "access_list"]),
            (
                "file:chain=/a",
                &["file has no setting \"chain\"", "chain_path", "owner"],
            ),
            ("file:chain_path", &["\"chain_path\" has no value"]),
            ("file:chain_path=/a,chain_path=/b", &["chain_path is given twice"]),
            (
                "file:chain_path=/a,key_path=/b,activate_timeout_seconds=soon",
                &["activate_timeout_seconds", "\"soon\"", "give a number"],
            ),
            (
                "file:chain_path=/a,key_path=/b,serves_at=here",
                &["file: ", "serves_at"],
            ),
            (
                "file:chain_path=/a,key_path=/b,access_list=maybe",
                &["access_list", "neither \"keep\" nor \"drop\""],
            ),
            ("file:chain_path=\"/a", &["not closed"]),
            ("file:chain_path=\"/a\"b", &["'b' follows"]),
        ] {
            let refused = target(text).expect_err(text);
            for part in said {
                assert!(refused.contains(part), "{text}: {refused} must say {part}");
            }
        }
    }

    #[test]
    fn the_help_lists_every_setting() {
        let help = help::<Target>();
        assert!(
            help.starts_with("file needs chain_path, key_path and may have "),
            "{help}"
        );
        assert!(help.contains("serves_at") && help.contains("group_name"), "{help}");
        assert!(
            !help.contains("reload"),
            "what is taken from nobody any more is shown to nobody: {help}"
        );
    }
}

//! `openapi.yaml` as a judge: is an answer, and a body that was taken, what the document says of that path, method and
//! status? Every test of this console that asks by `World` is judged.

use std::sync::LazyLock;

use anyhow::{Context, Result, anyhow, bail, ensure};
use axum::http::Method;
use serde_json::{Map, Value, json};

use crate::world::Answered;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../openapi.yaml");
    let mut document: Value = serde_saphyr::from_str(text).expect("YAML");
    let schemas = document["components"]["schemas"].as_object_mut().expect("schemas");
    // What a schema may be extended by stands where it is used.
    schemas.values_mut().for_each(|schema| close(schema, true));
    document
});

/// What the document says of one method of a path.
pub struct Operation {
    pub path: &'static str,
    pub method: &'static str,
    said: &'static Value,
}

/// Every operation of the document.
pub fn operations() -> impl Iterator<Item = Operation> {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, said)| {
        let methods = said.as_object().into_iter().flatten();
        let methods = methods.filter(|(method, _)| METHODS.contains(&method.as_str()));
        methods.map(|(method, said)| Operation { path, method, said })
    })
}

impl Operation {
    /// The one that this path means: a word in a path goes before a parameter.
    fn of(method: &Method, path: &str) -> Option<Self> {
        let same = |one: &Operation| one.method.eq_ignore_ascii_case(method.as_str());
        let fitting = operations().filter(same).filter(|one| fits(one.path, path));
        fitting.min_by_key(|one| one.path.matches('{').count())
    }

    /// The statuses that it names.
    pub fn statuses(&self) -> impl Iterator<Item = u16> {
        let statuses = self.said["responses"].as_object().into_iter().flatten();
        statuses.filter_map(|(status, _)| status.parse().ok())
    }

    /// The query parameters that it knows.
    pub fn query_parameters(&self) -> impl Iterator<Item = &'static str> {
        let parameters = self.said["parameters"].as_array().into_iter().flatten().map(resolved);
        let of_query = parameters.filter(|one| one["in"] == "query");
        of_query.filter_map(|one| one["name"].as_str())
    }

    fn response(&self, status: u16) -> Option<&'static Value> {
        let responses = &self.said["responses"];
        let found = responses.get(status.to_string());
        found.or_else(|| responses.get("default")).map(resolved)
    }

    pub fn name(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (parts, given) = (template.split('/'), path.split('/'));
    let same = parts.clone().count() == given.clone().count();
    same && parts
        .zip(given)
        .all(|(part, given)| part.starts_with('{') || part == given)
}

fn resolved(said: &'static Value) -> &'static Value {
    let pointer = said["$ref"].as_str().and_then(|to| to.strip_prefix('#'));
    pointer.map_or(said, |to| DOCUMENT.pointer(to).expect("what is referred to"))
}

/// Judges an answer, and says of which operation it is. A path that the document does not know can only be refused.
pub fn judge(method: &Method, uri: &str, sent: &Value, answered: &Answered) -> Result<Option<String>> {
    let path = uri.split('?').next().unwrap_or(uri);
    let Some(operation) = Operation::of(method, path) else {
        let problem = json!({ "$ref": "#/components/schemas/Problem" });
        valid(&problem, &answered.body).with_context(|| format!("{method} {uri}"))?;
        return Ok(None);
    };
    let status = answered.status.as_u16();
    let what = || format!("{} → {status}", operation.name());
    let response = operation
        .response(status)
        .with_context(|| anyhow!("{} is not described", what()))?;
    body(response, answered).with_context(what)?;
    let wanted = operation.said.pointer("/requestBody/content/application~1json/schema");
    // Of what is imported each item is taken or refused for itself.
    let whole = answered.status.is_success() && !path.ends_with("/import") && !sent.is_null();
    if let Some(schema) = wanted.filter(|_| whole) {
        valid(schema, sent).with_context(|| format!("{} took {sent}", operation.name()))?;
    }
    Ok(Some(operation.name()))
}

fn body(response: &Value, answered: &Answered) -> Result<()> {
    let Some(kinds) = response["content"].as_object() else {
        ensure!(
            answered.kind.is_empty() && answered.body == "",
            "it has a body: {answered:?}"
        );
        return Ok(());
    };
    let kind = answered.kind.split(';').next().unwrap_or_default();
    match kinds.get(kind) {
        None => bail!("{kind:?} is none of {:?}: {}", kinds.keys(), answered.body),
        Some(said) => said
            .get("schema")
            .map_or(Ok(()), |schema| valid(schema, &answered.body)),
    }
}

fn valid(schema: &Value, value: &Value) -> Result<()> {
    let mut closed = schema.clone();
    close(&mut closed, false);
    let whole = json!({ "allOf": [closed], "components": DOCUMENT["components"] });
    let judge = jsonschema::options().should_validate_formats(true).build(&whole)?;
    let wrong: Vec<String> = judge
        .iter_errors(value)
        .map(|wrong| format!("{}: {wrong}", wrong.instance_path()))
        .collect();
    ensure!(wrong.is_empty(), "{}\nin {value:#}", wrong.join("\n"));
    Ok(())
}

/// Lets an object have the fields that are described and no other, wherever the document leaves that open. `part`: of a
/// schema that says one part of an object; the whole is closed where it stands.
fn close(schema: &mut Value, part: bool) {
    let Some(words) = schema.as_object_mut() else { return };
    let open = ["additionalProperties", "unevaluatedProperties"]
        .iter()
        .all(|word| !words.contains_key(*word));
    let describes = ["properties", "allOf", "$ref"]
        .iter()
        .any(|word| words.contains_key(*word));
    for member in members(words, "allOf") {
        close(member, true);
    }
    // Beside fields of its own they say further parts of the same object.
    for word in ["oneOf", "anyOf"] {
        members(words, word).for_each(|member| close(member, describes || part));
    }
    for word in ["items", "additionalProperties"] {
        words.get_mut(word).into_iter().for_each(|inner| close(inner, false));
    }
    let fields = words.get_mut("properties").and_then(Value::as_object_mut);
    fields
        .into_iter()
        .flat_map(Map::values_mut)
        .for_each(|inner| close(inner, false));
    if open && describes && !part {
        words.insert("unevaluatedProperties".to_owned(), json!(false));
    }
}

fn members<'a>(words: &'a mut Map<String, Value>, word: &str) -> impl Iterator<Item = &'a mut Value> {
    words.get_mut(word).and_then(Value::as_array_mut).into_iter().flatten()
}

#[test]
fn a_field_that_is_not_described_does_not_pass() {
    let host = json!({ "$ref": "#/components/schemas/HostDetail" });
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let seen = json!({
        "id": id, "dialled": "192.0.2.7:443", "taken_at": "2026-11-30T10:00:00Z", "probe": "unreachable",
        "probe_error": "refused",
    });
    let known = json!({
        "id": id, "workspace": "default", "hostname": "www.example.org", "port": 443, "addresses": [],
        "environment": "prod", "criticality": "medium", "tags": [], "probe_interval_seconds": 3600,
        "created_at": "2026-11-30T10:00:00Z", "snapshot": null, "status": "idle", "last_seen_at": null, "look": [seen],
    });
    valid(&host, &known).expect("what is described");
    for (place, wrong) in [
        ("/colour", json!("red")),
        ("/look/0/colour", json!("red")),
        ("/look/0/probe", json!("served")),
        ("/id", json!("seven")),
        ("/status", json!(7)),
    ] {
        let mut changed = known.clone();
        let (object, field) = place.rsplit_once('/').expect("a place");
        changed.pointer_mut(object).expect("an object")[field] = wrong;
        valid(&host, &changed).expect_err(place);
    }
    let mut without = known;
    without.as_object_mut().expect("an object").remove("hostname");
    valid(&host, &without).expect_err("a field is missing");
}

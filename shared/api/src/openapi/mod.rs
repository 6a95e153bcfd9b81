//! The description of the API (OpenAPI 3.1), made from the table of operations and from the types.
//!
//! In: nothing. Out: the document. `cargo xtask schema` writes it to `services/console/openapi.yaml`; a test fails when
//! the file is stale.

mod operation;
mod operations;
mod yaml;

use std::collections::BTreeSet;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::errors::Problem;
pub use operation::Operation;
pub use operations::operations;

const REFERENCE: &str = "#/components/schemas/";

/// The document as it is served.
pub fn text() -> String {
    let head = "# Written by `cargo xtask schema` from the types of shared/api.\n";
    format!("{head}{}", yaml::text(&document()))
}

/// The document as JSON.
pub fn document() -> Value {
    let (mut said, mut taken) = (generator(false), generator(true));
    let problem = said.subschema_for::<Problem>();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations() {
        let described = described(&operation, &mut said, &mut taken);
        let methods = paths.entry(operation.path).or_insert_with(|| json!({}));
        methods[operation.method] = described;
    }
    let answers = said.take_definitions(true);
    let mut requests = Value::Object(taken.take_definitions(true));
    let mut paths = Value::Object(paths);
    let apart = differing(&answers, &requests);
    rename(&mut requests, &apart);
    rename_in_bodies(&mut paths, &apart);
    let mut schemas = answers;
    if let Value::Object(requests) = requests {
        schemas.extend(
            requests
                .into_iter()
                .map(|(name, schema)| (input_name(&name, &apart), schema)),
        );
    }
    json!({
        "openapi": "3.1.0",
        "info": info(),
        "servers": [{ "url": "http://127.0.0.1:8420" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "responses": {
                "Problem": {
                    "description": "why it was not done",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "schemas": schemas,
        },
    })
}

fn info() -> Value {
    json!({
        "title": "Vigilo",
        "version": "1",
        "description": "Hosts, policies and renewals of a workspace. All answers are JSON; a refusal is \
            application/problem+json whose `type` ends in a stable code (see shared/codes/pages/console.md). Unknown \
            fields and query parameters are refused. Lists are read page by page: give the `next` of a page as `after`, \
            until `next` is null.",
    })
}

/// A request may leave out what has a default; an answer says it.
fn generator(for_requests: bool) -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let settings = match for_requests {
        true => settings.for_deserialize(),
        false => settings.for_serialize(),
    };
    settings.into_generator()
}

fn described(operation: &Operation, said: &mut SchemaGenerator, taken: &mut SchemaGenerator) -> Value {
    let mut whole = json!({ "summary": operation.summary });
    if let Some(description) = operation.description {
        whole["description"] = json!(description);
    }
    if !operation.needs_token {
        whole["security"] = json!([]);
    }
    if !operation.parameters.is_empty() {
        whole["parameters"] = json!(operation.parameters);
    }
    if let Some(body) = &operation.body {
        let schema = (body.schema)(taken);
        whole["requestBody"] = json!({
            "required": body.required,
            "content": { "application/json": { "schema": schema } },
        });
    }
    let mut responses = json!({ "default": { "$ref": "#/components/responses/Problem" } });
    for answer in &operation.answers {
        let mut response = json!({ "description": answer.description });
        for (media_type, schema) in &answer.contents {
            let schema = schema.map(|schema| json!({ "schema": schema(said) }));
            response["content"][*media_type] = schema.unwrap_or_else(|| json!({}));
        }
        responses[answer.status.to_string()] = response;
    }
    whole["responses"] = responses;
    whole
}

/// Names that mean one thing in requests and another in answers, or that refer to such a name.
fn differing(answers: &Map<String, Value>, requests: &Value) -> BTreeSet<String> {
    let shared = requests.as_object().into_iter().flatten();
    let shared: Vec<(&String, &Value)> = shared.filter(|(name, _)| answers.contains_key(*name)).collect();
    let mut apart: BTreeSet<String> = shared
        .iter()
        .filter(|(name, schema)| answers.get(*name) != Some(*schema))
        .map(|(name, _)| (*name).clone())
        .collect();
    loop {
        let refers = |schema: &Value| references(schema).iter().any(|name| apart.contains(name));
        let further: Vec<String> = shared
            .iter()
            .filter(|(name, schema)| !apart.contains(*name) && refers(schema))
            .map(|(name, _)| (*name).clone())
            .collect();
        if further.is_empty() {
            return apart;
        }
        apart.extend(further);
    }
}

fn references(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(&mut schema.clone(), &mut |reference| {
        found.extend(reference.strip_prefix(REFERENCE).map(str::to_owned));
    });
    found
}

fn input_name(name: &str, apart: &BTreeSet<String>) -> String {
    if apart.contains(name) {
        format!("{name}Input")
    } else {
        name.to_owned()
    }
}

fn rename(schema: &mut Value, apart: &BTreeSet<String>) {
    walk(schema, &mut |reference| {
        if let Some(name) = reference.strip_prefix(REFERENCE) {
            *reference = format!("{REFERENCE}{}", input_name(name, apart));
        }
    });
}

fn rename_in_bodies(paths: &mut Value, apart: &BTreeSet<String>) {
    let methods = paths.as_object_mut().into_iter().flat_map(Map::values_mut);
    for operation in methods.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        if let Some(body) = operation.get_mut("requestBody") {
            rename(body, apart);
        }
    }
}

/// Visits every reference of a schema.
fn walk(schema: &mut Value, visit: &mut impl FnMut(&mut String)) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(reference) if name == "$ref" => visit(reference),
                    other => walk(other, visit),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| walk(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_what_the_types_say() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services/console/openapi.yaml");
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(kept == text(), "{} is stale: run `cargo xtask schema`", file.display());
    }

    #[test]
    fn every_reference_leads_to_a_schema_and_no_name_is_numbered() {
        let document = document();
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        for name in references(&document) {
            assert!(schemas.contains_key(&name), "{name}");
        }
        // The generator numbers the names of different types that are called alike.
        let numbered: Vec<&String> = schemas.keys().filter(|name| name.ends_with(char::is_numeric)).collect();
        assert!(numbered.is_empty(), "{numbered:?}");
    }

    #[test]
    fn every_operation_has_an_answer_and_is_there_once() {
        let mut seen = BTreeSet::new();
        for operation in operations() {
            assert!(!operation.answers.is_empty(), "{} {}", operation.method, operation.path);
            assert!(seen.insert((operation.method, operation.path)), "{}", operation.path);
        }
    }
}

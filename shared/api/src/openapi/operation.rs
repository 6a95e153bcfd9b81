//! One operation of the API: a method of a path, what it takes and what it answers.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

/// Writes the schema of one type into a generator.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// What a request carries.
pub(crate) struct Body {
    pub schema: SchemaOf,
    pub required: bool,
}

/// One status, and what comes with it.
pub(crate) struct ResponseDoc {
    pub status: u16,
    pub description: &'static str,
    /// By media type; without a schema it is text.
    pub contents: Vec<(&'static str, Option<SchemaOf>)>,
}

/// One method of one path.
pub struct Operation {
    /// In small letters, as OpenAPI spells it.
    pub method: &'static str,
    pub path: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) description: Option<&'static str>,
    pub(crate) needs_token: bool,
    pub(crate) parameters: Vec<Value>,
    pub(crate) body: Option<Body>,
    pub(crate) answers: Vec<ResponseDoc>,
}

fn operation(method: &'static str, path: &'static str, summary: &'static str) -> Operation {
    Operation {
        method,
        path,
        summary,
        description: None,
        needs_token: true,
        parameters: path_parameters(path),
        body: None,
        answers: Vec::new(),
    }
}

pub(crate) fn get(path: &'static str, summary: &'static str) -> Operation {
    operation("get", path, summary)
}

pub(crate) fn post(path: &'static str, summary: &'static str) -> Operation {
    operation("post", path, summary)
}

pub(crate) fn put(path: &'static str, summary: &'static str) -> Operation {
    operation("put", path, summary)
}

pub(crate) fn patch(path: &'static str, summary: &'static str) -> Operation {
    operation("patch", path, summary)
}

/// It answers without a body.
pub(crate) fn delete(path: &'static str, summary: &'static str) -> Operation {
    operation("delete", path, summary)
}

/// What stands in braces. An id is a UUID where the path does not say what it is the name of.
fn path_parameters(path: &str) -> Vec<Value> {
    let names = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let named = ["/limits/", "/target-groups/", "/tag-windows/", "/providers/"];
    let is_named = named.iter().any(|list| path.contains(list));
    names
        .map(|name| {
            let (description, schema) = match name {
                "host" if path.contains("/policies/") => ("a hostname", json!({ "type": "string" })),
                "host" => ("a hostname or the id of a host", json!({ "type": "string" })),
                "code" => ("an error code", json!({ "type": "string", "examples": ["ISS-0007"] })),
                _ if is_named => ("a name, as the list shows it", json!({ "type": "string" })),
                _ => (
                    "an id, as the list shows it",
                    json!({ "type": "string", "format": "uuid" }),
                ),
            };
            json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
        })
        .collect()
}

impl Operation {
    pub(crate) fn described(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    pub(crate) fn open(mut self) -> Self {
        self.needs_token = false;
        self
    }

    pub(crate) fn query(self, name: &'static str, description: &'static str, schema: Value) -> Self {
        self.parameter(json!({ "name": name, "in": "query", "description": description, "schema": schema }))
    }

    /// How many items are answered.
    pub(crate) fn limit(self) -> Self {
        let schema = json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 });
        self.query("limit", "how many are answered at most", schema)
    }

    /// Whoever comes back with it reads on behind that event.
    pub(crate) fn last_event_id(self) -> Self {
        let description = "the id of the last event that was read";
        let schema = json!({ "type": "string" });
        self.parameter(json!({ "name": "Last-Event-ID", "in": "header", "description": description, "schema": schema }))
    }

    fn parameter(mut self, parameter: Value) -> Self {
        self.parameters.push(parameter);
        self
    }

    pub(crate) fn takes<T: JsonSchema>(mut self) -> Self {
        self.body = Some(Body {
            schema: schema_of::<T>,
            required: true,
        });
        self
    }

    pub(crate) fn may_take<T: JsonSchema>(mut self) -> Self {
        self.body = Some(Body {
            schema: schema_of::<T>,
            required: false,
        });
        self
    }

    pub(crate) fn takes_schema(mut self, schema: SchemaOf) -> Self {
        self.body = Some(Body { schema, required: true });
        self
    }

    pub(crate) fn answers<T: JsonSchema>(mut self, status: u16, description: &'static str) -> Self {
        self.answers.push(ResponseDoc {
            status,
            description,
            contents: vec![("application/json", Some(schema_of::<T>))],
        });
        self
    }

    /// The status alone.
    pub(crate) fn answers_nothing(mut self) -> Self {
        self.answers.push(ResponseDoc {
            status: 204,
            description: "done",
            contents: Vec::new(),
        });
        self
    }

    pub(crate) fn answers_text(mut self, description: &'static str, media_type: &'static str) -> Self {
        self.answers.push(ResponseDoc {
            status: 200,
            description,
            contents: vec![(media_type, None)],
        });
        self
    }

    /// The last answer comes as this too, whoever asks for it.
    pub(crate) fn or_as(mut self, media_type: &'static str) -> Self {
        if let Some(last) = self.answers.last_mut() {
            last.contents.push((media_type, None));
        }
        self
    }
}

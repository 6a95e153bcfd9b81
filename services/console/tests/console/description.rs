//! `openapi.yaml` says what is served, no more and no less: paths, methods, query parameters.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use axum::body::Body;
use axum::http::{Method, Request};

use crate::document;
use crate::world::{TOKEN, World};

/// A path of a template: what its parameters are does not matter here.
fn some(path: &str) -> String {
    let parts = path.split('/');
    let filled: Vec<&str> = parts
        .map(|part| if part.starts_with('{') { "7" } else { part })
        .collect();
    filled.join("/")
}

#[tokio::test]
async fn the_document_lists_every_path_with_its_methods() -> Result<()> {
    let world = World::new().await?;
    let mut served = BTreeMap::new();
    for path in console::paths_served() {
        // No path knows this method; the refusal lists those that it knows.
        let request = Request::builder().method("TRACE").uri(some(path));
        let request = request
            .header("authorization", format!("Bearer {TOKEN}"))
            .body(Body::empty())?;
        let response = world.raw(request).await?;
        assert_eq!(response.status(), 405, "{path}");
        let allowed = response.headers()["allow"]
            .to_str()?
            .split(',')
            .map(|method| method.trim().to_owned());
        served.insert(
            path.to_owned(),
            allowed.filter(|method| method != "HEAD").collect::<BTreeSet<_>>(),
        );
    }
    let mut described: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in document::operations() {
        let methods = described.entry(one.path.to_owned()).or_default();
        methods.insert(one.method.to_uppercase());
    }
    assert_eq!(described, served);
    Ok(())
}

#[tokio::test]
async fn query_parameters_are_those_of_the_document_and_every_other_is_refused() -> Result<()> {
    let world = World::new().await?;
    for operation in document::operations() {
        let path = some(operation.path.trim_start_matches("/api/v1"));
        let method = Method::from_bytes(operation.method.to_uppercase().as_bytes())?;
        let ask = async |query: &str| {
            let uri = format!("{path}?{query}");
            world.send(method.clone(), &uri, Body::from("{}")).await
        };
        let refused = ask("nobody=7").await?.refused(422, "API-0002")?;
        ensure!(refused["field"] == "nobody", "{}: {refused}", operation.name());
        for known in operation.query_parameters() {
            let said = ask(&format!("{known}=7")).await?;
            let unknown = said.body.to_string().contains("unknown field");
            ensure!(!unknown, "{} does not know {known}: {said:?}", operation.name());
        }
    }
    Ok(())
}

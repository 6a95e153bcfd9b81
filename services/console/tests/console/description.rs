//! `openapi.yaml` says what is served, no more and no less.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use axum::body::Body;
use axum::http::Request;

use crate::world::{TOKEN, World};

/// Path → methods, as the document writes them: two and four blanks deep.
fn described(document: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut paths: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = None;
    for line in document.lines().take_while(|line| *line != "components:") {
        if let Some(path) = line.strip_prefix("  /").and_then(|rest| rest.strip_suffix(':')) {
            current = Some(format!("/{path}"));
        }
        let method = ["get", "post", "put", "patch", "delete"]
            .into_iter()
            .find(|method| line == format!("    {method}:"));
        if let (Some(path), Some(method)) = (&current, method) {
            paths.entry(path.clone()).or_default().insert(method.to_uppercase());
        }
    }
    paths
}

#[tokio::test]
async fn the_document_lists_every_path_with_its_methods() -> Result<()> {
    let world = World::new().await?;
    let mut served = BTreeMap::new();
    for path in console::paths_served() {
        // No path knows this method; the refusal lists those that it knows.
        let request = Request::builder()
            .method("TRACE")
            .uri(path.replace("{id}", "7").replace("{code}", "7").replace("{host}", "7"));
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
    let document = world.get("/openapi.yaml").await?.good(200)?;
    assert_eq!(described(document.as_str().unwrap_or_default()), served);
    Ok(())
}

//! Hosts and policies, one by one, and the inputs that are refused.

use anyhow::Result;
use serde_json::{Value, json};

use crate::world::{World, policy};

#[tokio::test]
async fn a_host_is_added_and_listed() -> Result<()> {
    let world = World::new().await?;
    let added = world
        .post(
            "/hosts",
            &json!({ "hostname": "WWW.example.org", "criticality": "high" }),
        )
        .await?
        .good(201)?;
    let listed = world.get("/hosts").await?.good(200)?;
    let host = &listed["items"][0];
    assert_eq!(
        (&host["hostname"], &host["criticality"]),
        (&json!("www.example.org"), &json!("high"))
    );
    assert_eq!((&host["id"], &host["workspace"]), (&added["id"], &json!("default")));
    assert_eq!(
        (&host["status"], &host["snapshot"], &listed["next"]),
        (&json!("idle"), &Value::Null, &Value::Null)
    );
    Ok(())
}

#[tokio::test]
async fn a_hostname_that_is_no_dns_name_is_refused() -> Result<()> {
    let world = World::new().await?;
    for wrong in ["bad host.example", "www.example.org:443", "*.example.org", ""] {
        let refused = world
            .post("/hosts", &json!({ "hostname": wrong }))
            .await?
            .refused(422, "API-0002")?;
        assert_eq!(refused["field"], "hostname", "{wrong}: {refused}");
        assert!(refused["remedy"].to_string().contains("give"), "{refused}");
    }
    Ok(())
}

#[tokio::test]
async fn names_are_kept_in_one_form_and_found_by_each() -> Result<()> {
    let world = World::new().await?;
    for (typed, kept) in [
        ("Müller.example.", "xn--mller-kva.example"),
        ("intranet", "intranet"),
        ("10.0.0.7", "10.0.0.7"),
        ("a_b.example", "a_b.example"),
    ] {
        let added = world.post("/hosts", &json!({ "hostname": typed })).await?.good(201)?;
        assert_eq!(added["hostname"], kept, "{typed}");
    }
    let found = world.get("/hosts/m%C3%BCller.example").await?.good(200)?;
    assert_eq!(found["hostname"], "xn--mller-kva.example");
    let policy = json!({"hostname": "10.0.0.7", "targets": [{"kind": "file", "chain_path": "/c", "key_path": "/k"}]});
    let refused = world.post("/policies", &policy).await?.refused(422, "API-0002")?;
    assert!(refused["problem"].to_string().contains("IP address"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_host_that_exists_is_refused_by_name() -> Result<()> {
    let world = World::new().await?;
    world.host("www.example.org").await?;
    let again = world.post("/hosts", &json!({ "hostname": "www.example.org" })).await?;
    assert_eq!(again.refused(409, "API-0003")?["field"], "hostname");
    Ok(())
}

#[tokio::test]
async fn a_policy_is_added_and_listed() -> Result<()> {
    let world = World::new().await?;
    let host = world.host("www.example.org").await?;
    let added = world.policy("www.example.org").await?;
    assert_eq!(added["host_id"], host["id"]);
    let listed = world.get("/policies").await?.good(200)?;
    let policy = &listed["items"][0];
    assert_eq!((&policy["id"], &policy["status"]), (&added["id"], &json!("idle")));
    assert_eq!(
        (&policy["key_algorithm"], &policy["hostname"]),
        (&json!("p256"), &json!("www.example.org"))
    );
    Ok(())
}

#[tokio::test]
async fn a_policy_for_an_unknown_host_is_refused_with_the_way_to_add_it() -> Result<()> {
    let world = World::new().await?;
    let refused = world
        .post("/policies", &policy("new.example.org"))
        .await?
        .refused(422, "API-0002")?;
    assert_eq!(refused["field"], "hostname");
    assert_eq!(refused["remedy"], "add the host first: vigilo host add new.example.org");
    Ok(())
}

#[tokio::test]
async fn a_second_policy_of_a_hostname_is_refused() -> Result<()> {
    let world = World::new().await?;
    world.host("www.example.org").await?;
    world.policy("www.example.org").await?;
    let refused = world
        .post("/policies", &policy("www.example.org"))
        .await?
        .refused(409, "API-0003")?;
    assert_eq!(refused["field"], "hostname");
    Ok(())
}

#[tokio::test]
async fn a_policy_that_cannot_work_is_refused_by_its_field() -> Result<()> {
    let world = World::new().await?;
    world.host("www.example.org").await?;
    for (field, value, named) in [
        ("key_algorithm", json!("rsa1024"), "key_algorithm"),
        ("key_algorithm", json!("rsa8192"), "key_algorithm"),
        ("provider", json!("manual"), "provider"),
        ("directory_url", json!("http://ca.example.org/dir"), "directory_url"),
        ("sans", json!(["*.example.org"]), "sans"),
        ("sans", json!(["a.org", "b_.org"]), "sans[1]"),
        ("targets", json!([]), "targets"),
        (
            "targets",
            json!([{ "kind": "file", "chain_path": "c", "key_path": "/k" }]),
            "targets[0].chain_path",
        ),
        ("colour", json!("red"), "colour"),
    ] {
        let mut body = policy("www.example.org");
        body[field] = value;
        let refused = world.post("/policies", &body).await?.refused(422, "API-0002")?;
        assert_eq!(refused["field"], named, "{refused}");
        assert!(
            refused["problem"].is_string() && refused["remedy"].is_string(),
            "{refused}"
        );
    }
    let listed = world.get("/policies").await?.good(200)?;
    assert_eq!(listed["items"], json!([]), "a refused policy must not be kept");
    Ok(())
}

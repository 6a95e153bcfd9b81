//! A policy is corrected where it stands, and taken away.

use anyhow::Result;
use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};

use crate::world::{Answered, World, policy};

const HOST: &str = "www.example.org";

async fn patch(world: &World, hostname: &str, fields: Value) -> Result<Answered> {
    let path = format!("/policies/{hostname}");
    world.send(Method::PATCH, &path, Body::from(fields.to_string())).await
}

async fn forget(world: &World) -> Result<Answered> {
    world
        .send(Method::DELETE, &format!("/policies/{HOST}"), Body::empty())
        .await
}

async fn listed(world: &World) -> Result<Vec<Value>> {
    let page = world.get("/policies").await?.good(200)?;
    Ok(page["items"].as_array().cloned().unwrap_or_default())
}

#[tokio::test]
async fn what_is_given_changes_and_the_rest_stays() -> Result<()> {
    let world = World::new().await?;
    world.host(HOST).await?;
    world.policy(HOST).await?;
    let before = listed(&world).await?;
    let fields = json!({"cooldown_seconds": 60, "notify_on_failure": ["ops@example.org"], "dry_run_default": true});
    let changed = patch(&world, HOST, fields).await?.good(200)?;
    assert_eq!((&changed["id"], &changed["hostname"]), (&before[0]["id"], &json!(HOST)));
    let now = listed(&world).await?;
    assert_eq!(now[0]["cooldown_seconds"], 60);
    assert_eq!(now[0]["notify_on_failure"], json!(["ops@example.org"]));
    assert_eq!(now[0]["dry_run_default"], true);
    assert_eq!(now[0]["targets"], before[0]["targets"], "what is not given stays");

    patch(&world, HOST, json!({"cooldown_seconds": null, "hostname": HOST}))
        .await?
        .good(200)?;
    assert_eq!(listed(&world).await?[0]["cooldown_seconds"], 0, "null is the default");
    Ok(())
}

#[tokio::test]
async fn a_change_that_cannot_work_changes_nothing() -> Result<()> {
    let world = World::new().await?;
    world.host(HOST).await?;
    world.policy(HOST).await?;
    let before = listed(&world).await?;
    for (fields, named) in [
        (json!({"key_algorithm": "rsa1024"}), "key_algorithm"),
        (json!({"sans": ["*.example.org"]}), "sans"),
        (json!({"targets": []}), "targets"),
        (json!({"targets": null}), "targets"),
        (json!({"colour": "red"}), "colour"),
        (json!({"hostname": "other.example.org"}), "hostname"),
    ] {
        let refused = patch(&world, HOST, fields).await?.refused(422, "API-0002")?;
        assert_eq!(refused["field"], named, "{refused}");
    }
    for hostname in ["no.such.host", "no_name"] {
        let refused = patch(&world, hostname, json!({"cooldown_seconds": 1})).await?;
        let refused = refused.refused(404, "API-0004")?;
        assert!(
            refused["problem"].as_str().is_some_and(|said| said.contains(hostname)),
            "{refused}"
        );
    }
    assert_eq!(listed(&world).await?, before);
    Ok(())
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn fields_of_before_are_taken_and_shown_as_they_are_called_now() -> Result<()> {
    let world = World::new().await?;
    world.host(HOST).await?;
    let mut before = policy(HOST);
    before["key_backend"] = json!("local");
    before["key_backend_config"] = json!({"endpoint": "staging"});
    let added = world.post("/policies", &before).await?.good(201)?;
    assert_eq!(
        (&added["staging"], &added["key_source"]),
        (&json!(true), &json!({"kind": "local"}))
    );
    assert_eq!(added.get("key_backend_config"), None);

    let changed = patch(&world, HOST, json!({"key_backend_config": {}}))
        .await?
        .good(200)?;
    assert_eq!(changed["staging"], false);
    for (fields, named, said) in [
        (
            json!({"key_backend": "vault"}),
            "key_source",
            "only local is served by this version",
        ),
        (
            json!({"key_source": {"kind": "aws_kms", "region": "eu-central-1", "key": "alias/k", "credential": "aws"}}),
            "key_source",
            "only local is served by this version; file /etc/tls/www.example.org.crt needs the private key",
        ),
        (
            json!({"key_source": {"kind": "vault", "address": "http://v.example.org/", "key": "k", "credential": "v"}}),
            "key_source.address",
            "clear",
        ),
    ] {
        let refused = patch(&world, HOST, fields).await?.refused(422, "API-0002")?;
        assert_eq!(refused["field"], named, "{refused}");
        assert!(
            refused["problem"]
                .as_str()
                .is_some_and(|problem| problem.contains(said)),
            "{refused}"
        );
    }
    Ok(())
}

/// What the catalogue says of the CA is judged with the policy, all of it at once.
#[tokio::test]
async fn a_policy_that_its_provider_can_never_carry_out_is_refused_with_every_reason() -> Result<()> {
    let world = World::new().await?;
    world.host(HOST).await?;
    let provider = json!({
        "id": "inhouse", "title": "Our own CA", "directory_url": "https://ca.example.org/dir",
        "abilities": {"key_algorithms": ["rsa2048"], "max_names": 1, "profiles": ["short"]},
    });
    world.post("/providers", &provider).await?.good(201)?;
    let mut asks = policy(HOST);
    asks["directory_url"] = provider["directory_url"].clone();
    asks["sans"] = json!(["b.example.org"]);
    asks["profile"] = json!("classic");
    let refused = world.post("/policies", &asks).await?.refused(422, "API-0002")?;
    assert_eq!(refused["field"], "profile", "{refused}");
    for reason in [
        "Our own CA: ",
        "no profile classic",
        "takes 1 name, the policy has 2",
        "takes no p256 keys",
    ] {
        assert!(
            refused["problem"]
                .as_str()
                .is_some_and(|problem| problem.contains(reason)),
            "{refused}"
        );
    }
    // Another one that stands by can do it.
    asks["fallbacks"] = json!(["https://other.example.org/dir"]);
    world.post("/policies", &asks).await?.good(201)?;
    Ok(())
}

#[tokio::test]
async fn a_policy_that_was_taken_away_makes_room_for_another() -> Result<()> {
    let world = World::new().await?;
    world.host(HOST).await?;
    world.policy(HOST).await?;
    assert_eq!(forget(&world).await?.status, 204);
    assert_eq!(listed(&world).await?, Vec::<Value>::new());
    let again = forget(&world).await?;
    again.refused(404, "API-0004")?;
    world.post("/policies", &policy(HOST)).await?.good(201)?;
    Ok(())
}

#[tokio::test]
async fn a_file_that_another_policy_replaces_is_refused_at_save_import_and_set() -> Result<()> {
    let (world, other) = (World::new().await?, "shop.example.org");
    for host in [HOST, other] {
        world.host(host).await?;
    }
    world.policy(HOST).await?;
    let mut same = policy(other);
    same["targets"][0]["chain_path"] = json!(format!("/etc/./tls//{HOST}.crt"));
    let names_it = |refused: &Value| {
        let problem = refused["problem"].as_str().unwrap_or_default().to_owned();
        refused["field"] == "targets"
            && problem.contains(&format!("/etc/tls/{HOST}.crt is replaced by the policy of {HOST}"))
    };

    let saved = world.post("/policies", &same).await?.refused(409, "API-0003")?;
    assert!(names_it(&saved), "{saved}");
    let imported = world.post("/policies/import", &json!([same])).await?.good(200)?;
    assert_eq!(imported["created"], 0, "{imported}");
    assert!(names_it(&imported["refused"][0]["problem"]), "{imported}");
    world.policy(other).await?;
    let set = patch(&world, other, json!({ "targets": same["targets"] })).await?;
    let set = set.refused(409, "API-0003")?;
    assert!(names_it(&set), "{set}");
    assert_eq!(listed(&world).await?.len(), 2);

    // What the first one leaves is free.
    assert_eq!(forget(&world).await?.status, 204);
    patch(&world, other, json!({ "targets": same["targets"] }))
        .await?
        .good(200)?;
    Ok(())
}

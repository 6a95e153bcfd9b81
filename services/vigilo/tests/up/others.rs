//! `--nats-listen`: other systems reach the NATS of `vigilo up` as their workspace, and as no other
//! user.

use futures::StreamExt;
use serde_json::{Value, json};
use testkit::async_nats::{Client, ConnectOptions, HeaderMap};

use crate::world::{BOUND, Up, port};

const REQUEST: &str = "vigilo.request.default.probe";

#[tokio::test]
async fn other_systems_log_in_as_their_workspace_and_are_answered() {
    let at = format!("127.0.0.1:{}", port());
    let up = tokio::task::spawn_blocking({
        let at = at.clone();
        move || Up::with(&["--nats-listen", &at])
    });
    let up = up.await.expect("it starts");
    let url = format!("nats://{at}");
    assert!(
        ConnectOptions::new().connect(&url).await.is_err(),
        "nobody without a login"
    );

    let file = up.directory.join("data/nats-users/ws-default");
    let password = std::fs::read_to_string(file).expect("the password of the workspace");
    let login = ConnectOptions::with_user_and_password("ws-default".to_owned(), password.trim().to_owned());
    let client = login.custom_inbox_prefix("_INBOX.ws-default").connect(&url).await;
    let answer = asked(&client.expect("the workspace logs in")).await;
    assert_eq!(answer["answer"], "probing", "{answer}");
    assert_eq!(answer["refused"][0]["hostname"], "www.example.org", "{answer}");
}

/// The planner's answer to a wish to look at a host that it does not know.
async fn asked(client: &Client) -> Value {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.expect("an inbox");
    let mut headers = HeaderMap::new();
    headers.insert("vigilo-reply-to", inbox.as_str());
    let wish = json!({"hostnames": ["www.example.org"], "requested_by": "cmdb"}).to_string();
    let sent = client.publish_with_headers(REQUEST, headers, wish.into()).await;
    sent.expect("it is sent");
    let answer = tokio::time::timeout(BOUND, answers.next())
        .await
        .expect("an answer in time");
    serde_json::from_slice(&answer.expect("an answer").payload).expect("JSON")
}

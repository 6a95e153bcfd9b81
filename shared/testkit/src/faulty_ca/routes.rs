//! The CA's resources (RFC 8555 §7), and the faults before and after them.

use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, head, post};
use axum::{Json, Router};
use futures::stream;
use serde_json::{Value, json};

use super::Ca;
use super::book::{AuthorizationId, Book, Lapse, Order, OrderId, Proof};
use super::faults::{Fault, FaultPoint, RetryAfter};
use super::jws::{decoded, text};
use super::problem::{Refusal, document};

const REPLAY_NONCE: &str = "replay-nonce";
const LARGEST: usize = 1 << 20;

type CaResult = Result<Response, Refusal>;

pub(super) fn router(ca: Ca) -> Router {
    Router::new()
        .route("/dir", get(directory))
        .route("/nonce", head(async || StatusCode::OK))
        .route("/account", post(new_account))
        .route("/account/{id}", post(account))
        .route("/order", post(new_order))
        .route("/order/{id}", post(order))
        .route("/authz/{id}", post(authorization))
        .route("/challenge/{id}", post(challenge))
        .route("/finalize/{id}", post(finalize))
        .route("/certificate/{id}", post(certificate))
        .route("/renewal-info/{id}", get(renewal_info))
        .layer(from_fn_with_state(ca.clone(), misbehaving))
        .with_state(ca)
}

/// Every answer has a fresh nonce, that of a fault too.
async fn misbehaving(State(ca): State<Ca>, request: Request, next: Next) -> Response {
    let place = FaultPoint::of(request.uri().path());
    let gives_nonce = request.method() != Method::GET;
    let fault = place.and_then(|place| ca.faults().meet(place));
    let mut response = match fault {
        None => next.run(request).await,
        Some(Fault::Slow(by)) => late(next.run(request).await, by).await,
        Some(Fault::BreakOff) => broken_off(next.run(request).await).await,
        Some(Fault::RefuseNonce) => Refusal::new(400, "badNonce", "this nonce is not known").into_response(),
        Some(Fault::Internal) => Refusal::new(500, "serverInternal", "something broke here").into_response(),
        Some(Fault::Problem { status, body }) => Refusal::of(status, body).into_response(),
        Some(Fault::Page { status, body }) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            (status, [(CONTENT_TYPE, "text/html")], body).into_response()
        }
        Some(Fault::Moved { to }) => {
            let mut moved = StatusCode::MOVED_PERMANENTLY.into_response();
            set(&mut moved, LOCATION.as_str(), &to);
            moved
        }
        Some(Fault::RateLimit(wait)) => {
            let refusal = Refusal::new(429, "rateLimited", "too many requests of this kind");
            again_after(refusal.into_response(), wait)
        }
        Some(Fault::Busy(wait)) => {
            let page = (StatusCode::SERVICE_UNAVAILABLE, "<html>busy</html>");
            again_after(page.into_response(), wait)
        }
    };
    if gives_nonce {
        let nonce = ca.book().nonce();
        set(&mut response, REPLAY_NONCE, &nonce);
    }
    response
}

#[expect(
    clippy::disallowed_methods,
    reason = "between two looks at a server, until it is as the test wants it"
)]
async fn late(response: Response, by: Duration) -> Response {
    tokio::time::sleep(by).await;
    response
}

/// Half of the body, then the end of the connection.
async fn broken_off(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = to_bytes(body, LARGEST).await.unwrap_or_default();
    let half = whole.slice(..whole.len() / 2);
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let broken = stream::iter([Ok(half), Err(std::io::Error::other("told to break off"))]);
    Response::from_parts(parts, Body::from_stream(broken))
}

fn again_after(mut response: Response, wait: RetryAfter) -> Response {
    set(&mut response, RETRY_AFTER.as_str(), &wait.header());
    if let Some(date) = wait.date() {
        set(&mut response, DATE.as_str(), &date);
    }
    response
}

fn set(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

async fn directory(State(ca): State<Ca>) -> Json<Value> {
    let mut listed = json!({
        "newNonce": ca.written("/nonce"), "newAccount": ca.written("/account"), "newOrder": ca.written("/order"),
        "revokeCert": ca.written("/revoke"), "keyChange": ca.written("/key-change"),
        "meta": {"caaIdentities": ["faulty-ca.test"]},
    });
    if ca.book().renewals.answer.is_some() {
        listed["renewalInfo"] = json!(ca.written("/renewal-info"));
    }
    Json(listed)
}

/// What was set for all certificates, good or not.
async fn renewal_info(State(ca): State<Ca>) -> CaResult {
    let book = ca.book();
    let said = book.renewals.answer.clone().ok_or_else(Refusal::not_found)?;
    let response = ([(CONTENT_TYPE, "application/json")], said).into_response();
    Ok(match book.renewals.retry_after {
        Some(wait) => again_after(response, wait),
        None => response,
    })
}

async fn new_account(State(ca): State<Ca>, uri: Uri, body: Bytes) -> CaResult {
    let signed = ca.verified(uri.path(), &body)?;
    let mut book = ca.book();
    let (id, status) = match book.account_of(&signed.key) {
        Some(known) if book.deactivated.contains(&known) => return Err(Refusal::deactivated()),
        Some(known) => (known, StatusCode::OK),
        None if signed.payload["onlyReturnExisting"] == true => {
            return Err(Refusal::new(400, "accountDoesNotExist", "no account has this key"));
        }
        None => {
            book.accounts.push(signed.key);
            (book.accounts.len() - 1, StatusCode::CREATED)
        }
    };
    Ok(located(
        status,
        &ca.written(&format!("/account/{id}")),
        &json!({"status": "valid"}),
    ))
}

/// A change of the contact, which is not kept.
async fn account(State(ca): State<Ca>, uri: Uri, body: Bytes) -> CaResult {
    ca.verified(uri.path(), &body)?.account()?;
    Ok(Json(json!({"status": "valid"})).into_response())
}

async fn new_order(State(ca): State<Ca>, uri: Uri, body: Bytes) -> CaResult {
    let signed = ca.verified(uri.path(), &body)?;
    let account = signed.account()?;
    let identifiers = signed.payload["identifiers"].as_array();
    let names: Vec<String> = identifiers
        .into_iter()
        .flatten()
        .filter_map(|one| one["value"].as_str().map(str::to_owned))
        .collect();
    if names.is_empty() {
        return Err(Refusal::malformed("an order is for one name at least"));
    }
    let mut book = ca.book();
    if let Some(Err(wait)) = book.quota.as_mut().map(|quota| quota.take(Instant::now())) {
        let refusal = Refusal::new(429, "rateLimited", "too many new orders from this account");
        let wait = RetryAfter::Seconds(wait.as_secs() + 1);
        return Ok(again_after(refusal.into_response(), wait));
    }
    let replaces = signed.payload["replaces"].as_str().map(str::to_owned);
    if let (Some(status), Some(_)) = (book.renewals.refuses, &replaces) {
        let detail = "something broke over the predecessor";
        return Err(Refusal::new(status, "serverInternal", detail));
    }
    let id = book.place(account, names, replaces);
    let shown = shown_order(&ca, &book, id, &book.orders[id]);
    Ok(located(
        StatusCode::CREATED,
        &ca.written(&format!("/order/{id}")),
        &shown,
    ))
}

async fn order(State(ca): State<Ca>, Path(id): Path<OrderId>, uri: Uri, body: Bytes) -> CaResult {
    let account = ca.verified(uri.path(), &body)?.account()?;
    let book = ca.book();
    own_order(&book, id, account)?;
    Ok(answered_order(&ca, &book, id))
}

/// With the time that is asked for while it is stalled.
fn answered_order(ca: &Ca, book: &Book, id: OrderId) -> Response {
    let order = &book.orders[id];
    let response = Json(shown_order(ca, book, id, order)).into_response();
    match book.stalled {
        Some(wait) if order.finalized => again_after(response, wait),
        Some(_) | None => response,
    }
}

async fn authorization(State(ca): State<Ca>, Path(id): Path<AuthorizationId>, uri: Uri, body: Bytes) -> CaResult {
    let signed = ca.verified(uri.path(), &body)?;
    let mut book = ca.book();
    own_authorization(&book, id, signed.account()?)?;
    if signed.payload["status"] == "deactivated" {
        book.authorizations[id].status = Proof::Deactivated;
    }
    Ok(Json(shown_authorization(&ca, &book, id)).into_response())
}

async fn challenge(State(ca): State<Ca>, Path(id): Path<AuthorizationId>, uri: Uri, body: Bytes) -> CaResult {
    let signed = ca.verified(uri.path(), &body)?;
    let (name, token) = {
        let book = ca.book();
        own_authorization(&book, id, signed.account()?)?;
        let one = &book.authorizations[id];
        if one.status != Proof::Pending {
            return Err(Refusal::malformed("this challenge was answered before"));
        }
        (one.name.clone(), one.token.clone())
    };
    let proof = ca.looked_at(&name, &token, &signed.key.thumbprint).await;
    let mut book = ca.book();
    book.authorizations[id].status = proof;
    Ok(Json(shown_challenge(&ca, &book, id)).into_response())
}

async fn finalize(State(ca): State<Ca>, Path(id): Path<OrderId>, uri: Uri, body: Bytes) -> CaResult {
    let signed = ca.verified(uri.path(), &body)?;
    let mut book = ca.book();
    let order = own_order(&book, id, signed.account()?)?;
    let status = book.status(order);
    if status != "ready" {
        return Err(Refusal::new(403, "orderNotReady", format!("the order is {status}")));
    }
    let (names, csr) = (book.names(order), decoded(text(&signed.payload, "csr")?)?);
    let chain = ca.0.authority.sign(&csr, &names, book.chain, book.life);
    let chain = chain.map_err(|error| Refusal::new(400, "badCSR", error.to_string()))?;
    book.issued.push(names);
    book.orders[id].chain_pem = Some(chain);
    book.orders[id].finalized = true;
    Ok(answered_order(&ca, &book, id))
}

async fn certificate(State(ca): State<Ca>, Path(id): Path<OrderId>, uri: Uri, body: Bytes) -> CaResult {
    let account = ca.verified(uri.path(), &body)?.account()?;
    let book = ca.book();
    let chain = own_order(&book, id, account)?
        .chain_pem
        .clone()
        .ok_or_else(Refusal::not_found)?;
    Ok(([(CONTENT_TYPE, "application/pem-certificate-chain")], chain).into_response())
}

impl Ca {
    /// Asks for the response of the challenge, as RFC 8555 §8.3 says.
    async fn looked_at(&self, name: &str, token: &str, thumbprint: &str) -> Proof {
        if let Some((kind, detail)) = self.book().refused_names.get(name) {
            return Proof::Invalid(document(kind, detail));
        }
        let url = format!(
            "http://127.0.0.1:{}/.well-known/acme-challenge/{token}",
            self.0.http_port
        );
        let answer = async { self.0.http.get(url).header("host", name).send().await?.text().await };
        match answer.await {
            Ok(said) if said.trim() == format!("{token}.{thumbprint}") => Proof::Valid,
            Ok(_) => Proof::Invalid(document("unauthorized", "something else was answered")),
            Err(error) => Proof::Invalid(document("connection", &error.to_string())),
        }
    }
}

fn own_order(book: &Book, id: OrderId, account: usize) -> Result<&Order, Refusal> {
    let order = book.orders.get(id).ok_or_else(Refusal::not_found)?;
    if order.lapse == Some(Lapse::Forgotten) {
        return Err(Refusal::not_found());
    }
    if order.account == account {
        Ok(order)
    } else {
        Err(Refusal::new(403, "unauthorized", "it is another account's order"))
    }
}

fn own_authorization(book: &Book, id: AuthorizationId, account: usize) -> Result<(), Refusal> {
    match book.authorizations.get(id) {
        None => Err(Refusal::not_found()),
        Some(one) if one.account == account => Ok(()),
        Some(_) => Err(Refusal::new(
            403,
            "unauthorized",
            "it is another account's authorization",
        )),
    }
}

fn shown_order(ca: &Ca, book: &Book, id: OrderId, order: &Order) -> Value {
    let identifiers = book
        .names(order)
        .into_iter()
        .map(|name| json!({"type": "dns", "value": name}));
    let authorizations = order
        .authorizations
        .iter()
        .map(|id| ca.written(&format!("/authz/{id}")));
    let mut shown = json!({
        "status": book.status(order), "finalize": ca.written(&format!("/finalize/{id}")),
        "identifiers": identifiers.collect::<Vec<_>>(), "authorizations": authorizations.collect::<Vec<_>>(),
    });
    if book.status(order) == "valid" {
        shown["certificate"] = json!(ca.written(&format!("/certificate/{id}")));
    }
    if let Some(replaced) = order.replaces.as_ref().filter(|_| !book.renewals.silent) {
        shown["replaces"] = json!(replaced);
    }
    if let Some(error) = book.error(order) {
        shown["error"] = error;
    }
    shown
}

fn shown_authorization(ca: &Ca, book: &Book, id: AuthorizationId) -> Value {
    let one = &book.authorizations[id];
    json!({
        "status": one.status.as_str(), "identifier": {"type": "dns", "value": one.name},
        "challenges": [shown_challenge(ca, book, id)],
    })
}

fn shown_challenge(ca: &Ca, book: &Book, id: AuthorizationId) -> Value {
    let one = &book.authorizations[id];
    let status = match &one.status {
        Proof::Pending | Proof::Deactivated | Proof::Expired => "pending",
        Proof::Valid | Proof::Invalid(_) => one.status.as_str(),
    };
    let mut shown = json!({
        "type": "http-01", "url": ca.written(&format!("/challenge/{id}")), "token": one.token, "status": status,
    });
    if let Proof::Invalid(problem) = &one.status {
        shown["error"] = problem.clone();
    }
    shown
}

fn located(status: StatusCode, url: &str, body: &Value) -> Response {
    let headers = [(LOCATION.as_str(), url), (CONTENT_TYPE.as_str(), "application/json")];
    (status, headers, body.to_string()).into_response()
}

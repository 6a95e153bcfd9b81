//! `/errors`: the page of every error code. No login: nothing of a workspace is in it.

use axum::Json;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::response::{Html, IntoResponse, Response};

use crate::error::{Code, Problem};
use crate::pages::{self, Page};
use crate::query::Items;

/// What the reader prefers, as far as we have it.
enum Wish {
    Json,
    Html,
    Markdown,
}

fn wish(headers: &HeaderMap) -> Wish {
    let accepted = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kinds = accepted
        .split(',')
        .map(|kind| kind.split(';').next().unwrap_or_default().trim());
    kinds
        .filter_map(|kind| match kind {
            "text/html" => Some(Wish::Html),
            "text/markdown" | "text/plain" => Some(Wish::Markdown),
            "application/json" => Some(Wish::Json),
            _ => None,
        })
        .next()
        .unwrap_or(Wish::Json)
}

pub(crate) async fn list(headers: HeaderMap) -> Response {
    let pages = pages::all();
    let body = match wish(&headers) {
        Wish::Json => Json(Items { items: pages.to_vec() }).into_response(),
        Wish::Html => Html(contents(pages)).into_response(),
        Wish::Markdown => markdown(pages.iter().map(Page::markdown).collect::<Vec<_>>().join("\n")),
    };
    ([(VARY, "accept")], body).into_response()
}

pub(crate) async fn show(Path(code): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let page = pages::find(&code).ok_or_else(|| {
        let detail = "there is no such code; GET /api/v1/errors lists all";
        Problem::new(Code::NoSuchThing, detail)
    })?;
    let body = match wish(&headers) {
        Wish::Json => Json(page).into_response(),
        Wish::Html => Html(page.html()).into_response(),
        Wish::Markdown => markdown(page.markdown()),
    };
    Ok(([(VARY, "accept")], body).into_response())
}

fn markdown(text: String) -> Response {
    ([(CONTENT_TYPE, "text/markdown; charset=utf-8")], text).into_response()
}

fn contents(pages: &[Page]) -> String {
    let line = |page: &Page| {
        let title = pages::escaped(page.title);
        format!(
            "<li><a href=\"/api/v1/errors/{code}\">{code}</a>: {title}</li>\n",
            code = page.code
        )
    };
    let lines: String = pages.iter().map(line).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Error codes</title>\n<ul>\n{lines}</ul></html>\n"
    )
}

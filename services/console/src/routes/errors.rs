//! `/errors`: the page of every error code. No login: nothing of a workspace is in it.

use api::{Items, errors};
use axum::Json;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::response::{Html, IntoResponse, Response};
use codes::Explanation;

use crate::error::{Code, Problem};

/// What the reader prefers, as far as we have it.
enum Format {
    Json,
    Html,
    Markdown,
}

fn format_wanted(headers: &HeaderMap) -> Format {
    let accepted = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kinds = accepted
        .split(',')
        .map(|kind| kind.split(';').next().unwrap_or_default().trim());
    kinds
        .filter_map(|kind| match kind {
            "text/html" => Some(Format::Html),
            "text/markdown" | "text/plain" => Some(Format::Markdown),
            "application/json" => Some(Format::Json),
            _ => None,
        })
        .next()
        .unwrap_or(Format::Json)
}

pub(crate) async fn list(headers: HeaderMap) -> Response {
    let all = codes::all();
    let body = match format_wanted(&headers) {
        Format::Json => Json(Items {
            items: all.iter().map(explained).collect::<Vec<_>>(),
        })
        .into_response(),
        Format::Html => Html(contents(all)).into_response(),
        Format::Markdown => markdown(all.iter().map(Explanation::markdown).collect::<Vec<_>>().join("\n")),
    };
    ([(VARY, "accept")], body).into_response()
}

pub(crate) async fn show(Path(code): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let found = codes::find(&code).ok_or_else(|| {
        let detail = "there is no such code; GET /api/v1/errors lists all";
        Problem::new(Code::NoSuchThing, detail)
    })?;
    let body = match format_wanted(&headers) {
        Format::Json => Json(explained(found)).into_response(),
        Format::Html => Html(html(found)).into_response(),
        Format::Markdown => markdown(found.markdown()),
    };
    Ok(([(VARY, "accept")], body).into_response())
}

fn explained(one: &Explanation) -> errors::Explanation {
    errors::Explanation {
        code: one.code.to_owned(),
        title: one.title.to_owned(),
        what_it_means: one.what_it_means.clone(),
        what_the_system_did: one.what_the_system_did.clone(),
        what_you_can_do: one.what_you_can_do.clone(),
    }
}

fn markdown(text: String) -> Response {
    ([(CONTENT_TYPE, "text/markdown; charset=utf-8")], text).into_response()
}

fn html(explanation: &Explanation) -> String {
    let part = |heading: &str, text: &str| format!("<h2>{heading}</h2>\n<p>{}</p>\n", escaped(text));
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{code}</title>\n\
         <body style=\"max-width:45em;margin:2em auto;font-family:sans-serif;line-height:1.5\">\n\
         <h1>{code}: {title}</h1>\n{meaning}{did}{remedy}\
         <p><a href=\"/api/v1/errors\">all codes</a></p></body></html>\n",
        code = explanation.code,
        title = escaped(explanation.title),
        meaning = part("What it means", &explanation.what_it_means),
        did = part("What the system did", &explanation.what_the_system_did),
        remedy = part("What you can do", &explanation.what_you_can_do),
    )
}

fn contents(all: &[Explanation]) -> String {
    let line = |one: &Explanation| {
        let title = escaped(one.title);
        format!(
            "<li><a href=\"/api/v1/errors/{code}\">{code}</a>: {title}</li>\n",
            code = one.code
        )
    };
    let lines: String = all.iter().map(line).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\
         <title>Error codes</title>\n<ul>\n{lines}</ul></html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_escaped() {
        assert_eq!(escaped("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
        let page = codes::find("DEP-0007").map(html).unwrap_or_default();
        assert!(page.contains("&lt;file&gt;") && !page.contains("<file>"), "{page}");
    }
}

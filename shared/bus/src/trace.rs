//! Trace context in message headers (W3C `traceparent`), so that one run is one trace through all services.

use async_nats::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

struct Out<'a>(&'a mut HeaderMap);

impl Injector for Out<'_> {
    fn set(&mut self, key: &str, value: String) {
        self.0.insert(key, value);
    }
}

struct In<'a>(&'a HeaderMap);

impl Extractor for In<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(async_nats::HeaderValue::as_str)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| AsRef::<str>::as_ref(name)).collect()
    }
}

/// Writes the current span's context into the headers; nothing when no trace is on.
pub(crate) fn write(headers: &mut HeaderMap) {
    let context = Span::current().context();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut Out(headers));
    });
}

/// Makes `span` a child of what the headers carry.
pub(crate) fn follow(span: &Span, headers: Option<&HeaderMap>) {
    let Some(headers) = headers else { return };
    let parent: Context = opentelemetry::global::get_text_map_propagator(|propagator| propagator.extract(&In(headers)));
    // Without an exporter there is no layer that could take a parent: nothing is lost then.
    let _ = span.set_parent(parent);
}

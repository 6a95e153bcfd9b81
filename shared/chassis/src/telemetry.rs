//! Logs and spans of one process.
//!
//! In: the settings, the filter from `VIGILO_LOG` (or `RUST_LOG`; default `info`, less of some libraries). Out: lines on stderr, spans by
//! OTLP when an endpoint is set, and W3C trace context for whoever asks the global propagator. Never: secrets; the
//! types that hold them print none.

use std::io::IsTerminal;
use std::net::IpAddr;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::tonic_types::transport::ClientTlsConfig;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layered, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{ConfigError, LogFormat, Settings};

/// Libraries that tell once more what our own lines say, or what is no news, are left out.
const BY_DEFAULT: &str = "info,async_nats=error,sqlx::postgres::notice=warn";
/// A collector that is gone shall not hold up the end of the process.
const FLUSH: Duration = Duration::from_secs(3);

/// The filter stands below everything else. Beside the other layers in one list it would hold nothing back: such a
/// list lets through what any of its layers wants.
type Filtered = Layered<EnvFilter, Registry>;
type Boxed = Box<dyn Layer<Filtered> + Send + Sync>;

/// Keeps the exporter; spans that are still here go out with `flush`.
#[must_use]
pub struct Telemetry {
    spans: Option<SdkTracerProvider>,
}

/// Must be called inside the runtime: the exporter's connection lives there.
pub fn start(process: &str, settings: &Settings) -> Result<Telemetry, ConfigError> {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let spans = settings
        .otlp_endpoint
        .as_deref()
        .map(|to| exporter(process, to, settings.otlp_unprotected))
        .transpose()?;
    let mut layers: Vec<Boxed> = vec![lines(settings.log_format, std::io::stderr)];
    if let Some(provider) = &spans {
        let tracer = provider.tracer("vigilo");
        layers.push(tracing_opentelemetry::layer().with_tracer(tracer).boxed());
    }
    // A second process inside one test program keeps the first one's subscriber.
    let _ = tracing_subscriber::registry().with(filter()?).with(layers).try_init();
    Ok(Telemetry { spans })
}

impl Telemetry {
    pub async fn flush(self) {
        let Some(spans) = self.spans else { return };
        let ended = tokio::task::spawn_blocking(move || spans.shutdown_with_timeout(FLUSH)).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the log filter is needed before the configuration is read"
)]
fn filter() -> Result<EnvFilter, ConfigError> {
    let set = |name: &'static str| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.is_empty())
            .map(|value| (name, value))
    };
    match set("VIGILO_LOG").or_else(|| set("RUST_LOG")) {
        Some((name, value)) => parsed(name, &value),
        None => Ok(EnvFilter::new(BY_DEFAULT)),
    }
}

fn parsed(name: &str, value: &str) -> Result<EnvFilter, ConfigError> {
    EnvFilter::try_new(value).map_err(|e| {
        let problem =
            format!("{name}={value}: {e}; give a level such as info, or directives such as issuer=debug,info");
        ConfigError(problem)
    })
}

fn lines<W>(format: LogFormat, to: W) -> Boxed
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(to);
    match format {
        LogFormat::Auto if !terminal => lines.json().flatten_event(true).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Auto | LogFormat::Human => lines.with_ansi(terminal).boxed(),
    }
}

fn exporter(process: &str, endpoint: &str, unprotected: bool) -> Result<SdkTracerProvider, ConfigError> {
    let refused = |e: &dyn std::fmt::Display| {
        ConfigError(format!(
            "otlp_endpoint {endpoint}: {e}; give the gRPC address of a collector, for example http://127.0.0.1:4317"
        ))
    };
    let clear = endpoint.strip_prefix("http://");
    if clear.is_none() && !endpoint.starts_with("https://") {
        return Err(refused(&"it is no http:// or https:// URL"));
    }
    if clear.is_some_and(|rest| !is_here(rest)) && !unprotected {
        let problem =
            "it is on another machine, and spans would travel in clear; use https://, or set otlp_unprotected = true";
        return Err(refused(&problem));
    }
    let mut builder = SpanExporter::builder().with_tonic().with_endpoint(endpoint);
    if clear.is_none() {
        builder = builder.with_tls_config(ClientTlsConfig::new().with_native_roots());
    }
    let exporter = builder.build().map_err(|e| refused(&e))?;
    let resource = Resource::builder()
        .with_service_name(format!("vigilo-{process}"))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

/// Of what follows `http://`: whether the host is this machine.
fn is_here(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next(),
        None => authority.split(':').next(),
    };
    let host = host.unwrap_or_default();
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("the page").write(text)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, format: LogFormat) -> String {
        let page = Page::default();
        let writer = page.clone();
        let layers = vec![lines(format, move || writer.clone())];
        let filter = parsed("VIGILO_LOG", filter).expect("a filter");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(filter).with(layers), || {
            tracing::info!(run = 7, "said");
            tracing::trace!("whispered");
        });
        let bytes = page.0.lock().expect("the page").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn the_filter_holds_back_what_is_below_its_level() {
        for format in [LogFormat::Human, LogFormat::Json] {
            let text = logged("info", format);
            assert!(text.contains("said") && !text.contains("whispered"), "{text}");
            assert!(logged("trace", format).contains("whispered"));
        }
    }

    #[test]
    fn machines_get_one_json_object_per_line() {
        let text = logged("info", LogFormat::Json);
        let line: serde_json::Value = serde_json::from_str(text.trim()).expect("one object");
        assert_eq!((&line["message"], &line["run"]), (&"said".into(), &7.into()));
    }

    #[test]
    fn a_wrong_filter_names_its_variable() {
        let said = parsed("VIGILO_LOG", "issuer=loud").expect_err("no level").to_string();
        assert!(
            said.contains("VIGILO_LOG=issuer=loud") && said.contains("info"),
            "{said}"
        );
    }

    #[tokio::test]
    async fn a_wrong_endpoint_names_its_key() {
        let said = exporter("issuer", "collector:4317", false)
            .expect_err("no URL")
            .to_string();
        assert!(said.contains("otlp_endpoint collector:4317"), "{said}");
    }

    #[tokio::test]
    async fn spans_leave_the_machine_in_clear_only_where_that_is_wanted() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let remote = "http://collector.example.org:4317";
        let said = exporter("issuer", remote, false).expect_err("in clear").to_string();
        assert!(
            said.contains("otlp_unprotected = true") && said.contains("https://"),
            "{said}"
        );
        assert!(exporter("issuer", remote, true).is_ok());
        for good in [
            "https://collector.example.org:4317",
            "http://127.0.0.1:4317",
            "http://[::1]:4317",
            "http://localhost",
        ] {
            exporter("issuer", good, false).unwrap_or_else(|e| panic!("{good}: {e}"));
        }
    }
}

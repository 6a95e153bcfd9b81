//! The keys that every process has, whatever its service.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people on a terminal, JSON elsewhere.
    #[default]
    Auto,
    Human,
    Json,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub log_format: LogFormat,
    /// Where spans are sent by OTLP over gRPC, for example `http://127.0.0.1:4317`; nowhere when absent.
    pub otlp_endpoint: Option<String>,
    /// Whether a collector on another machine may be sent spans in clear: they name hosts and runs.
    pub otlp_unprotected: bool,
    /// Where `/healthz` and `/readyz` are served; nowhere when absent.
    pub health_listen: Option<SocketAddr>,
    /// How long work in flight may take to end after the first signal. Kubernetes kills after 30 s by default.
    pub drain_seconds: u64,
}

impl Settings {
    pub(super) const KEYS: [&str; 5] = [
        "log_format",
        "otlp_endpoint",
        "otlp_unprotected",
        "health_listen",
        "drain_seconds",
    ];

    pub(crate) const fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            log_format: LogFormat::default(),
            otlp_endpoint: None,
            otlp_unprotected: false,
            health_listen: None,
            drain_seconds: 25,
        }
    }
}

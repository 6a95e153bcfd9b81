//! Configuration of one service: a TOML file, then environment variables over it.
//!
//! `VIGILO_<KEY>` sets a key, two underscores go one level down: `VIGILO_NATS__URL` is `nats.url`. A key that the
//! service does not know is an error that names it.

use std::path::Path;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A configuration that cannot be used: which key, where it came from, what is expected.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// Reads the file when one is given, then `VIGILO_*`.
pub fn read<C: DeserializeOwned>(file: Option<&Path>) -> Result<C, ConfigError> {
    read_with(file, Env::prefixed("VIGILO_").split("__"))
}

/// The same without the environment, over given values: for services inside one process.
pub fn from_values<C: DeserializeOwned>(values: impl Serialize) -> Result<C, ConfigError> {
    Figment::from(Serialized::defaults(values))
        .extract()
        .map_err(|e| explain(&e))
}

fn read_with<C: DeserializeOwned>(file: Option<&Path>, env: Env) -> Result<C, ConfigError> {
    let mut figment = Figment::new();
    if let Some(path) = file {
        if !path.is_file() {
            let problem = format!(
                "--config {}: there is no such file; give the path of a TOML file",
                path.display()
            );
            return Err(ConfigError(problem));
        }
        figment = figment.merge(Toml::file_exact(path));
    }
    figment.merge(env).extract().map_err(|e| explain(&e))
}

fn explain(error: &figment::Error) -> ConfigError {
    let all: Vec<String> = error.clone().into_iter().map(|one| one.to_string()).collect();
    ConfigError(all.join("; "))
}

//! Configuration of one process: a TOML file, environment variables over it, flags over both.
//!
//! `VIGILO_<KEY>` sets a key, two underscores go one level down: `VIGILO_NATS__URL` is `nats.url`.
//! A value is read as TOML, so text that looks like a number needs quotes of its own. An unknown
//! key is an error that names it and where it was set. The keys of the process itself (`Settings`)
//! stand beside those of its service.

mod layer;
mod settings;

use std::path::Path;

use figment::Figment;
use figment::error::{Actual, Kind};
use figment::providers::{Format, Serialized, Toml};
use serde::Serialize;
use serde::de::DeserializeOwned;

use layer::{Keep, Only, Variables};
pub use settings::{LogFormat, Settings};

/// A configuration that cannot be used: which key, where it came from, what is expected.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// Reads the file when one is given, then `VIGILO_*`: the service's own keys. Wrong process keys
/// are an error too.
pub fn read<C: DeserializeOwned>(file: Option<&Path>) -> Result<C, ConfigError> {
    let layers = Layers::new().file(file)?.environment();
    layers.settings()?;
    layers.service()
}

/// Reads a configuration from given values, without file and environment.
pub fn from_values<C: DeserializeOwned>(values: impl Serialize) -> Result<C, ConfigError> {
    Layers::new().values(values).service()
}

/// Where values come from; what is added later wins.
#[derive(Clone, Default)]
pub struct Layers {
    process: Figment,
    service: Figment,
}

impl Layers {
    pub fn new() -> Self {
        Self::default()
    }

    /// Values from the program itself: embedded defaults when added first, flags when added last.
    #[must_use]
    pub fn values(self, values: impl Serialize) -> Self {
        self.and(&Serialized::defaults(values))
    }

    /// A TOML file, when one is given.
    pub fn file(self, file: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = file else { return Ok(self) };
        if path.is_file() {
            return Ok(self.and(&Toml::file_exact(path)));
        }
        let path = path.display();
        let problem = format!("--config {path}: there is no such file; give the path of a TOML file");
        Err(ConfigError(problem))
    }

    /// The variables of this process.
    #[must_use]
    pub fn environment(self) -> Self {
        self.environment_without(&[])
    }

    /// Without those that are flags of this command.
    #[must_use]
    pub fn environment_without(self, flags: &[&str]) -> Self {
        // Names or values that are not UTF-8 cannot be ours.
        let text =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        self.variables(text.filter(|(name, _)| !flags.contains(&name.as_str())))
    }

    /// Given variables in place of the process' own.
    #[must_use]
    pub fn variables(self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.and(&Variables::of(variables))
    }

    fn and(self, provider: &impl figment::Provider) -> Self {
        let of = |keep| Only { keep, provider };
        Self {
            process: self.process.merge(of(Keep::Process)),
            service: self.service.merge(of(Keep::Service)),
        }
    }

    /// The keys of the process.
    pub fn settings(&self) -> Result<Settings, ConfigError> {
        self.process.extract().map_err(|e| explain(&e))
    }

    /// The keys of its one service.
    pub fn service<C: DeserializeOwned>(&self) -> Result<C, ConfigError> {
        self.service.extract().map_err(|e| explain(&e))
    }

    /// The keys of one of its services, when each has a table of its own.
    pub fn table<C: DeserializeOwned>(&self, name: &str) -> Result<C, ConfigError> {
        self.service.extract_inner(name).map_err(|e| explain(&e))
    }
}

fn explain(error: &figment::Error) -> ConfigError {
    // Figment puts the name of its profile before a file's keys; we have no profiles.
    let one = |one: figment::Error| silent(one).to_string().replace("for key \"default.", "for key \"");
    let all: Vec<String> = error.clone().into_iter().map(one).collect();
    ConfigError(all.join("; "))
}

/// The value may be a secret that stands in a wrong place, or without the quotes that make it text:
/// its kind is enough.
fn silent(mut error: figment::Error) -> figment::Error {
    let hidden = |found: Actual| match found {
        Actual::Bool(_) => Actual::Other("a yes or no".to_owned()),
        Actual::Unsigned(_) | Actual::Signed(_) => Actual::Other("an integer".to_owned()),
        Actual::Float(_) => Actual::Other("a number".to_owned()),
        Actual::Char(_) | Actual::Str(_) => Actual::Other("a text".to_owned()),
        other => other,
    };
    error.kind = match error.kind {
        Kind::InvalidType(found, wanted) => Kind::InvalidType(hidden(found), wanted),
        Kind::InvalidValue(found, wanted) => Kind::InvalidValue(hidden(found), wanted),
        other => other,
    };
    error
}

#[cfg(test)]
mod tests;

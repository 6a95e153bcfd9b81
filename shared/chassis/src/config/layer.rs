//! The sources of values as figment wants them: filtered by whom a key concerns, and the environment.

use figment::util::nest;
use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};

use super::Settings;

const PREFIX: &str = "VIGILO_";
/// Variables of the command line and of the tests; they are no keys of a service.
const NO_KEYS: [&str; 10] = [
    "log",
    "config",
    "url",
    "token",
    "token_file",
    "tools",
    "data_dir",
    "nats_url",
    "nats_url_file",
    "database_url_file",
];

/// Whose keys a layer keeps.
#[derive(Clone, Copy)]
pub(super) enum Keep {
    Process,
    Service,
}

/// A provider of which only one kind of keys is seen; their origin stays known.
#[derive(Clone)]
pub(super) struct Only<P> {
    pub keep: Keep,
    pub provider: P,
}

impl<P: Provider> Provider for Only<P> {
    fn metadata(&self) -> Metadata {
        self.provider.metadata()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut data = self.provider.data()?;
        for dict in data.values_mut() {
            dict.retain(|key, _| match self.keep {
                Keep::Process => Settings::KEYS.contains(&key.as_str()),
                Keep::Service => !Settings::KEYS.contains(&key.as_str()),
            });
        }
        Ok(data)
    }
}

/// `VIGILO_*` as keys.
#[derive(Clone)]
pub(super) struct Variables(Vec<(String, Value)>);

impl Variables {
    /// An empty variable counts as absent: compose files and unit files set those.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = variables.into_iter().filter_map(|(name, value)| {
            let key = name.strip_prefix(PREFIX)?.to_ascii_lowercase();
            let is_key = !key.is_empty() && !value.is_empty() && !NO_KEYS.contains(&key.as_str());
            let Ok(value) = value.parse::<Value>();
            is_key.then(|| (key.replace("__", "."), value))
        });
        Self(ours.collect())
    }
}

impl Provider for Variables {
    fn metadata(&self) -> Metadata {
        Metadata::named("the environment").interpolater(|_: &Profile, path: &[&str]| {
            let words: Vec<String> = path.iter().map(|word| word.to_ascii_uppercase()).collect();
            format!("{PREFIX}{}", words.join("__"))
        })
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let all = self
            .0
            .iter()
            .filter_map(|(key, value)| nest(key, value.clone()).into_dict());
        let dict = all.fold(Dict::new(), merged);
        Ok(Profile::Default.collect(dict))
    }
}

fn merged(mut into: Dict, from: Dict) -> Dict {
    for (key, value) in from {
        let value = match (into.remove(&key), value) {
            (Some(Value::Dict(tag, old)), Value::Dict(_, new)) => Value::Dict(tag, merged(old, new)),
            (_, value) => value,
        };
        into.insert(key, value);
    }
    into
}

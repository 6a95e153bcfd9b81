//! Arguments that many commands have, and the words that they take.

use clap::{Args, ValueEnum};

#[derive(Args)]
pub struct Global {
    /// Where the API is
    #[arg(long, env = "VIGILO_URL", default_value = "http://127.0.0.1:8420")]
    pub url: String,
    /// The bearer token; without it ./.vigilo/owner.token is read
    #[arg(long, env = "VIGILO_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// A file with the bearer token: what stands on a command line is shown by `ps`
    #[arg(long, env = "VIGILO_TOKEN_FILE")]
    pub token_file: Option<std::path::PathBuf>,
    /// Print JSON for machines
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum IncidentState {
    Open,
    Acknowledged,
    Closed,
    Folded,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Criticality {
    Low,
    Medium,
    High,
    Critical,
}

/// How the provider of a run is chosen.
#[derive(Clone, Copy, ValueEnum)]
pub enum Strategy {
    PolicyDefault,
    CostAware,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Status {
    Queued,
    Running,
    Succeeded,
    Failed,
    NeedsManual,
    Cancelled,
}

/// The word of a value, as it is typed.
pub fn word(value: impl ValueEnum) -> String {
    value
        .to_possible_value()
        .map(|known| known.get_name().to_owned())
        .unwrap_or_default()
}

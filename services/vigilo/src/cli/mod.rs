//! The operator's commands, over the API like every other client.
//!
//! In: arguments, files. Out: tables or JSON on stdout, progress on stderr, an exit code. Never: NATS, Postgres.

mod budget;
mod bulk;
mod check;
mod client;
mod deeds;
mod emergency;
mod events;
mod follow;
mod host;
mod import;
mod incident;
mod job;
mod pacing;
mod policy;
mod provider;
mod renew;
mod show;
mod sse;

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use client::Client;

/// How a command ended without success; see the exit codes in `--help`.
#[derive(Debug)]
pub enum Failed {
    /// 1: the command worked, but what it reports is not good.
    Report,
    /// 65: the API refused the input, with the reason.
    Refused(String),
    /// 69
    Unreachable(String),
    /// 75
    OutOfTime(String),
}

impl Failed {
    fn code(&self) -> u8 {
        match self {
            Self::Report => 1,
            Self::Refused(_) => 65,
            Self::Unreachable(_) => 69,
            Self::OutOfTime(_) => 75,
        }
    }
}

#[derive(Args)]
pub struct Global {
    /// Where the API is
    #[arg(long, env = "VIGILO_URL", default_value = "http://127.0.0.1:8420")]
    url: String,
    /// The bearer token; without it ./.vigilo/owner.token is read
    #[arg(long, env = "VIGILO_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Print JSON for machines
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
pub enum OperatorCommand {
    /// The TLS endpoints that are watched
    #[command(subcommand)]
    Host(host::HostCommand),
    /// How each hostname is renewed
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Who issues, what an issuance costs there, and whom the workspace likes
    #[command(subcommand)]
    Provider(provider::ProviderCommand),
    /// Renew certificates now
    Renew {
        #[command(flatten)]
        what: renew::RenewArgs,
        #[command(flatten)]
        global: Global,
    },
    /// Renew many as one: plan, look at it, commit
    #[command(subcommand)]
    Bulk(bulk::BulkCommand),
    /// Bulk renewals: list, show, pause, resume, cancel
    #[command(subcommand)]
    Job(job::JobCommand),
    /// List runs, newest first
    Runs {
        #[arg(long, value_enum)]
        status: Option<Status>,
        #[arg(long)]
        hostname: Option<String>,
        /// Runs of this bulk renewal
        #[arg(long)]
        job: Option<String>,
        #[arg(long, default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        global: Global,
    },
    /// Show one run: steps, checks, log; or follow it
    Run {
        id: String,
        /// Also the raw ACME exchange
        #[arg(long, conflicts_with = "follow")]
        exchange: bool,
        /// Show the log as it grows, until the run has ended or needs a person; the exit code says how
        #[arg(long)]
        follow: bool,
        #[command(flatten)]
        global: Global,
    },
    /// Show what happens to runs, replayed and followed
    Events {
        #[command(flatten)]
        wish: events::EventArgs,
        #[command(flatten)]
        global: Global,
    },
    /// Let runs that need a person go on at the step that failed
    Resume {
        #[command(flatten)]
        meant: deeds::Meant,
        #[command(flatten)]
        global: Global,
    },
    /// Let runs that failed begin again at the first step that must be repeated
    Retry {
        #[command(flatten)]
        meant: deeds::Meant,
        #[command(flatten)]
        global: Global,
    },
    /// Give runs up
    Cancel {
        #[command(flatten)]
        meant: deeds::Meant,
        #[command(flatten)]
        global: Global,
    },
    /// Let a run that needs a person go on with a certificate that was got elsewhere
    Resolve {
        #[command(flatten)]
        with: deeds::Resolution,
        #[command(flatten)]
        global: Global,
    },
    /// Print the CSR of a run, to have a certificate issued elsewhere
    Csr {
        id: String,
        #[command(flatten)]
        global: Global,
    },
    /// Say what an error code means, what the system did and what you can do; without a code: list all
    Explain {
        code: Option<String>,
        /// Print JSON for machines
        #[arg(long)]
        json: bool,
    },
    /// Certificates that a CA wants renewed at once
    #[command(subcommand)]
    Emergency(emergency::EmergencyCommand),
    /// What may be spent in a month, and what was
    #[command(subcommand)]
    Budget(budget::BudgetCommand),
    /// What the CAs allow, by which orders are paced
    #[command(subcommand)]
    Limits(pacing::LimitCommand),
    /// Targets of which only so many are reloaded at once
    #[command(subcommand)]
    Group(pacing::GroupCommand),
    /// Maintenance windows by host tag
    #[command(subcommand)]
    Window(pacing::WindowCommand),
    /// List incidents, newest first; show one, take it in hand, or close it
    Incidents(incident::IncidentArgs),
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

fn word(value: impl ValueEnum) -> String {
    value
        .to_possible_value()
        .map(|known| known.get_name().to_owned())
        .unwrap_or_default()
}

pub fn run(command: OperatorCommand) -> ExitCode {
    chassis::process::install_provider();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("vigilo: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(carry_out(command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            match &failed {
                Failed::Report => {}
                Failed::Refused(why) | Failed::Unreachable(why) | Failed::OutOfTime(why) => eprintln!("vigilo: {why}"),
            }
            ExitCode::from(failed.code())
        }
    }
}

async fn carry_out(command: OperatorCommand) -> Result<(), Failed> {
    match command {
        OperatorCommand::Host(command) => host::run(command).await,
        OperatorCommand::Policy(command) => policy::run(command).await,
        OperatorCommand::Provider(command) => provider::run(command).await,
        OperatorCommand::Renew { what, global } => renew::run(&Client::new(&global)?, &what).await,
        OperatorCommand::Bulk(command) => bulk::run(command).await,
        OperatorCommand::Job(command) => job::run(command).await,
        OperatorCommand::Runs {
            status,
            hostname,
            job,
            limit,
            global,
        } => {
            let status = status.map(word);
            let query = [
                ("status", status),
                ("hostname", hostname),
                ("job", job),
                ("limit", Some(limit.to_string())),
            ];
            let answer = Client::new(&global)?.get_with("/runs", &query).await?;
            show::runs(&answer, global.json);
            Ok(())
        }
        OperatorCommand::Run {
            id,
            follow: true,
            global,
            ..
        } => follow::run(&Client::new(&global)?, &id).await,
        OperatorCommand::Run {
            id, exchange, global, ..
        } => show::run(&Client::new(&global)?, &id, exchange).await,
        OperatorCommand::Events { wish, global } => events::run(&Client::new(&global)?, &wish).await,
        OperatorCommand::Resume { meant, global } => deeds::tell(&Client::new(&global)?, "resume", &meant).await,
        OperatorCommand::Retry { meant, global } => deeds::tell(&Client::new(&global)?, "retry", &meant).await,
        OperatorCommand::Cancel { meant, global } => deeds::tell(&Client::new(&global)?, "cancel", &meant).await,
        OperatorCommand::Resolve { with, global } => deeds::resolve(&Client::new(&global)?, &with).await,
        OperatorCommand::Csr { id, global } => deeds::csr(&Client::new(&global)?, &id).await,
        OperatorCommand::Explain { code, json } => deeds::explain(code.as_deref(), json),
        OperatorCommand::Emergency(command) => emergency::run(command).await,
        OperatorCommand::Budget(command) => budget::run(command).await,
        OperatorCommand::Limits(command) => pacing::limits(command).await,
        OperatorCommand::Group(command) => pacing::groups(command).await,
        OperatorCommand::Window(command) => pacing::windows(command).await,
        OperatorCommand::Incidents(args) => incident::run(args).await,
    }
}

async fn added(global: &Global, path: &str, body: &Value) -> Result<(), Failed> {
    let made = Client::new(global)?.post(path, body).await?;
    let text = if global.json {
        made.to_string()
    } else {
        format!("added {}", show::text(&made["hostname"]))
    };
    show::line(&text);
    Ok(())
}

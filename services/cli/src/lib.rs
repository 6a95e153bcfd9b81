//! The operator's commands, over the API like every other client.
//!
//! In: arguments, files. Out: tables or JSON on stdout, progress on stderr, an exit code. Never:
//! NATS, Postgres.

mod args;
mod client;
mod commands;
mod failed;
mod flags;
mod out;
mod print;
mod refusal;
mod settings;
mod sse;

use std::process::ExitCode;

use clap::Subcommand;

use args::Global;
use client::Client;
use commands::{
    acts, budget, bulk, emergency, errors, events, follow, group, host, incident, job, limit, policy, provider, renew,
    run, window,
};
use failed::Failed;

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
        #[command(flatten)]
        which: run::RunsArgs,
        #[command(flatten)]
        global: Global,
    },
    /// Show one run: steps, checks, log; or follow it
    Run {
        id: String,
        /// Also the raw ACME exchange
        #[arg(long, conflicts_with = "follow")]
        exchange: bool,
        /// Show the log as it grows, until the run has ended or needs a person; the exit code says
        /// how
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
        selection: acts::RunSelection,
        #[command(flatten)]
        global: Global,
    },
    /// Let runs that failed begin again at the first step that must be repeated
    Retry {
        #[command(flatten)]
        selection: acts::RunSelection,
        #[command(flatten)]
        global: Global,
    },
    /// Give runs up
    Cancel {
        #[command(flatten)]
        selection: acts::RunSelection,
        #[command(flatten)]
        global: Global,
    },
    /// Let a run that needs a person go on with a certificate that was got elsewhere
    Resolve {
        #[command(flatten)]
        with: acts::Resolution,
        #[command(flatten)]
        global: Global,
    },
    /// Print the CSR of a run, to have a certificate issued elsewhere
    Csr {
        id: String,
        #[command(flatten)]
        global: Global,
    },
    /// Say what an error code means, what the system did and what you can do; without a code: list
    /// all
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
    Limits(limit::LimitCommand),
    /// Targets of which only so many are reloaded at once
    #[command(subcommand)]
    Group(group::GroupCommand),
    /// Maintenance windows by host tag
    #[command(subcommand)]
    Window(window::WindowCommand),
    /// List incidents, newest first; show one, acknowledge it, or close it
    Incidents(incident::IncidentArgs),
}

/// Carries a command out; what it prints is printed, and how it ended is the exit code that `vigilo
/// --help` lists.
pub fn run(command: OperatorCommand) -> ExitCode {
    chassis::process::install_provider();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            out::aside_line(format!("vigilo: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(carry_out(command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            out::aside(&failed.text());
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
        OperatorCommand::Runs { which, global } => run::list(&Client::new(&global)?, which).await,
        OperatorCommand::Run {
            id,
            follow: true,
            global,
            ..
        } => follow::run(&Client::new(&global)?, &id).await,
        OperatorCommand::Run {
            id, exchange, global, ..
        } => run::show(&Client::new(&global)?, &id, exchange).await,
        OperatorCommand::Events { wish, global } => events::run(&Client::new(&global)?, &wish).await,
        OperatorCommand::Resume { selection, global } => acts::tell(&Client::new(&global)?, "resume", &selection).await,
        OperatorCommand::Retry { selection, global } => acts::tell(&Client::new(&global)?, "retry", &selection).await,
        OperatorCommand::Cancel { selection, global } => acts::tell(&Client::new(&global)?, "cancel", &selection).await,
        OperatorCommand::Resolve { with, global } => acts::resolve(&Client::new(&global)?, &with).await,
        OperatorCommand::Csr { id, global } => acts::csr(&Client::new(&global)?, &id).await,
        OperatorCommand::Explain { code, json } => errors::explain(code.as_deref(), json),
        OperatorCommand::Emergency(command) => emergency::run(command).await,
        OperatorCommand::Budget(command) => budget::run(command).await,
        OperatorCommand::Limits(command) => limit::run(command).await,
        OperatorCommand::Group(command) => group::run(command).await,
        OperatorCommand::Window(command) => window::run(command).await,
        OperatorCommand::Incidents(args) => incident::run(args).await,
    }
}

//! The one binary: `vigilo up`, the services of a fleet, and the operator's commands.
//!
//! In: a command line. Out: a running process or an answer, and an exit code that tells the truth. Never: a decision
//! of a service.

mod cli;
mod nats_config;
mod service;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

const EXIT_CODES: &str = "Exit codes:
  0   all good
  1   a run failed, needs a person or was cancelled; or a service ended with an error
  2   wrong usage
  64  the configuration cannot be used
  65  the API refused the input
  69  something that is needed is missing or not reachable
  75  --wait ran out of time";

#[derive(Parser)]
#[command(name = "vigilo", version, about = "Renews TLS certificates and proves that the new ones are served", after_help = EXIT_CODES)]
struct Vigilo {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every service in this process, with a NATS and a Postgres of its own unless URLs are given
    Up(up::UpArgs),
    #[command(flatten)]
    Service(service::ServiceCommand),
    /// Print the users of a fleet's NATS with their rights, for the configuration of nats-server
    NatsConfig(nats_config::NatsConfigArgs),
    #[command(flatten)]
    Operator(cli::OperatorCommand),
}

fn main() -> ExitCode {
    match Vigilo::parse().command {
        Command::Up(args) => up::run(args),
        Command::Service(command) => service::run(command),
        Command::NatsConfig(args) => nats_config::run(&args),
        Command::Operator(command) => cli::run(command),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn no_two_commands_or_flags_have_one_name() {
        Vigilo::command().debug_assert();
    }
}

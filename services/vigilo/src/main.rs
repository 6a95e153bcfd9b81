//! The one binary: `vigilo up`, the services of a fleet, and the operator's commands.
//!
//! In: a command line. Out: a running process or an answer, and an exit code that tells the truth. Never: a decision
//! of a service.

mod exit;
mod nats_config;
mod service;
mod up;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

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
    match command_line().command {
        Command::Up(args) => up::run(args),
        Command::Service(command) => service::run(command),
        Command::NatsConfig(args) => nats_config::run(&args),
        Command::Operator(command) => cli::run(command),
    }
}

/// As it was typed; a value such as -1 is one, and is refused by what it is given to.
fn command_line() -> Vigilo {
    let mut told = with_negatives(Vigilo::command()).get_matches();
    match Vigilo::from_arg_matches_mut(&mut told) {
        Ok(read) => read,
        Err(error) => error.exit(),
    }
}

fn with_negatives(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|arg| {
        let takes_value = arg.get_action().takes_values();
        if takes_value {
            arg.allow_negative_numbers(true)
        } else {
            arg
        }
    });
    command.mut_subcommands(with_negatives)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_commands_or_flags_have_one_name() {
        with_negatives(Vigilo::command()).debug_assert();
    }

    #[test]
    fn a_negative_number_is_refused_as_a_value() {
        for typed in [
            ["vigilo", "bulk", "plan", "--all", "--concurrency", "-5"],
            ["vigilo", "policy", "set", "a.example.org", "--cooldown-seconds", "-1"],
            ["vigilo", "limits", "set", "ca.orders", "--burst", "-5"],
        ] {
            let refused = with_negatives(Vigilo::command()).try_get_matches_from(typed);
            let said = refused.expect_err("out of range").to_string();
            assert!(said.contains("invalid value") && said.contains(typed[4]), "{said}");
        }
    }
}

//! `cargo xtask`: the chores of this repository.
//!
//! In: a subcommand. Out: what it says on the terminal, and an exit code that tells the truth. Never: part of the
//! product.

mod bench;
mod chaos;
mod demo;
mod includes;
mod prepare;
mod prove;
mod rules;
mod schema;
mod setup;
mod sources;
mod supply;
mod test;
#[cfg(test)]
mod words;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The chores of this repository")]
struct Chores {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Measures the speed against real servers and a bare client
    Bench(bench::BenchArgs),
    /// Renews an estate while processes are killed, and looks whether anything was lost
    Chaos(chaos::ChaosArgs),
    /// Renews a whole estate on real servers and shows what is served before and after
    Demo(demo::DemoArgs),
    /// Installs the servers that the tests and the demo start, where they are missing
    Setup,
    /// Writes the query data of the store anew, after a query or a migration has changed
    Prepare,
    /// Proves at length what the ordinary tests look at briefly
    Prove(prove::ProveArgs),
    /// Writes the JSON schemas and the OpenAPI document anew, after a type of theirs has changed
    Schema,
    /// Runs every check: format, lints, import rules, all tests (after setup)
    Test,
    /// Checks only the rules that no compiler knows: imports, parameters, lengths, links, licences and versions
    Rules,
}

fn main() -> anyhow::Result<()> {
    match Chores::parse().chore {
        Chore::Bench(args) => bench::run(&args),
        Chore::Chaos(args) => chaos::run(&args),
        Chore::Demo(args) => demo::run(&args),
        Chore::Prepare => prepare::run(),
        Chore::Schema => schema::run(),
        Chore::Setup => setup::run(),
        Chore::Test => test::run(),
        Chore::Prove(args) => prove::run(&args),
        Chore::Rules => rules::run().and_then(|()| sources::run()).and_then(|()| supply::run()),
    }
}

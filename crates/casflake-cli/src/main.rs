//! The command `casflake`: a node, a source of IDs, a decoder, time ranges, a stress run and a list of leases, over the
//! library's public API.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod decode;
mod fields;
mod generate;
mod id_number;
mod ids;
mod layouts;
mod leases;
mod lines;
mod node;
mod numbers;
mod own;
mod range;
mod stop;
mod stress;
mod times;
mod workers;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Unique, time-ordered 64-bit Snowflake IDs.
///
/// Exit codes: 0 success, 1 failure, 2 usage.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Node(node::Args),
    Generate(generate::Args),
    Decode(decode::Args),
    Range(range::Args),
    Stress(stress::Args),
    Leases(leases::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Node(args) => node::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Decode(args) => decode::run(&args),
        Command::Range(args) => range::run(&args),
        Command::Stress(args) => stress::run(&args),
        Command::Leases(args) => leases::run(&args),
    };
    stop::exit_code(outcome)
}

//! The command `casflake`. It answers requests as a node, generates and decodes IDs, prints the IDs of a time range,
//! runs a stress test, and lists leases. It uses only the public API of the libraries.

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

//! The program: reads the command line and runs what it asks for.

use std::process::ExitCode;

use clap::Parser as _;
use waybill::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}

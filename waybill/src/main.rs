//! The `waybill` program.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use waybill::cli::Cli;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    Cli::read().run()
}

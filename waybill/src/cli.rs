//! The command line and its commands.

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use contract::Stage;

use crate::{
    allocator,
    commands::{
        bench::BenchCommand, completions::CompletionsCommand, dead::DeadCommand,
        doctor::DoctorCommand, guard::GuardCommand, job::JobCommand, kill::KillCommand,
        load::LoadCommand, open::OpenCommand, probe::ProbeCommand, service::ServiceCommand,
        topology::TopologyCommand, up::UpCommand,
    },
    environment,
    exit::{self, Exit},
};

/// A lab for watching asynchronous jobs: each passes queues, retries and crashes, and stays one trace.
#[derive(Debug, Parser)]
#[command(version, after_help = exit::HELP, arg_required_else_help = true, infer_subcommands = false)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Up(Box<UpCommand>),
    #[command(subcommand)]
    Job(Box<JobCommand>),
    Load(Box<LoadCommand>),
    #[command(subcommand)]
    Dead(Box<DeadCommand>),
    Open(OpenCommand),
    Bench(Box<BenchCommand>),
    Doctor(DoctorCommand),
    Kill(KillCommand),
    Probe(ProbeCommand),
    #[command(subcommand)]
    Topology(TopologyCommand),
    Completions(CompletionsCommand),
    /// Run the gateway: the HTTP API that accepts jobs and reports their state
    Gateway(Box<ServiceCommand<gateway::Config>>),
    /// Run the ingester: validates submitted jobs and raw events, then queues the jobs
    Ingester(Box<ServiceCommand<ingester::Config>>),
    /// Run the processor: executes the operations of queued jobs
    Processor(Box<ServiceCommand<processor::Config>>),
    /// Run the notifier: sends a notification for each completed job
    Notifier(Box<ServiceCommand<notifier::Config>>),
    /// Run the console: receives telemetry over OTLP and displays it
    Console(Box<ServiceCommand<console::Config>>),
    /// Run the query proxy of the full lab: forwards read-only queries to the backends
    QueryProxy(Box<ServiceCommand<query_proxy::Config>>),
    #[command(hide = true)]
    Guard(GuardCommand),
    /// Run one operation of a job in a child process of a processor
    #[command(hide = true, name = processor::isolation::CHILD_COMMAND)]
    IsolatedOperation,
}

impl Cli {
    /// Parses the command line and the environment. If either is invalid, prints why and exits.
    pub fn read() -> Self {
        let mut command = environment::without_empty(Self::command());
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let matches = command.try_get_matches_from_mut(&arguments);
        let read = matches.and_then(|matches| {
            let mut cli = Self::from_arg_matches(&matches).map_err(|e| e.format(&mut command))?;
            let subcommand = |name: &str| matches.subcommand_matches(name);
            match &mut cli.command {
                Command::Up(up) => {
                    up.set_sources(subcommand("up").map(environment::sources).unwrap_or_default());
                }
                Command::Topology(topology) => {
                    let flags =
                        subcommand("topology").and_then(|flags| flags.subcommand_matches("apply"));
                    topology.set_sources(flags.map(environment::sources).unwrap_or_default());
                }
                _ => {}
            }
            Ok(cli)
        });
        read.unwrap_or_else(|error| {
            let Some(message) = environment::explain(&error, &command, &arguments) else {
                error.exit()
            };
            exit::exit_with_invalid_setting(&message);
        })
    }

    /// Runs the command and returns its exit code.
    pub fn run(self) -> ExitCode {
        let outcome = match self.command {
            Command::Gateway(service) => return service.run(Stage::Gateway.name(), gateway::run),
            Command::Ingester(service) => {
                return service.run(Stage::Ingester.name(), ingester::run);
            }
            Command::Processor(service) => {
                return service.run(Stage::Processor.name(), processor::run);
            }
            Command::Notifier(service) => {
                return service.run(Stage::Notifier.name(), notifier::run);
            }
            Command::Console(service) => {
                allocator::return_memory_early();
                return service.without_telemetry().run(
                    "console",
                    async |config, service, stop| {
                        console::run(config, service.metrics, stop.soft).await
                    },
                );
            }
            Command::IsolatedOperation => return processor::isolation::child::run(),
            Command::QueryProxy(service) => {
                return service.without_telemetry().run(
                    "query-proxy",
                    async |config, service, stop| {
                        query_proxy::run(config, service.metrics, stop).await
                    },
                );
            }
            // Before any thread is started: `guard` executes another program in this process.
            Command::Guard(guard) => guard.run(),
            Command::Up(up) => on_one_thread(up.run()),
            Command::Job(job) => on_one_thread(job.run()),
            Command::Load(load) => on_one_thread(load.run()),
            Command::Dead(dead) => on_one_thread(dead.run()),
            Command::Open(open) => on_one_thread(open.run()),
            Command::Bench(bench) => on_all_cores(bench.run()),
            Command::Completions(completions) => Ok(completions.run()),
            Command::Doctor(doctor) => on_one_thread(doctor.run()),
            Command::Kill(kill) => on_one_thread(kill.run()),
            Command::Probe(probe) => on_one_thread(probe.run()),
            Command::Topology(topology) => on_one_thread(topology.run()),
        };
        exit::code(outcome)
    }
}

/// `bench` generates its load on all cores: one would limit it.
fn on_all_cores(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command)
}

/// The other commands wait most of the time: one thread is enough.
fn on_one_thread(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_flag_is_defined_once() {
        Cli::command().debug_assert();
    }
}

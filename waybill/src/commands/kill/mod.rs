//! `waybill kill`: sends SIGKILL to one part of an embedded lab, and to no process of another lab.

mod output;

use std::{path::Path, time::Duration};

use anyhow::{Context as _, bail};
use client::JobFilter;
use contract::{
    api::{JobView, LIST_LIMIT_MAX},
    state::JobState,
};
use lab::{Part, PortArgs, Ports, embedded::DataDir};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    exit::Exit,
    lab_args::LabArgs,
    listener::{self, Listener},
    terminal::print,
};

/// Timeout for querying the jobs of a worker; the kill does not depend on them.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);

/// Kill one part of the embedded lab with SIGKILL; its supervisor restarts it
///
/// Only the lab on these ports is affected: the process is identified by the port it listens on. In the full lab:
/// `docker compose kill processor && docker start $(docker compose ps -aq processor)`.
#[derive(Debug, clap::Args)]
#[command(after_help = output::HELP)]
pub(crate) struct KillCommand {
    /// nats, console, gateway, ingester, processor, processor-2 …, notifier
    part: Part,
    #[command(flatten)]
    ports: PortArgs,
    /// Print JSON: `part`, `pid`, and in `jobs` the ids of the jobs it was running
    #[arg(long)]
    json: bool,
}

impl KillCommand {
    pub(crate) async fn run(self) -> anyhow::Result<Exit> {
        let (part, ports) = (self.part, self.ports.ports());
        let found = process(part, ports)?;
        let jobs = timeout(QUERY_TIMEOUT, jobs_of(part, &found, ports)).await;
        let jobs = jobs.ok().and_then(Result::ok).unwrap_or_default();
        // Check again: meanwhile the pid may have been reused.
        if process(part, ports)? != found {
            bail!("{part} was restarted just now: run the command again");
        }
        let pid = i32::try_from(found.id).ok().and_then(Pid::from_raw);
        let killed = kill_process(pid.context("invalid process id")?, Signal::KILL);
        killed.with_context(|| format!("cannot kill {part} (process {})", found.id))?;
        if self.json {
            let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
            let part = part.to_string();
            print(&format!("{:#}\n", json!({"part": part, "pid": found.id, "jobs": ids})));
        } else {
            print(&output::killed(part, found.id, &jobs));
        }
        Ok(Exit::Success)
    }
}

/// Finds the process of `part` in the embedded lab on `ports`.
fn process(part: Part, ports: Ports) -> anyhow::Result<Listener> {
    let own = port_of(part, ports);
    let Some(found) = listener::of(own) else {
        bail!(
            "no {part} of an embedded lab listens on port {own}: start the lab (`waybill up`), or give its ports \
             (--port-base, WAYBILL_PORT_BASE)"
        );
    };
    if !is(part, &found) {
        bail!("port {own} is used by {found}, which is not the {part} of an embedded lab");
    }
    Ok(found)
}

/// The port that only `part` listens on.
fn port_of(part: Part, ports: Ports) -> u16 {
    match part {
        Part::Nats => ports.nats,
        Part::Console => ports.console_admin,
        Part::Gateway => ports.gateway_admin,
        Part::Ingester => ports.ingester_admin,
        Part::Processor(n) => ports.processor_admin_of(n),
        Part::Notifier => ports.notifier_admin,
    }
}

/// Whether the process was started as `part`.
fn is(part: Part, found: &Listener) -> bool {
    match part {
        // A system-wide nats-server may listen there instead.
        Part::Nats => found.program.starts_with(part.command()) && has_lab_config(found),
        _ => found.arguments.first().is_some_and(|first| first == part.command()),
    }
}

/// Whether the broker's configuration lies in the data folder of a lab: `<data>/nats/nats.conf`.
fn has_lab_config(found: &Listener) -> bool {
    let folder = |word: &String| Some(Path::new(word).parent()?.parent()?.to_owned());
    found.arguments.iter().filter_map(folder).any(|folder| DataDir::is_one(&folder))
}

/// The jobs whose lease this process holds.
async fn jobs_of(part: Part, found: &Listener, ports: Ports) -> anyhow::Result<Vec<JobView>> {
    let Part::Processor(_) = part else { return Ok(Vec::new()) };
    let state = Some(JobState::Running.name().to_owned());
    let filter = JobFilter { state, limit: LIST_LIMIT_MAX, ..JobFilter::default() };
    let jobs = LabArgs::on(ports).gateway()?.jobs(&filter).await?.jobs;
    let own = format!("{}-{}-", part.command(), found.id);
    let is_own = |job: &JobView| job.worker.as_ref().is_some_and(|worker| worker.starts_with(&own));
    Ok(jobs.into_iter().filter(is_own).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(program: &str, arguments: &[&str]) -> Listener {
        let arguments = arguments.iter().map(|&word| word.to_owned()).collect();
        Listener { id: 7, program: program.to_owned(), arguments }
    }

    #[test]
    fn a_part_is_identified_by_its_command_line() {
        assert!(is(Part::Processor(2), &listener("waybill", &["processor"])));
        assert!(!is(Part::Processor(1), &listener("waybill", &["gateway", "processor"])));
        assert!(!is(Part::Gateway, &listener("docker-proxy", &[])));
        assert!(!is(Part::Nats, &listener("waybill", &["nats-server"])));
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("data/nats/nats.conf");
        let server = listener("nats-server-2.1", &["--config", path.to_str().unwrap()]);
        assert!(!is(Part::Nats, &server), "a system-wide server");
        drop(DataDir::open(&home.path().join("data"), false).unwrap());
        assert!(is(Part::Nats, &server));
    }

    #[test]
    fn every_part_has_its_own_port() {
        let parts = [Part::Nats, Part::Console, Part::Gateway, Part::Ingester, Part::Notifier];
        let processors = (1..=16).map(Part::Processor);
        for ports in [Ports::default(), Ports::from_base(20_000)] {
            let all = parts.into_iter().chain(processors.clone()).map(|part| port_of(part, ports));
            let all: Vec<u16> = all.collect();
            let different: std::collections::HashSet<_> = all.iter().collect();
            assert_eq!(different.len(), all.len(), "{all:?}");
        }
    }
}

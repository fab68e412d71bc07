//! The embedded lab: all parts as processes on one machine, without containers. `waybill up` and tests start it.

mod broker_watch;
mod data_dir;
mod disk;
mod environment;
mod error;
mod options;
mod plan;
mod running;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    LabEvent, LabTimeServer, Part, Ports, Process, Stopped, log_file,
    nats::{self, NatsServerBinary, ServerOptions},
    supervisor::{PartError, PartStatus, StartError, Supervisor, SupervisorSettings},
};

use broker_watch::BrokerWatch;
pub use data_dir::{DataDir, DataDirError};
pub use disk::Disk;
pub use environment::{IgnoredVariable, RefusedVariables, Setting, SettingOrigin};
pub use error::UpError;
pub use options::{EmbeddedOptions, FLUSH_LIMIT, PROCESSORS_MAX, UpArgs};
pub use plan::settings;
pub use running::RunningLab;

/// How long the topology step may take.
const TOPOLOGY_LIMIT: Duration = Duration::from_secs(30);

/// A running lab. Dropping it kills all of its parts; [`Embedded::until_stopped`] drains them.
pub struct Embedded {
    supervisor: Supervisor,
    ports: Ports,
    data: DataDir,
    nats: NatsServerBinary,
    _time: LabTimeServer,
    stop: CancellationToken,
}

impl Embedded {
    /// Starts broker, topology, console and services, in this order, and waits until all are ready. Checks the environment,
    /// the data folder and the ports first. A cancelled `stop` ends the start too.
    pub async fn up(options: EmbeddedOptions, stop: CancellationToken) -> Result<Self, UpError> {
        options.check_environment()?;
        let data = DataDir::open(&options.data_dir, options.fresh)?;
        options.ports.check_with(options.public, options.processors.min(PROCESSORS_MAX))?;
        let time = LabTimeServer::start(plan::time_server(&options)).await;
        let time = time.map_err(|cause| UpError::Time { port: options.ports.ntp, cause })?;
        let mut supervisor = Supervisor::new(SupervisorSettings {
            logs: data.logs(),
            grace: options.grace + FLUSH_LIMIT,
            report: options.report.clone(),
        });
        let started = tokio::select! {
            biased;
            () = stop.cancelled() => Err(UpError::Stopped),
            started = start_all(&options, &data, &mut supervisor) => started,
        };
        match started {
            Ok(nats) => {
                Ok(Self { supervisor, ports: options.ports, data, nats, _time: time, stop })
            }
            Err(error) => {
                supervisor.stop_all().await;
                Err(error)
            }
        }
    }

    /// Waits until `stop` is cancelled, then stops services, console and broker in this order,
    /// each within its grace period. Returns the parts that had to be killed.
    pub async fn until_stopped(&self) -> Vec<Part> {
        self.stop.cancelled().await;
        self.supervisor.stop_all().await
    }

    /// Like [`Self::until_stopped`], but cancels `stop` itself.
    pub async fn down(&self) -> Vec<Part> {
        self.stop.cancel();
        self.until_stopped().await
    }

    /// The status of every part, in start order.
    pub fn parts(&self) -> Vec<PartStatus> {
        self.supervisor.parts()
    }

    /// The status of one part.
    pub fn part(&self, part: Part) -> Result<PartStatus, PartError> {
        self.supervisor.part(part)
    }

    /// Kills a part as a crash would; it is restarted.
    pub async fn kill(&self, part: Part) -> Result<(), PartError> {
        self.supervisor.kill(part).await
    }

    /// Stops a part, which then stays stopped.
    pub async fn stop(&self, part: Part) -> Result<Stopped, PartError> {
        self.supervisor.stop(part).await
    }

    /// Starts a stopped part and waits until it is ready.
    pub async fn start(&self, part: Part) -> Result<(), PartError> {
        self.supervisor.start(part).await
    }

    /// Pauses a part (SIGSTOP).
    pub async fn pause(&self, part: Part) -> Result<(), PartError> {
        self.supervisor.pause(part).await
    }

    /// Resumes a paused part.
    pub async fn resume(&self, part: Part) -> Result<(), PartError> {
        self.supervisor.resume(part).await
    }

    /// The last log lines of a part.
    pub fn log_tail(&self, part: Part) -> String {
        self.supervisor.log_tail(part)
    }

    /// The ports of the lab.
    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// The data folder.
    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// The nats-server binary of the broker.
    pub fn nats(&self) -> &NatsServerBinary {
        &self.nats
    }
}

async fn start_all(
    options: &EmbeddedOptions,
    data: &DataDir,
    supervisor: &mut Supervisor,
) -> Result<NatsServerBinary, UpError> {
    let nats = options.finder.clone().find(&options.report).await?;
    let log = supervisor.log(Part::Nats);
    let server = plan::broker_options(options, data.nats(), log);
    let options = &with_health_page(options, &server);
    nats::write_config(&server)
        .map_err(|cause| DataDirError::Files { path: data.nats(), cause })?;
    supervisor.start_tier(vec![plan::broker(&nats.path, &server)]).await?;
    let watch = BrokerWatch {
        health_url: server.health_url(),
        folder: data.nats(),
        restarter: supervisor.restarter(Part::Nats)?,
        report: options.report.clone(),
    };
    supervisor.spawn_watcher(watch.run());
    apply_topology(options, data).await?;
    supervisor.start_tier(vec![plan::console(options)]).await?;
    supervisor.start_tier(plan::services(options)).await?;
    Ok(nats)
}

/// Sets the broker's health page for every service, unless the user has set it.
fn with_health_page(options: &EmbeddedOptions, server: &ServerOptions) -> EmbeddedOptions {
    let mut options = options.clone();
    if options.user("WAYBILL_NATS_HEALTH_URL").is_none() {
        options.env.insert(0, ("WAYBILL_NATS_HEALTH_URL".to_owned(), server.health_url()));
    }
    options
}

async fn apply_topology(options: &EmbeddedOptions, data: &DataDir) -> Result<(), UpError> {
    let log = data.logs().join("topology.log");
    let files = |cause| StartError::Log { path: log.clone(), cause };
    log_file::rotate(&log).map_err(files)?;
    let began = Instant::now();
    let mut step =
        Process::spawn(&plan::topology(options, log.clone())).await.map_err(UpError::Waybill)?;
    let status = timeout(TOPOLOGY_LIMIT, step.ended())
        .await
        .map_err(|_| UpError::TopologyLate(TOPOLOGY_LIMIT))?
        .map_err(UpError::Waybill)?;
    if !status.success() {
        let output = log_file::tail(&log);
        return Err(UpError::Topology { status, output });
    }
    let took = began.elapsed();
    (options.report)(LabEvent::Prepared { took });
    Ok(())
}

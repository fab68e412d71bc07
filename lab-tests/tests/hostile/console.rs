//! A console of its own process, and what the system says about that process.

use std::{
    process::Stdio,
    sync::{Arc, LazyLock},
    time::Duration,
};

use lab_tests::waybill;
use reqwest::Client;
use testkit::{PortBlock, eventually};
use tokio::{
    process::{Child, Command},
    sync::{Mutex, OwnedMutexGuard},
};

/// The console's memory budget.
pub(crate) const BUDGET_MIB: u64 = 256;
/// Longest that one answer is waited for.
const ANSWER_LIMIT: Duration = Duration::from_mins(1);
const START_LIMIT: Duration = Duration::from_secs(30);

/// Memory and times are measured: one test at a time.
static ONE_AT_A_TIME: LazyLock<Arc<Mutex<()>>> = LazyLock::new(Arc::default);

/// The right to measure, until it is dropped.
pub(crate) async fn alone() -> OwnedMutexGuard<()> {
    ONE_AT_A_TIME.clone().lock_owned().await
}

/// A running console. Dropped: killed.
pub(crate) struct Console {
    process: Child,
    ports: PortBlock,
    honest: Client,
    /// Keeps no connection: a refused body may cost the connection that it came on.
    hostile: Client,
}

impl Console {
    /// Starts one with the usual limits.
    pub(crate) async fn start() -> Self {
        Self::start_with(BUDGET_MIB).await
    }

    /// The same, with this memory budget in MiB.
    pub(crate) async fn start_with(memory_mib: u64) -> Self {
        let ports = PortBlock::claim();
        let address = |index: u16| format!("127.0.0.1:{}", ports.base() + index);
        let mut command = Command::new(waybill());
        command.arg("console").arg("--memory-mib").arg(memory_mib.to_string());
        for (index, option) in
            ["--console-bind", "--otlp-http-bind", "--otlp-grpc-bind", "--admin-bind"]
                .iter()
                .enumerate()
        {
            command.arg(option).arg(address(u16::try_from(index).unwrap()));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.kill_on_drop(true).spawn().unwrap();
        let client = || Client::builder().no_proxy().timeout(ANSWER_LIMIT);
        let honest = client().build().unwrap();
        let hostile = client().pool_max_idle_per_host(0).build().unwrap();
        let console = Self { process, ports, honest, hostile };
        eventually(START_LIMIT, "the console", async || console.get("/healthz").await).await;
        console
    }

    /// The body at a path of the pages or the API, which must be there.
    pub(crate) async fn get(&self, path: &str) -> Result<String, String> {
        let url = format!("http://127.0.0.1:{}{path}", self.ports.base());
        let answer = self.honest.get(url).send().await.map_err(|error| format!("{error:?}"))?;
        let status = answer.status();
        let body = answer.text().await.map_err(|error| format!("{error:?}"))?;
        if status.is_success() { Ok(body) } else { Err(format!("{path}: {status}")) }
    }

    /// Sends spans as protobuf, as any service does; answers the status.
    pub(crate) async fn take_spans(&self, body: Vec<u8>) -> Result<u16, String> {
        let url = format!("http://{}/v1/traces", self.otlp_http());
        let request = self.honest.post(url).header("content-type", "application/x-protobuf");
        let answer = request.body(body).send().await.map_err(|error| format!("{error:?}"))?;
        Ok(answer.status().as_u16())
    }

    /// Sends a hostile export; answers the status.
    pub(crate) async fn export(
        &self,
        signal: &str,
        media: &str,
        coding: &str,
        body: Vec<u8>,
    ) -> Result<u16, String> {
        let url = format!("http://{}/v1/{signal}", self.otlp_http());
        let request = self.hostile.post(url).header("content-type", media);
        let request = request.header("content-encoding", coding).body(body);
        let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
        Ok(answer.status().as_u16())
    }

    /// Where telemetry is taken over HTTP.
    pub(crate) fn otlp_http(&self) -> String {
        format!("127.0.0.1:{}", self.ports.base() + 1)
    }

    /// Where telemetry is taken over gRPC.
    pub(crate) fn otlp_grpc(&self) -> String {
        format!("127.0.0.1:{}", self.ports.base() + 2)
    }

    /// Whether the process that was started still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// The most memory that it held since the last call of [`Self::forget_peak`], in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        self.memory("VmHWM").unwrap_or(0)
    }

    /// A line of what the system says about its memory, in MiB: `VmRSS` is now, `VmHWM` at most.
    pub(crate) fn memory(&self, line: &str) -> Option<u64> {
        let status = std::fs::read_to_string(self.proc("status")).ok()?;
        let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))?;
        let kib: u64 = found.trim().trim_end_matches(" kB").parse().ok()?;
        Some(kib / 1024)
    }

    /// Measures the peak of its memory from now on.
    pub(crate) fn forget_peak(&self) {
        std::fs::write(self.proc("clear_refs"), "5").ok();
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.process.id().unwrap_or(0))
    }
}

//! A console in a separate process, and its memory according to the kernel.

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
/// Request timeout.
const ANSWER_LIMIT: Duration = Duration::from_mins(1);
const START_LIMIT: Duration = Duration::from_secs(30);

/// Held by the one running test: memory and times are measured.
static ONE_AT_A_TIME: LazyLock<Arc<Mutex<()>>> = LazyLock::new(Arc::default);

/// Waits until no other test runs; held until dropped.
pub(crate) async fn alone() -> OwnedMutexGuard<()> {
    ONE_AT_A_TIME.clone().lock_owned().await
}

/// A running console; killed on drop.
pub(crate) struct Console {
    process: Child,
    ports: PortBlock,
    honest: Client,
    /// Without keep-alive: the console may close the connection of a refused body.
    hostile: Client,
}

impl Console {
    /// Starts a console with the default limits.
    pub(crate) async fn start() -> Self {
        Self::start_with(BUDGET_MIB).await
    }

    /// Starts a console with this memory budget, in MiB.
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

    /// The body at a path of the pages or the API; an error unless the status is 200.
    pub(crate) async fn get(&self, path: &str) -> Result<String, String> {
        let url = format!("http://127.0.0.1:{}{path}", self.ports.base());
        let answer = self.honest.get(url).send().await.map_err(|error| format!("{error:?}"))?;
        let status = answer.status();
        let body = answer.text().await.map_err(|error| format!("{error:?}"))?;
        if status.is_success() { Ok(body) } else { Err(format!("{path}: {status}")) }
    }

    /// Exports spans as protobuf; returns the status.
    pub(crate) async fn take_spans(&self, body: Vec<u8>) -> Result<u16, String> {
        let url = format!("http://{}/v1/traces", self.otlp_http());
        let request = self.honest.post(url).header("content-type", "application/x-protobuf");
        let answer = request.body(body).send().await.map_err(|error| format!("{error:?}"))?;
        Ok(answer.status().as_u16())
    }

    /// Sends a hostile export; returns the status.
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

    /// URL of OTLP over HTTP.
    pub(crate) fn otlp_http(&self) -> String {
        format!("127.0.0.1:{}", self.ports.base() + 1)
    }

    /// URL of OTLP over gRPC.
    pub(crate) fn otlp_grpc(&self) -> String {
        format!("127.0.0.1:{}", self.ports.base() + 2)
    }

    /// Whether the process is still running.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Peak memory since the last call of [`Self::forget_peak`], in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        self.memory("VmHWM").unwrap_or(0)
    }

    /// A line of `/proc/PID/status`, in MiB: `VmRSS` is the current memory, `VmHWM` the peak.
    pub(crate) fn memory(&self, line: &str) -> Option<u64> {
        let status = std::fs::read_to_string(self.proc("status")).ok()?;
        let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))?;
        let kib: u64 = found.trim().trim_end_matches(" kB").parse().ok()?;
        Some(kib / 1024)
    }

    /// Resets the peak of memory.
    pub(crate) fn forget_peak(&self) {
        std::fs::write(self.proc("clear_refs"), "5").ok();
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.process.id().unwrap_or(0))
    }
}

//! What a long queue costs: two labs side by side, both without a processor, one with many jobs waiting.
//!
//! The same calls go to both in turn, so that what else the machine does meets both alike.

mod calls;
mod fill;
mod memory;
mod report;

use std::{path::PathBuf, time::Duration};

use client::{GatewayClient, JobFilter, http_builder};
use contract::{
    api::{JobAccepted, JobList},
    state::JobState,
};
use lab::Part;
use testkit::LabUnderTest;
use url::Url;

pub use calls::Call;
pub use memory::PartMemory;
pub use report::{CallCost, Report};

/// Request timeout.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// What to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// The executable under test.
    pub waybill: PathBuf,
    /// How many jobs are to wait.
    pub jobs: usize,
    /// How often each call is made in each lab.
    pub samples: usize,
}

/// One of the two labs, and how it is called.
struct Side {
    lab: LabUnderTest,
    gateway: GatewayClient,
    /// The oldest job of it.
    oldest: JobAccepted,
}

/// Fills one lab, asks both, and says what it cost.
pub async fn run(options: &Options) -> Report {
    let (empty, full) = (Side::start(options).await, Side::start(options).await);
    warm_up(&empty, &full).await;
    let before = memory::of(&full.lab);
    let (first, second) = (options.jobs / 2, options.jobs - options.jobs / 2);
    let started = std::time::Instant::now();
    fill::fill(&full, first).await;
    let half = memory::of(&full.lab);
    fill::fill(&full, second).await;
    let seconds = started.elapsed().as_secs_f64();
    let waiting = fill::settle(&full, options.jobs).await;
    let after = memory::of(&full.lab);
    let mut costs = Vec::new();
    for call in Call::ALL {
        costs.push(measure(call, &empty, &full, options.samples).await);
    }
    let memory = PartMemory::table(before, &half, &after);
    empty.lab.down().await;
    full.lab.down().await;
    Report { jobs: options.jobs, waiting, seconds, samples: options.samples, costs, memory }
}

/// The first calls of a process pay for connections and caches: they are not counted.
async fn warm_up(empty: &Side, full: &Side) {
    for call in Call::ALL {
        for _ in 0..20 {
            call.time(empty).await;
            call.time(full).await;
        }
    }
}

async fn measure(call: Call, empty: &Side, full: &Side, samples: usize) -> CallCost {
    let (mut of_empty, mut of_full) = (Vec::new(), Vec::new());
    for n in 0..samples {
        // Neither is always the first.
        if n % 2 == 0 {
            of_empty.push(call.time(empty).await);
            of_full.push(call.time(full).await);
        } else {
            of_full.push(call.time(full).await);
            of_empty.push(call.time(empty).await);
        }
    }
    CallCost::of(call, of_empty, of_full)
}

impl Side {
    async fn start(options: &Options) -> Self {
        let lab = LabUnderTest::start(&options.waybill).await;
        lab.stop(Part::Processor(1)).await.expect("the processor stops");
        let http = http_builder(REQUEST_TIMEOUT).build().expect("TLS starts");
        let url = Url::parse(&lab.gateway_url()).expect("the URL of the gateway");
        let gateway = GatewayClient::over(http, &url);
        let oldest = fill::submit(&gateway).await;
        Self { lab, gateway, oldest }
    }

    async fn page(&self, limit: usize) -> JobList {
        let newest = JobFilter { limit, ..JobFilter::default() };
        self.gateway.jobs(&newest).await.expect("a page of jobs")
    }

    /// How many jobs of the first page wait, by the list.
    async fn queued_on_a_page(&self) -> usize {
        let page = self.page(50).await;
        page.jobs.iter().filter(|job| job.state == JobState::Queued).count()
    }
}

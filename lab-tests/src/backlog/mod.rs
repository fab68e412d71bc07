//! The cost of a long queue: compares two labs without a processor, of which one has many waiting jobs.
//!
//! Each call is made in both labs in turn, so that other load on the machine affects both equally.

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
pub use report::{BacklogReport, CallCost};

/// Request timeout.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// The parameters of a measurement.
#[derive(Debug, Clone)]
pub struct BacklogOptions {
    /// The executable under test.
    pub waybill: PathBuf,
    /// Number of waiting jobs.
    pub jobs: usize,
    /// Calls of each kind in each lab.
    pub samples: usize,
}

/// One of the two labs and its client.
struct MeasuredLab {
    lab: LabUnderTest,
    gateway: GatewayClient,
    /// The first job that was submitted to it.
    oldest: JobAccepted,
}

/// Fills one of two new labs and measures the same calls in both.
pub async fn run(options: &BacklogOptions) -> BacklogReport {
    let (empty, full) = (MeasuredLab::start(options).await, MeasuredLab::start(options).await);
    warm_up(&empty, &full).await;
    let before = memory::of(&full.lab);
    let (first, second) = (options.jobs / 2, options.jobs - options.jobs / 2);
    let started = std::time::Instant::now();
    fill::fill(&full, first).await;
    let half = memory::of(&full.lab);
    fill::fill(&full, second).await;
    let seconds = started.elapsed().as_secs_f64();
    let waiting = fill::wait_until_queued(&full, options.jobs).await;
    let after = memory::of(&full.lab);
    let mut costs = Vec::new();
    for call in Call::ALL {
        costs.push(measure(call, &empty, &full, options.samples).await);
    }
    let memory = PartMemory::table(before, &half, &after);
    empty.lab.down().await;
    full.lab.down().await;
    BacklogReport { jobs: options.jobs, waiting, seconds, samples: options.samples, costs, memory }
}

/// Makes each call some times without measuring: the first calls open connections and fill caches.
async fn warm_up(empty: &MeasuredLab, full: &MeasuredLab) {
    for call in Call::ALL {
        for _ in 0..20 {
            call.time(empty).await;
            call.time(full).await;
        }
    }
}

async fn measure(call: Call, empty: &MeasuredLab, full: &MeasuredLab, samples: usize) -> CallCost {
    let (mut of_empty, mut of_full) = (Vec::new(), Vec::new());
    for n in 0..samples {
        // The first lab alternates.
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

impl MeasuredLab {
    async fn start(options: &BacklogOptions) -> Self {
        let lab = LabUnderTest::start(&options.waybill).await;
        lab.stop(Part::Processor(1)).await.expect("the processor stops");
        let http = http_builder(REQUEST_TIMEOUT).build().expect("the HTTP client can be built");
        let url = Url::parse(&lab.gateway_url()).expect("the URL of the gateway");
        let gateway = GatewayClient::over(http, &url);
        let oldest = fill::submit(&gateway).await;
        Self { lab, gateway, oldest }
    }

    async fn page(&self, limit: usize) -> JobList {
        let newest = JobFilter { limit, ..JobFilter::default() };
        self.gateway.jobs(&newest).await.expect("a page of jobs")
    }

    /// The number of queued jobs among the newest 50.
    async fn queued_on_a_page(&self) -> usize {
        let page = self.page(50).await;
        page.jobs.iter().filter(|job| job.state == JobState::Queued).count()
    }
}

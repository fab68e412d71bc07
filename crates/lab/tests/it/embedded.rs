//! Tests of the embedded lab with a real nats-server and fake services.

use std::{
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use async_nats::jetstream;
use lab::{
    LabEvent, Part, Ports,
    embedded::{Embedded, EmbeddedOptions, UpError},
    supervisor::{PartState, StartError},
};
use testkit::{LabUnderTest, PortBlock, eventually};
use tokio_util::sync::CancellationToken;

use crate::processes::{LIMIT, all_end, rig, runs};

fn pids(lab: &Embedded) -> Vec<u32> {
    lab.parts().iter().filter_map(|part| part.pid).collect()
}

async fn streams(lab: &LabUnderTest) -> Result<Vec<String>, String> {
    use futures_util::TryStreamExt as _;
    let client = async_nats::connect(lab.nats_url()).await;
    let context = jetstream::new(client.map_err(|error| error.to_string())?);
    let names = context.stream_names().try_collect().await;
    names.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_lab_comes_up_in_order_and_goes_down_in_reverse() {
    let lab = LabUnderTest::start(&rig()).await;
    let order: Vec<Part> = lab.parts().iter().map(|status| status.part).collect();
    let expected = [
        Part::Nats,
        Part::Console,
        Part::Gateway,
        Part::Ingester,
        Part::Processor(1),
        Part::Notifier,
    ];
    assert_eq!(order, expected);
    let reported = lab.progress();
    assert!(matches!(reported[0], LabEvent::Started { part: Part::Nats, .. }));
    assert!(matches!(reported[1], LabEvent::Prepared { .. }));
    assert!(matches!(reported[2], LabEvent::Started { part: Part::Console, .. }));
    assert_eq!(reported.len(), 7);

    let running = pids(&lab);
    assert!(running.len() == 6 && running.iter().all(|pid| runs(*pid)));
    assert!(lab.down().await.is_empty());
    assert!(!running.iter().any(|pid| runs(*pid)));
    let stops: Vec<Part> = lab.progress()[7..]
        .iter()
        .map(|progress| match progress {
            LabEvent::Stopped { part, .. } => *part,
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(stops.len(), 6);
    assert_eq!(stops[4..], [Part::Console, Part::Nats]);
}

#[tokio::test]
async fn a_killed_broker_comes_back_with_its_streams() {
    let lab = LabUnderTest::start(&rig()).await;
    let client = async_nats::connect(lab.nats_url()).await.unwrap();
    let config = jetstream::stream::Config { name: "KEPT".into(), ..Default::default() };
    jetstream::new(client).create_stream(config).await.unwrap();

    lab.kill(Part::Nats).await.unwrap();
    let found = eventually(LIMIT, "the broker and its streams", async || streams(&lab).await).await;
    assert_eq!(found, ["KEPT"]);
    assert_eq!(lab.part(Part::Nats).unwrap().restarts, 1);

    lab.stop(Part::Nats).await.unwrap();
    assert!(streams(&lab).await.is_err());
    lab.start(Part::Nats).await.unwrap();
    assert_eq!(streams(&lab).await.unwrap(), ["KEPT"]);
}

#[tokio::test]
async fn every_requested_processor_runs() {
    let lab = LabUnderTest::start_with(&rig(), |options| options.processors = 3).await;
    for n in 1..=3 {
        let status = lab.part(Part::Processor(n)).unwrap();
        assert_eq!((status.state, status.restarts), (PartState::Running, 0));
    }
    assert_eq!(lab.parts().len(), 8);
}

#[tokio::test]
async fn a_service_that_refuses_its_settings_ends_the_start_and_leaves_nothing() {
    let bench = Bench::new();
    let mut options = bench.options();
    options.env = vec![("RIG_REFUSES".into(), "that setting is wrong".into())];
    let error = bench.refused(options).await;
    assert!(matches!(error, UpError::Start(StartError::Ended { .. })), "{error}");
    assert!(error.to_string().contains("that setting is wrong"), "{error}");
    assert!(bench.block.is_free(), "something still runs");
}

#[tokio::test]
async fn a_port_in_use_is_reported_before_anything_starts() {
    let bench = Bench::new();
    let options = bench.options();
    let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.ports.otlp_grpc)).unwrap();
    let error = bench.refused(options).await;
    assert!(matches!(&error, UpError::Ports(taken) if taken.0[0].what == "OTLP gRPC"));
    assert!(!bench.home.path().join("data/logs/nats.log").exists());
}

#[tokio::test]
async fn two_labs_cannot_share_a_data_folder() {
    let first = LabUnderTest::start(&rig()).await;
    let bench = Bench::new();
    let mut options = bench.options();
    options.data_dir = first.data_dir().to_owned();
    options.fresh = true;
    let error = bench.refused(options).await;
    assert!(matches!(error, UpError::DataDir(_)), "{error}");
    assert!(streams(&first).await.is_ok());
}

#[tokio::test]
async fn a_stop_during_the_start_ends_it() {
    let bench = Bench::new();
    let stop = CancellationToken::new();
    let mut options = bench.options();
    options.report = {
        let stop = stop.clone();
        std::sync::Arc::new(move |_| stop.cancel())
    };
    let up = Embedded::up(options, stop).await;
    assert!(matches!(up, Err(UpError::Stopped)));
    assert!(bench.block.is_free(), "something still runs");
}

#[tokio::test]
async fn a_dropped_lab_leaves_nothing_running() {
    let lab = LabUnderTest::start(&rig()).await;
    let running = pids(&lab);
    drop(lab);
    all_end(&running).await;
}

#[tokio::test]
async fn a_lab_waits_for_its_stop() {
    let bench = Bench::new();
    let stop = CancellationToken::new();
    let lab = Embedded::up(bench.options(), stop.clone()).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), lab.until_stopped()).await;
    assert!(early.is_err());
    stop.cancel();
    assert!(lab.until_stopped().await.is_empty());
    assert!(pids(&lab).is_empty());
}

/// Free ports and a data folder, for tests that start the lab themselves.
struct Bench {
    block: PortBlock,
    home: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { block: PortBlock::claim(), home: tempfile::tempdir().unwrap() }
    }

    fn options(&self) -> EmbeddedOptions {
        EmbeddedOptions {
            ports: Ports::from_base(self.block.base()),
            data_dir: self.home.path().join("data"),
            ..EmbeddedOptions::new(rig())
        }
    }

    async fn refused(&self, options: EmbeddedOptions) -> UpError {
        match Embedded::up(options, CancellationToken::new()).await {
            Ok(_) => panic!("it came up"),
            Err(error) => error,
        }
    }
}

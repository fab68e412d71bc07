//! Bodies that are small when compressed and large when decompressed.

use std::{sync::Arc, time::Duration};

use futures_util::future;

use crate::{
    console::{BUDGET_MIB, Console, alone},
    watch::Watch,
    wire::{EXPORT_BYTES_MAX, attribute, export, field, fixed64, gzip, joined},
};

const PROTOBUF: &str = "application/x-protobuf";
/// Concurrent exports.
const TOGETHER: usize = 64;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn a_body_that_decompresses_to_gigabytes_is_refused_without_using_memory() {
    let _alone = alone().await;
    let (idle, mut console) = (Arc::new(Console::start().await), Arc::new(Console::start().await));
    // Several compressed members in one body: eight gigabytes of zeros.
    let member = gzip(&vec![0; EXPORT_BYTES_MAX]);
    let bomb = member.repeat(1_000);
    let one_too_many = gzip(&vec![0; EXPORT_BYTES_MAX + 1]);
    let mut long_name = member.clone();
    long_name[3] = 8;
    long_name.splice(10..10, vec![b'n'; 4_000_000]);
    let cut = member[..member.len() / 2].to_vec();
    console.forget_peak();
    let watch = Watch::start(&console, &idle);
    for (what, body, expected) in [
        ("1,000 members", &bomb, 413),
        ("one byte too many", &one_too_many, 413),
        ("a file name without end", &long_name, 400),
        ("cut in the middle", &cut, 400),
    ] {
        for signal in ["traces", "logs", "metrics"] {
            let alone = console.export(signal, PROTOBUF, "gzip", body.clone()).await;
            assert_eq!(alone, Ok(expected), "{what}");
            let bodies = (0..8).map(|_| console.export(signal, PROTOBUF, "gzip", body.clone()));
            for status in future::join_all(bodies).await {
                let status = status.unwrap();
                // Concurrent exports may also be postponed.
                assert!([expected, 400, 408, 413, 503].contains(&status), "{what}: {status}");
            }
        }
    }
    let mut seen = watch.end().await;
    seen.judge("bombs");
    let peak = console.peak_mib();
    println!("MEASURED: bombs: {peak} MiB");
    assert!(Arc::get_mut(&mut console).unwrap().is_alive());
    assert!(seen.faults.is_empty(), "{:?}", seen.faults);
    assert!(peak <= BUDGET_MIB * 3 / 2, "{peak} MiB");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn many_large_exports_at_once_are_accepted_in_turn_or_postponed() {
    let _alone = alone().await;
    let mut console = Console::start().await;
    let value = field(9, attribute("k", &"x".repeat(200_000)));
    let span = |id: u64| {
        let ids = [field(1, 1_u128.to_be_bytes()), field(2, id.to_be_bytes())].concat();
        field(2, [ids, fixed64(7, 1), fixed64(8, 2), value.clone()].concat())
    };
    let body = gzip(&export(&[], &joined((1..=40).map(span))));
    console.forget_peak();
    let all = (0..TOGETHER).map(|_| console.export("traces", PROTOBUF, "gzip", body.clone()));
    let answers = future::join_all(all).await;
    let of = |status| answers.iter().filter(|answer| **answer == Ok(status)).count();
    let (taken, postponed) = (of(200), of(503) + of(429));
    let peak = console.peak_mib();
    println!("MEASURED: {taken} accepted, {postponed} postponed, {peak} MiB");
    assert_eq!(taken + postponed, TOGETHER, "{answers:?}");
    assert!(taken > 0 && console.is_alive());
    assert!(peak <= BUDGET_MIB * 3 / 2, "{peak} MiB");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn content_encodings_are_case_insensitive_and_unknown_ones_are_refused_by_name() {
    let console = Console::start().await;
    let span = [field(1, 7_u128.to_be_bytes()), field(2, 7_u64.to_be_bytes())].concat();
    let body = gzip(&export(&[], &field(2, span)));
    for coding in ["gzip", "GZIP", "Gzip", " gzip ", "x-gzip"] {
        let answer = console.export("traces", PROTOBUF, coding, body.clone()).await;
        assert_eq!(answer, Ok(200), "{coding}");
    }
    for coding in ["br", "compress", "gzip, br", "nonsense"] {
        let answer = console.export("traces", PROTOBUF, coding, body.clone()).await;
        assert_eq!(answer, Ok(415), "{coding}");
    }
    tokio::time::timeout(Duration::from_secs(5), console.get("/healthz")).await.unwrap().unwrap();
}

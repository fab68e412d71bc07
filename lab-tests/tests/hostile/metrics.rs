//! Metrics that are small on the wire and large in memory.

use crate::{
    attack::{Hostile, survives},
    wire::{EXPORT_BYTES_MAX, attribute, export, field, filled, fixed64, number},
};

/// An empty data point of any metric.
const EMPTY: &[u8] = &[0x0a, 0];
/// Slightly less than the largest allowed export.
const LARGE: usize = EXPORT_BYTES_MAX - 1_000;
/// Field numbers of a metric's data.
const KINDS: [(&str, u32); 5] =
    [("gauge", 5), ("sum", 7), ("histogram", 9), ("exponential histogram", 10), ("summary", 11)];

fn metric(name: &str, data: u32, points: &[u8]) -> Vec<u8> {
    field(2, [field(1, name), field(data, points)].concat())
}

fn exported(metrics: &[u8]) -> Vec<u8> {
    export(&field(1, attribute("service.name", "hostile")), metrics)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn a_long_name_on_many_empty_points_does_not_multiply() {
    let mut attacks = Vec::new();
    for (kind, data) in KINDS {
        let body = exported(&metric(&"n".repeat(100_000), data, &EMPTY.repeat(20_000)));
        attacks.push(Hostile::protobuf(kind, "metrics", body));
    }
    let half = "n".repeat(LARGE / 2);
    let all = exported(&metric(&half, 5, &filled(LARGE / 2, EMPTY)));
    attacks.push(Hostile::protobuf("a name of 4 MiB on 2 M points", "metrics", all));
    for (what, member) in [("description", 2), ("unit", 3)] {
        let body = [field(1, "m"), field(member, &half), field(5, EMPTY.repeat(20_000))].concat();
        attacks.push(Hostile::protobuf(what, "metrics", exported(&field(2, body))));
    }
    let metadata = field(12, attribute("k", "")).repeat(20_000);
    let body = [field(1, "m"), metadata, field(5, EMPTY.repeat(20_000))].concat();
    attacks.push(Hostile::protobuf("metadata", "metrics", exported(&field(2, body))));
    survives(attacks).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn a_point_of_many_empty_fields_is_bounded() {
    let part = |what, data, number, part: &[u8]| {
        let point = field(1, filled(LARGE, &field(number, part)));
        Hostile::protobuf(what, "metrics", exported(&metric("m", data, &point)))
    };
    let packed = |what, data, inside: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let point = field(1, inside(vec![1; LARGE]));
        Hostile::protobuf(what, "metrics", exported(&metric("m", data, &point)))
    };
    survives(vec![
        part("attributes of a gauge", 5, 7, &[]),
        part("exemplars of a gauge", 5, 5, &[]),
        part("exemplars of a histogram", 9, 8, &[]),
        part("attributes of an exemplar", 5, 5, &field(7, [])),
        part("quantiles of a summary", 11, 6, &[]),
        part("positive buckets, given again", 10, 8, &[]),
        packed("buckets of a histogram", 9, &|counts| field(6, counts)),
        packed("bounds of a histogram", 9, &|bounds| field(7, bounds)),
        packed("one byte a bucket", 10, &|counts| field(8, field(2, counts))),
        packed("one byte a bucket, not packed", 10, &|_| {
            field(8, filled(LARGE - 100, &number(2, 1)))
        }),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn empty_metrics_and_json_points_stay_within_the_budget() {
    let list = |entry: &str, bytes: usize| entry.repeat(bytes / entry.len());
    let json = |what, before: &str, entry: &str, after: &str| {
        let body = format!("{before}{}{after}", list(&format!("{entry},"), LARGE - 500));
        Hostile::json(what, "metrics", body)
    };
    let metrics = "{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":[";
    let points = format!("{metrics}{{\"name\":\"m\",\"gauge\":{{\"dataPoints\":[");
    let point = format!("{points}{{\"attributes\":[");
    let buckets = format!(
        "{metrics}{{\"name\":\"m\",\"exponentialHistogram\":{{\"dataPoints\":[{{\"positive\":{{\"bucketCounts\":["
    );
    survives(vec![
        Hostile::protobuf("empty resources", "metrics", filled(LARGE, EMPTY)),
        Hostile::protobuf("empty scopes", "metrics", field(1, filled(LARGE, &field(2, [])))),
        Hostile::protobuf("empty metrics", "metrics", exported(&filled(LARGE, &field(2, [])))),
        json("JSON resources", "{\"resourceMetrics\":[", "{}", "{}]}"),
        json("JSON metrics", metrics, "{}", "{}]}]}]}"),
        json("JSON points", &points, "{}", "{}]}}]}]}]}"),
        json("JSON attributes", &point, "{}", "{}]}]}}]}]}]}"),
        json("JSON buckets", &buckets, "0", "0]}}]}}]}]}]}"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures memory and times: make hostile"]
async fn ever_new_series_stay_within_the_budget() {
    let series = |name: usize, attributes: usize| {
        move |n: u128| {
            let mut metrics = Vec::new();
            for index in 0_u32.. {
                let label = format!("{n}-{index}-").repeat(attributes / 8 + 1);
                let point = [
                    fixed64(3, 1_760_000_000_000_000_000),
                    fixed64(4, 7),
                    field(7, attribute("label", &label)),
                ];
                let name = format!("{:n<name$}", format!("m{n}_{index}_"));
                let metric = metric(&name, 5, &field(1, point.concat()));
                if metrics.len() + metric.len() > LARGE {
                    break;
                }
                metrics.extend(metric);
            }
            exported(&metrics)
        }
    };
    survives(vec![
        Hostile::numbered("small series", "metrics", 8, series(8, 8)),
        Hostile::numbered("series with long names", "metrics", 12, series(800, 8)),
        Hostile::numbered("series with long labels", "metrics", 12, series(8, 800)),
    ])
    .await;
}

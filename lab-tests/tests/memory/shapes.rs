//! Telemetry whose memory was once underestimated. Every export is different, so that it is stored.

/// Exports of one kind.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) signal: &'static str,
    /// More exports than fit into the store of their signal.
    pub(crate) exports: u64,
    /// The export with a number.
    pub(crate) export: fn(u64) -> Vec<u8>,
}

const fn shape(
    exports: u64,
    name: &'static str,
    signal: &'static str,
    export: fn(u64) -> Vec<u8>,
) -> Shape {
    Shape { name, signal, exports, export }
}

pub(crate) const SHAPES: &[Shape] = &[
    shape(10, "the least spans, each a trace", "traces", |number| spans(number, 40_000, &[])),
    shape(10, "spans of a job each", "traces", |number| {
        traces(number, 20_000, |id| field(9, &attribute("waybill.job.id", &format!("{id:0>120}"))))
    }),
    shape(12, "spans with as many attributes as are kept", "traces", |number| {
        spans(number, 6_000, &field(9, &[]).repeat(140))
    }),
    shape(16, "spans of 120,000 empty attributes", "traces", |number| {
        spans(number, 30, &field(9, &[]).repeat(120_000))
    }),
    shape(16, "large spans", "traces", |number| {
        spans(number, 30, &field(9, &attribute("x", &"x".repeat(250_000))))
    }),
    shape(16, "spans with verdicts and kinds", "traces", |number| {
        let marks = ["waybill.job.kind", "waybill.verdict", "waybill.lost"];
        let marks = marks.map(|key| field(9, &attribute(key, &"x".repeat(100)))).concat();
        spans(number, 15_000, &marks)
    }),
    shape(16, "an origin for every span, of 8,000 empty attributes", "traces", |number| {
        senders(number, 400, &field(1, &[]).repeat(8_000))
    }),
    shape(16, "an origin for every span, of fifteen kilobytes", "traces", |number| {
        senders(number, 400, &field(1, &attribute("x", &"x".repeat(15_000))))
    }),
    shape(8, "an origin for every span, of nothing", "traces", |number| {
        senders(number, 20_000, &[])
    }),
    shape(16, "ten thousand spans of one trace", "traces", |number| {
        export(
            &(0..10_000)
                .map(|id| span(u128::from(number) + 1, id + 1, &[]))
                .collect::<Vec<_>>()
                .concat(),
        )
    }),
    shape(3, "four million empty senders", "traces", |_| field(1, &[]).repeat(4_000_000)),
    shape(3, "four million empty scopes", "traces", |_| field(1, &field(2, &[]).repeat(3_900_000))),
    shape(3, "four million empty spans", "traces", |_| export(&field(2, &[]).repeat(3_900_000))),
    shape(10, "the least log lines", "logs", |_| export(&field(2, &[]).repeat(50_000))),
    shape(10, "log lines of a trace each", "logs", |number| {
        let line =
            |id: u128| field(2, &field(9, &((u128::from(number) << 64) | (id + 1)).to_be_bytes()));
        export(&(0..50_000).map(line).collect::<Vec<_>>().concat())
    }),
    shape(16, "large log lines", "logs", |_| {
        export(&field(2, &field(5, &field(1, &[b'x'; 250_000]))).repeat(30))
    }),
    shape(14, "log lines of many values", "logs", |_| {
        let list = field(5, &field(1, &[]).repeat(16_000));
        export(&field(2, &field(5, &list)).repeat(100))
    }),
    shape(16, "a long name for many points", "metrics", |_| {
        metric(&"n".repeat(100_000), &field(1, &[]).repeat(20_000))
    }),
    shape(5, "a thousand bytes of name for many series", "metrics", |number| {
        let point = |id: u64| field(1, &field(7, &attribute("id", &format!("{number} {id}"))));
        metric(&"n".repeat(1_000), &(0..40_000).map(point).collect::<Vec<_>>().concat())
    }),
    shape(16, "histograms of new values, with exemplars", "metrics", |number| {
        let exemplar = |id: u64| {
            field(
                8,
                &[
                    field(5, &((u128::from(number) << 64) | u128::from(id + 1)).to_be_bytes()),
                    fixed64(3, id),
                ]
                .concat(),
            )
        };
        let exemplars: Vec<u8> = (0..60).map(exemplar).collect::<Vec<_>>().concat();
        let buckets = [
            field(6, &number.to_le_bytes().repeat(250)),
            field(7, &1_u64.to_le_bytes().repeat(249)),
        ]
        .concat();
        let point = |id: u64| {
            field(
                1,
                &[
                    &field(9, &attribute("id", &id.to_string())),
                    &buckets,
                    &exemplars,
                    &fixed64(4, number)[..],
                ]
                .concat(),
            )
        };
        histogram(&(0..600).map(point).collect::<Vec<_>>().concat())
    }),
    shape(3, "a million empty points", "metrics", |_| {
        metric("m", &field(1, &[]).repeat(3_900_000))
    }),
];

/// A field of bytes.
fn field(number: u8, data: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = data.len();
    while length >= 0x80 {
        out.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    out.push(length.to_le_bytes()[0]);
    out.extend_from_slice(data);
    out
}

fn fixed64(number: u8, value: u64) -> Vec<u8> {
    [&[number << 3 | 1][..], &value.to_le_bytes()].concat()
}

fn attribute(key: &str, value: &str) -> Vec<u8> {
    [field(1, key.as_bytes()), field(2, &field(1, value.as_bytes()))].concat()
}

fn span(trace: u128, id: u64, rest: &[u8]) -> Vec<u8> {
    let ids = [field(1, &trace.to_be_bytes()), field(2, &id.to_be_bytes())];
    field(2, &[&ids.concat(), rest].concat())
}

fn export(items: &[u8]) -> Vec<u8> {
    field(1, &field(2, items))
}

fn traces(number: u64, count: u64, rest: impl Fn(u64) -> Vec<u8>) -> Vec<u8> {
    let one = |id| span((u128::from(number) << 64) | u128::from(id + 1), 1, &rest(id));
    export(&(0..count).map(one).collect::<Vec<_>>().concat())
}

fn spans(number: u64, count: u64, rest: &[u8]) -> Vec<u8> {
    traces(number, count, |_| rest.to_vec())
}

/// Spans, each with a different resource.
fn senders(number: u64, count: u64, resource: &[u8]) -> Vec<u8> {
    let one = |id: u64| {
        let name = field(1, &attribute("service.name", &format!("{number} {id}")));
        let from = field(1, &[&name, resource].concat());
        let span = span((u128::from(number) << 64) | u128::from(id / 1_000 + 1), id + 1, &[]);
        field(1, &[from, field(2, &span)].concat())
    };
    (0..count).map(one).collect::<Vec<_>>().concat()
}

fn metric(name: &str, points: &[u8]) -> Vec<u8> {
    export(&field(2, &[field(1, name.as_bytes()), field(5, points)].concat()))
}

fn histogram(points: &[u8]) -> Vec<u8> {
    export(&field(2, &[field(1, b"h"), field(9, points)].concat()))
}

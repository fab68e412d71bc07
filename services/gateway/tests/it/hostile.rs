//! Requests made to do harm: each is refused with the name of what is wrong, and leaves nothing behind.

use contract::api::Problem;
use reqwest::header::{CONTENT_TYPE, HOST, HeaderValue, ORIGIN};

use crate::rig::{JOB, Rig, problem};

fn operation(text: &str) -> Vec<u8> {
    format!(r#"{{"name":"x","operations":[{text}]}}"#).into_bytes()
}

fn named(name: &[u8]) -> Vec<u8> {
    let mut body = br#"{"operations":[{"kind":"wait","seconds":0}],"name":""#.to_vec();
    body.extend_from_slice(name);
    body.extend_from_slice(b"\"}");
    body
}

fn beside(more: &str) -> Vec<u8> {
    format!(r#"{{"name":"x","operations":[{{"kind":"wait","seconds":0}}],{more}}}"#).into_bytes()
}

async fn are_refused(cases: Vec<(Vec<u8>, &str)>) {
    let rig = Rig::start().await;
    let mut wrong = Vec::new();
    for (body, names) in cases {
        let text = String::from_utf8_lossy(&body).into_owned();
        let answer = rig.post("/v1/jobs", body).send().await.unwrap();
        let (status, answer) = (answer.status(), answer.text().await.unwrap());
        // It names what is wrong, and does not grow with the request.
        let detail = serde_json::from_str::<Problem>(&answer).map(|problem| problem.detail);
        let detail = detail.unwrap_or_default();
        if status != 400 || !detail.contains(names) || detail.len() > 1_000 {
            wrong.push(format!("{text:.90}: not {names:?} but {status} {answer:.300}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    rig.holds_nothing().await;
}

#[tokio::test]
async fn invalid_numbers_and_numbers_beyond_their_limits_are_refused() {
    let huge = "9".repeat(400);
    let add = |number: &str| operation(&format!(r#"{{"kind":"add","inputs":[1,{number}]}}"#));
    let primes = |below: &str| operation(&format!(r#"{{"kind":"primes","below":{below}}}"#));
    let tile = |width: &str, center: &str, zoom: &str| {
        let rest = format!(r#""width":{width},"height":9,"center":{center},"zoom":{zoom}"#);
        operation(&format!(r#"{{"kind":"render",{rest}}}"#))
    };
    let mut cases = vec![
        (add(&huge), "operations[0].inputs[1]: number out of range"),
        (primes("50000001"), "operations[0].below: "),
        (operation(r#"{"kind":"wait","seconds":-0.1}"#), "operations[0].seconds: "),
        (operation(r#"{"kind":"wait","seconds":1e300}"#), "operations[0].seconds: "),
        (operation(r#"{"kind":"hash","text":"","rounds":4294967295}"#), "operations[0].rounds: "),
        (tile("4294967295", "[0,0]", "1"), "operations[0].width: "),
        (tile("0", "[0,0]", "1"), "operations[0].width: "),
        (tile("9", "[0,1e300]", "1"), "operations[0].center: "),
        (tile("9", "[0,0]", "1e300"), "operations[0].zoom: "),
        (tile("9", "[0,0]", "-1"), "operations[0].zoom: "),
        (tile("9", "[0]", "1"), "operations[0]"),
        (beside(r#""attempts_max":-1"#), "attempts_max: "),
        (beside(r#""attempts_max":4294967297"#), "attempts_max: "),
        (beside(r#""attempts_max":1.5"#), "attempts_max: "),
        (beside(r#""deadline_seconds":86401"#), "deadline_seconds: "),
        (beside(r#""deadline_seconds":0"#), "deadline_seconds: "),
    ];
    for no_number in ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "0x10", "01", "+1", "1."] {
        cases.push((add(no_number), "operations[0]"));
    }
    for no_bound in ["-1", "-1.0", "1.5", "1e19", "18446744073709551616"] {
        cases.push((primes(no_bound), "operations[0]"));
    }
    are_refused(cases).await;
}

#[tokio::test]
async fn invalid_names_and_texts_are_refused() {
    let mut cases = vec![
        (named("ä".repeat(201).as_bytes()), "name: must have 1 to 200 characters"),
        (named(b""), "name: "),
        (named(b"\xff\xfe"), "name: "),
        (named(b"\xc0\xaf"), "name: "),
        (named(b"\xed\xa0\x80"), "name: "),
        (named(br"\ud800"), "name: "),
        (named(b"a\nb"), "name: "),
        (b"\xff\xfe{}".to_vec(), "body: "),
        (b"\xef\xbb\xbf{}".to_vec(), "body: "),
        (b"\0".to_vec(), "body: "),
    ];
    for control in [
        r"\u0000",
        r"\u001b[2J",
        r"\u007f",
        r"\u009b",
        r"\n",
        r"\r\n",
        r"\u202egnp.exe",
        r"a\u200bb",
    ] {
        cases.push((
            named(control.as_bytes()),
            "name: must not contain control or format characters",
        ));
    }
    are_refused(cases).await;
}

#[tokio::test]
async fn malformed_bodies_are_refused() {
    let many = vec![r#"{"kind":"wait","seconds":0}"#; 101].join(",");
    let inputs = vec!["1"; 1_001].join(",");
    let deep = |depth: usize| format!(r#""newer":{}1{}"#, "[".repeat(depth), "]".repeat(depth));
    let objects = r#"{"a":"#.repeat(50_000);
    are_refused(vec![
        (operation(&many), "operations: must have 1 to 100 entries, has 101"),
        (operation(&format!(r#"{{"kind":"add","inputs":[{inputs}]}}"#)), "operations[0].inputs: "),
        (operation(r#"{"kind":["add"],"inputs":[1,2]}"#), "operations[0]"),
        (operation(r#"{"inputs":[1,2]}"#), "operations[0]: missing field `kind`"),
        (operation(r#"{"kind":"add"}"#), "operations[0]: missing field `inputs`"),
        (operation(r#"{"kind":"add","kind":"wait","seconds":0}"#), "operations[0]"),
        (operation(r#"{"kind":"add","inputs":[1,2],"inputs":[3,4]}"#), "operations[0]"),
        (operation("null"), "operations[0]"),
        (beside(r#""name":"again""#), "name"),
        (beside(r#""operations":[]"#), "operations"),
        (beside(r#""notify":"log""#), "notify"),
        (beside(r#""notify":{"channel":"fax"}"#), "notify"),
        (beside(r#""notify":{"channel":"webhook"}"#), "notify: missing field `url`"),
        (beside(r#""notify":{"channel":"webhook","url":7}"#), "notify"),
        (
            beside(r#""notify":{"channel":"webhook","url":"https://e.org","on":["maybe"]}"#),
            "notify",
        ),
        (operation(&format!(r#"{{"kind":"wait","seconds":0,{}}}"#, deep(200))), "operations[0]"),
        (operation(&format!(r#"{{"kind":"wait",{}}}"#, deep(50_000))), "operations[0]"),
        (objects.into_bytes(), "a"),
        (b"{\"name\":\"x\",\"operations\":[{\"kind\":\"wait\",\"seconds\":0}]".to_vec(), "body: "),
        (b"{}{}".to_vec(), "name"),
        (format!("{JOB}{{}}").into_bytes(), "body: trailing characters"),
    ])
    .await;
}

#[tokio::test]
async fn unknown_fields_are_ignored_at_any_depth() {
    let rig = Rig::start().await;
    let deep = format!(r#""newer":{}1{}"#, "[".repeat(50_000), "]".repeat(50_000));
    let sent = rig.post("/v1/jobs", beside(&deep)).send().await.unwrap();
    assert_eq!(sent.status(), 202);
    assert!(rig.last_submitted().await.payload.len() < 500);
    let data = |depth: usize| {
        let data = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{data}}}"#)
    };
    assert_eq!(rig.post("/v1/events", data(100)).send().await.unwrap().status(), 202);
    let deeper = problem(rig.post("/v1/events", data(200)).send().await.unwrap(), 400).await;
    assert!(deeper.detail.starts_with("data"), "{}", deeper.detail);
    assert_eq!(rig.submitted().await.messages, 2);
}

/// Ways to say "this machine" or "this network", and what is no web address at all.
const FORGED: [&str; 51] = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://127.255.255.254/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://0/",
    "http://0.0.0.0/",
    "http://127.0.0.1./",
    "http://%31%32%37.0.0.1/",
    "http://127\u{3002}0\u{3002}0\u{3002}1/",
    "http://\u{2460}\u{2461}\u{2466}.0.0.1/",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[ff02::1]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://a.localhost/",
    "http://metadata/",
    "http://metadata.google.internal/",
    "http://nats:4222/",
    "http://user@example.com/",
    "http://user:secret@example.com/",
    "http://example.com@127.0.0.1/",
    "http://example.com#@127.0.0.1/",
    "http://example.com:0/",
    "//example.com/",
    "gopher://example.com/",
    "file:///etc/passwd",
    "http://exam ple.com/",
];

#[tokio::test]
async fn a_forged_webhook_target_is_refused_however_it_is_spelled() {
    let allow = ["--webhook-allow", "127.0.0.1:8090"];
    let rig = Rig::start_with(&allow).await;
    for url in FORGED {
        let notify = serde_json::json!({"channel": "webhook", "url": url});
        let body = beside(&format!(r#""notify":{notify}"#));
        let problem = problem(rig.post("/v1/jobs", body).send().await.unwrap(), 400).await;
        assert!(problem.detail.starts_with("notify.url: "), "{url}: {}", problem.detail);
    }
    rig.holds_nothing().await;
    // The very pair that is allowed, and no neighbour of it.
    for (url, status) in [("http://127.0.0.1:8090/hooks/a", 202), ("http://127.0.0.1:8091/", 400)] {
        let body = beside(&format!(r#""notify":{{"channel":"webhook","url":"{url}"}}"#));
        assert_eq!(rig.post("/v1/jobs", body).send().await.unwrap().status(), status, "{url}");
    }
}

#[tokio::test]
async fn hosts_origins_and_media_types_are_compared_in_full() {
    let rig = Rig::start().await;
    let authority = rig.api.strip_prefix("http://").unwrap().to_owned();
    for host in [
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:80",
        "me@localhost",
        "a b",
    ] {
        let sent = rig.post("/v1/jobs", JOB).header(HOST, host).send().await.unwrap();
        problem(sent, 421).await;
    }
    let other_port = "http://127.0.0.1:1".to_owned();
    let longer = format!("http://{authority}.evil.example");
    let user = format!("http://me@{authority}");
    let other_scheme = format!("ftp://{authority}");
    for origin in ["null".to_owned(), String::new(), other_port, longer, user, other_scheme] {
        let sent = rig.post("/v1/jobs", JOB).header(ORIGIN, &origin).send().await.unwrap();
        assert!(problem(sent, 403).await.detail.contains("Origin"), "{origin}");
    }
    let twice = rig.post("/v1/jobs", JOB).header(ORIGIN, &rig.api).header(ORIGIN, "http://evil");
    problem(twice.send().await.unwrap(), 403).await;
    for media in ["", "application/jsonp", "application/json+x", "text/json", "multipart/form-data"]
    {
        let post = rig.http.post(format!("{}/v1/jobs", rig.api)).header(CONTENT_TYPE, media);
        let problem = problem(post.body(JOB).send().await.unwrap(), 415).await;
        assert!(problem.detail.contains("Content-Type"), "{media}");
    }
    rig.holds_nothing().await;
}

#[tokio::test]
async fn an_invalid_key_is_refused_with_the_name_of_its_header() {
    let rig = Rig::start().await;
    for key in [&b""[..], &[b'k'; 256], b"\xff\xfe", b"a\tb", "ä".as_bytes()] {
        let key = HeaderValue::from_bytes(key).unwrap();
        let sent = rig.post("/v1/jobs", JOB).header("idempotency-key", key);
        let problem = problem(sent.send().await.unwrap(), 400).await;
        assert!(problem.detail.starts_with("header Idempotency-Key: "), "{}", problem.detail);
    }
    rig.holds_nothing().await;
}

#[tokio::test]
async fn invalid_trace_headers_are_ignored() {
    let rig = Rig::start().await;
    let long = "waybill.scenario=x,".repeat(1_000);
    for (name, value) in [
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"),
        ("traceparent", "00-00000000000000000000000000000000-0000000000000000-00"),
        ("traceparent", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("traceparent", "\u{e4}"),
        ("baggage", "waybill.scenario"),
        ("baggage", "=,=;,;=%zz,,"),
        ("baggage", long.as_str()),
        ("tracestate", "====,,,\u{e4}"),
    ] {
        let sent = rig.post("/v1/jobs", JOB).header(name, value.as_bytes()).send().await.unwrap();
        assert_eq!(sent.status(), 202, "{name}: {value:.60}");
        let message = rig.last_submitted().await;
        let own = message.headers.get("traceparent").unwrap().as_str();
        assert!(own.parse::<contract::propagation::TraceParent>().is_ok(), "{own}");
        assert!(!own.contains("0af7651916cd43dd8448eb211c80319c"), "{own}");
        let carried = message.headers.get("baggage").map_or(0, |carried| carried.as_str().len());
        assert!(carried <= contract::propagation::BAGGAGE_BYTES_MAX);
    }
}

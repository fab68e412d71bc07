//! Every kind of request that a page can send to another server.

use serde::Deserialize;
use serde_json::json;

use super::browser::Browser;

/// The result of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Attempt {
    /// The kind of request, and its target.
    pub(crate) how: String,
    /// What the page could read of the response.
    pub(crate) learned: Option<String>,
}

/// The name of the job that the page would submit.
pub(crate) const NAME: &str = "of a stranger";

/// A body that the gateway would accept as a job.
fn job() -> String {
    json!({"name": NAME, "operations": [{"kind": "add", "inputs": [1, 2]}]}).to_string()
}

/// Runs all attacks against the server at `authority`.
pub(crate) async fn try_all(browser: &Browser, authority: &str) -> Vec<Attempt> {
    browser.run(EVERYTHING, json!({"base": format!("http://{authority}"), "job": job()})).await
}

/// Runs the attacks of a page whose name was rebound to the server.
pub(crate) async fn try_rebound(browser: &Browser) -> Vec<Attempt> {
    browser.run(REBOUND, json!({"job": job()})).await
}

/// The attempts by which the page could read something.
pub(crate) fn learned(attempts: Vec<Attempt>) -> Vec<String> {
    let learned = |attempt: Attempt| Some(format!("{}: {}", attempt.how, attempt.learned?));
    attempts.into_iter().filter_map(learned).collect()
}

/// Paths that are read, and paths that change something, of any part of a lab.
const EVERYTHING: &str = r#"
const {base, job} = argument;
const READ = ['/', '/v1/jobs', '/v1/dead-letters', '/v1/queues', '/openapi.json', '/metrics', '/readyz', '/healthz',
    '/api/status', '/api/traces', '/api/logs', '/varz', '/connz?subs=1', '/jsz?streams=1', '/loki/api/v1/labels',
    '/api/v1/labels', '/api/search', '/assets/icon.svg', '/x.svg'];
const CHANGE = ['/v1/jobs', '/v1/dead-letters/redrive', '/v1/events', '/hooks/stranger', '/v1/traces', '/v1/logs',
    '/v1/metrics', '/loki/api/v1/push', '/loki/api/v1/delete?query={job=~".+"}', '/api/v1/admin/tsdb/snapshot', '/ingester/shutdown', '/flush'];
const SIMPLE = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'];
const attempts = [];
const within = (promise, fallback = null) => Promise.race([
    promise.catch(() => null), new Promise((resolve) => setTimeout(resolve, 3000, fallback))]);
const attempt = async (how, promise) => attempts.push({how, learned: (await within(promise)) ?? null});
const fetched = async (path, options) => {
    const response = await fetch(base + path, options);
    return response.type === 'opaque' || response.type === 'opaqueredirect' ? null
        : `${response.status} ${(await response.text()).slice(0, 60)}`;
};
const element = (tag, set, learn) => new Promise((resolve) => {
    const node = document.createElement(tag);
    node.onload = () => resolve(learn(node));
    node.onerror = () => resolve(null);
    set(node);
    document.body.append(node);
});
const form = (path, method, enctype) => new Promise((resolve) => {
    const frame = document.createElement('iframe');
    frame.name = 'frame' + Math.random();
    const form = document.createElement('form');
    Object.assign(form, {action: base + path, method, enctype, target: frame.name});
    const input = document.createElement('input');
    // As text/plain the whole of it is JSON: {"…":"…", "x":"="}
    Object.assign(input, {name: job.slice(0, -1) + ',"x":"', value: '"}'});
    form.append(input);
    document.body.append(frame, form);
    frame.onload = () => {
        try { resolve(frame.contentDocument && frame.contentDocument.URL !== 'about:blank'
            ? 'document ' + frame.contentDocument.URL : null); } catch { resolve(null); }
    };
    form.submit();
});
const tasks = [];
const add = (how, make) => tasks.push(() => attempt(how, make()));

for (const path of READ) {
    add(`fetch ${path}`, () => fetched(path));
    add(`fetch with credentials ${path}`, () => fetched(path, {credentials: 'include'}));
    add(`fetch no-cors ${path}`, () => fetched(path, {mode: 'no-cors'}));
    add(`image ${path}`, () => element('img', (node) => { node.src = base + path; }, (node) => `image ${node.naturalWidth}`));
}
for (const path of ['/', '/v1/jobs', '/metrics', '/api/status', '/varz', '/jsz?callback=stolen', '/assets/console.js', '/x.js']) {
    add(`script ${path}`, () => element('script', (node) => { node.src = base + path; },
        () => typeof open_script === 'number' || window.console_script ? 'ran' : null));
    add(`iframe ${path}`, () => element('iframe', (node) => { node.src = base + path; },
        (node) => { try { return node.contentDocument ? 'document ' + node.contentDocument.body.innerText.slice(0, 60) : null; } catch { return null; } }));
    add(`style ${path}`, () => element('link', (node) => { node.rel = 'stylesheet'; node.href = base + path; },
        (node) => { try { return node.sheet.cssRules.length > 0 ? 'rules' : null; } catch { return null; } }));
}
for (const path of CHANGE) {
    for (const type of SIMPLE) {
        add(`no-cors POST ${type} ${path}`, () => fetched(path, {method: 'POST', mode: 'no-cors', headers: {'content-type': type}, body: job}));
    }
    add(`POST text/plain ${path}`, () => fetched(path, {method: 'POST', headers: {'content-type': 'text/plain'}, body: job}));
    add(`POST without a type ${path}`, () => fetched(path, {method: 'POST', mode: 'no-cors', body: new Blob([job])}));
    add(`POST without a body ${path}`, () => fetched(path, {method: 'POST', mode: 'no-cors'}));
    for (const type of ['application/json', 'application/cloudevents+json', 'application/x-protobuf']) {
        add(`POST ${type} ${path}`, () => fetched(path, {method: 'POST', headers: {'content-type': type}, body: job}));
    }
    for (const method of ['PUT', 'DELETE']) {
        add(`${method} ${path}`, () => fetched(path, {method, body: method === 'PUT' ? job : undefined}));
    }
    add(`beacon ${path}`, async () => { navigator.sendBeacon(base + path, job); return null; });
    add(`beacon of JSON ${path}`, async () => { navigator.sendBeacon(base + path, new Blob([job], {type: 'application/json'})); return null; });
    for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
        add(`form ${enctype} ${path}`, () => form(path, 'post', enctype));
    }
    add(`form GET ${path}`, () => form(path, 'get', 'application/x-www-form-urlencoded'));
    add(`image ${path}`, () => element('img', (node) => { node.src = base + path; }, (node) => `image ${node.naturalWidth}`));
}
for (const path of ['/v1/jobs/00000000-0000-7000-8000-000000000000/events', '/events']) {
    add(`EventSource ${path}`, () => new Promise((resolve) => {
        const source = new EventSource(base + path);
        source.onopen = () => { source.close(); resolve('opened'); };
        source.onerror = () => { source.close(); resolve(null); };
    }));
}
for (const path of ['/', '/v1/jobs', '/loki/api/v1/tail?query={a="b"}', '/api/live/ws']) {
    add(`WebSocket ${path}`, () => new Promise((resolve) => {
        const socket = new WebSocket(base.replace('http', 'ws') + path);
        socket.onopen = () => { socket.close(); resolve('opened'); };
        socket.onerror = () => resolve(null);
    }));
}
// What NATS would obey, in a body.
add('NATS in a body', () => fetched('/', {method: 'POST', mode: 'no-cors',
    body: '\r\nCONNECT {"verbose":false}\r\nPUB jobs.submitted.add 2\r\n{}\r\nPING\r\n'}));

let next = 0;
await Promise.all(Array.from({length: 6}, async () => { while (next < tasks.length) { await tasks[next++](); } }));
return attempts;
"#;

/// The same server, under the page's own name: only its own checks are left.
const REBOUND: &str = r"
const {job} = argument;
const attempts = [];
const attempt = async (how, make) => {
    let learned = null;
    try {
        const response = await make();
        // A refusal is no secret.
        learned = response.status === 421 ? null : `${response.status} ${(await response.text()).slice(0, 60)}`;
    } catch {}
    attempts.push({how, learned});
};
for (const path of ['/', '/v1/jobs', '/v1/queues', '/metrics', '/readyz', '/healthz', '/api/status', '/api/traces', '/varz', '/jsz', '/openapi.json', '/nowhere']) {
    await attempt(`rebound GET ${path}`, () => fetch(path));
}
for (const path of ['/v1/jobs', '/v1/events', '/hooks/stranger', '/v1/traces', '/v1/logs', '/v1/metrics', '/v1/dead-letters/redrive']) {
    await attempt(`rebound POST ${path}`, () => fetch(path, {method: 'POST', headers: {'content-type': 'application/json'}, body: job}));
    await attempt(`rebound POST without a body ${path}`, () => fetch(path, {method: 'POST'}));
}
return attempts;
";

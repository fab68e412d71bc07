// Puts every PromQL and LogQL query of the dashboards, data sources and alerts to a real Prometheus and a real Loki.
// They hold no data, so an empty answer is fine and an error is not. Needs Docker with both images.
// With PROMETHEUS_URL and LOKI_URL a running lab is asked instead, and empty answers are listed.

import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";

const HERE = new URL("../", import.meta.url);
const IMAGES = {
  prometheus: process.env.PROMETHEUS_IMAGE ?? "prom/prometheus:v3.14.0",
  loki: process.env.LOKI_IMAGE ?? "grafana/loki:3.7.6",
};
const PORTS = { prometheus: 9090, loki: 3100 };
const running = {};
const READY_MS_MAX = 60_000;
const ANSWER_MS_MAX = 10_000;

const VALUES = {
  __rate_interval: "1m", __range: "15m", stage: ".+", trace_id: "0123456789abcdef0123456789abcdef",
  job_id: "019350a0-0000-7000-8000-000000000000", __tags: 'service_name="gateway"', "__trace.traceId": "0123456789abcdef",
};

/** Puts values where variables stand; one that is not known is an error. */
function filled(query) {
  return query.replaceAll(/\$+(?:\{([\w.]+)\}|([A-Za-z_]\w*))/g, (all, braced, bare) => {
    const name = braced ?? bare;
    if (!(name in VALUES)) throw new Error(`unknown variable ${all} in ${query}`);
    return VALUES[name];
  });
}

function ofDashboard(name) {
  const { title, panels, annotations, templating } = JSON.parse(readFileSync(new URL(`dashboards/${name}`, HERE), "utf8"));
  const shown = panels.flatMap((panel) => (panel.targets ?? []).map((target) => ({ ...target, at: `${title} / ${panel.title}` })));
  const marks = annotations.list.map(({ name: at, datasource, target }) => ({ ...target, datasource, at: `${title} / ${at}` }));
  const choices = templating.list.filter(({ type }) => type === "query").map(({ name: at, datasource, query }) => {
    const [, metric, label] = /^label_values\((.+), (\w+)\)$/.exec(query.query);
    return { datasource, expr: `group by (${label}) (${metric})`, at: `${title} / $${at}` };
  });
  return [...shown, ...marks, ...choices].filter(({ expr }) => expr).map(({ at, expr, datasource }) => ({ at, query: expr, backend: datasource.uid }));
}

/** `query:` and `expr:` lines in quotes, in the provisioned files; those with a `|` filter are Loki's. */
function ofYaml(path) {
  const text = readFileSync(new URL(path, HERE), "utf8");
  return [...text.matchAll(/^\s*(?:query|expr): '(.+)'$/gm)].map(([, query]) =>
    ({ at: path, query, backend: query.includes("} | ") ? "loki" : "prometheus" }));
}

const docker = (...args) => execFileSync("docker", args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();

const pause = (ms) => new Promise((done) => setTimeout(() => done(false), ms));
/** A server that is starting may take a connection and never answer: ask again after a second. */
const answers = (url) => Promise.race([fetch(url).then(({ ok }) => ok, () => false), pause(1_000)]);

async function started(backend) {
  const given = process.env[`${backend.toUpperCase()}_URL`];
  if (given) {
    running[backend] = { url: given };
    return;
  }
  const id = docker("run", "--detach", "--rm", "--publish", `127.0.0.1::${PORTS[backend]}`, IMAGES[backend]);
  running[backend] = { id };
  const url = `http://${docker("port", id, String(PORTS[backend])).split("\n")[0]}`;
  const until = Date.now() + READY_MS_MAX;
  const path = backend === "loki" ? "/ready" : "/-/ready";
  while (!(await answers(url + path))) {
    if (Date.now() > until) throw new Error(`${IMAGES[backend]} is not ready after ${READY_MS_MAX} ms`);
    await pause(250);
  }
  running[backend].url = url;
}

async function problem({ backend, query }, url) {
  const path = backend === "loki" ? "/loki/api/v1/query_range" : "/api/v1/query";
  const body = new URLSearchParams({ query: filled(query) });
  const answer = await fetch(`${url}${path}?${body}`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  const text = await answer.text();
  if (!answer.ok || JSON.parse(text).status !== "success") return text.slice(0, 300);
  if (!running[backend].id && JSON.parse(text).data.result.length === 0) console.log(`empty: ${query}`);
  return undefined;
}

const folder = (name, ending) => readdirSync(new URL(name, HERE)).filter((file) => file.endsWith(ending));
const queries = [
  ...folder("dashboards/", ".json").flatMap(ofDashboard),
  ...["provisioning/datasources/", "provisioning/alerting/"].flatMap((path) => folder(path, ".yaml").flatMap((file) => ofYaml(path + file))),
];

let bad = 0;
try {
  for (const backend of Object.keys(IMAGES)) await started(backend);
  for (const query of queries) {
    const why = await problem(query, running[query.backend].url);
    if (why === undefined) continue;
    bad += 1;
    console.error(`${query.at}\n  ${query.query}\n  ${why}`);
  }
} finally {
  for (const { id } of Object.values(running)) if (id) docker("stop", "--time", "1", id);
}
const count = (backend) => queries.filter((query) => query.backend === backend).length;
console.log(`${count("prometheus")} PromQL and ${count("loki")} LogQL queries put, ${bad} refused`);
process.exitCode = bad > 0 || queries.length === 0 ? 1 : 0;

// Writes ../dashboards/*.json; with --check it only says whether they agree with what would be written.
// Needs Node 20 and no packages.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";

import clocks from "./clocks.mjs";
import graph from "./graph.mjs";
import home from "./home.mjs";
import job from "./job.mjs";
import jobs from "./jobs.mjs";
import queues from "./queues.mjs";
import scenarios from "./scenarios.mjs";
import telemetry from "./telemetry.mjs";

const FOLDER = new URL("../dashboards/", import.meta.url);
const DASHBOARDS = { home, jobs, queues, job, graph, telemetry, clocks, scenarios };

const texts = Object.entries(DASHBOARDS).map(([name, content]) => [`${name}.json`, `${JSON.stringify(content, null, 2)}\n`]);

const read = (name) => {
  try {
    return readFileSync(new URL(name, FOLDER), "utf8");
  } catch {
    return "";
  }
};

if (process.argv.includes("--check")) {
  const known = new Set(texts.map(([name]) => name));
  const stale = texts.filter(([name, text]) => read(name) !== text).map(([name]) => name);
  const strange = readdirSync(FOLDER).filter((name) => name.endsWith(".json") && !known.has(name));
  if (stale.length + strange.length > 0) {
    console.error(`differ from grafana/source: ${[...stale, ...strange].join(", ")}\nrun: node grafana/source/build.mjs`);
    process.exit(1);
  }
  console.log(`${texts.length} dashboards agree with grafana/source`);
} else {
  for (const [name, text] of texts) writeFileSync(new URL(name, FOLDER), text);
  console.log(`${texts.length} dashboards written`);
}

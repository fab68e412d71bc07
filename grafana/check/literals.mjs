// Writes every dashboard as a TypeScript literal, so that the compiler sees each word and each number of it.

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";

const FROM = new URL("../dashboards/", import.meta.url);
const TO = new URL("generated/", import.meta.url);

rmSync(TO, { recursive: true, force: true });
mkdirSync(TO);
for (const name of readdirSync(FROM).filter((file) => file.endsWith(".json"))) {
  const literal = readFileSync(new URL(name, FROM), "utf8").trimEnd();
  JSON.parse(literal);
  const text = `import type { DashboardFile } from "../types.js";\n\nexport const dashboard: DashboardFile = ${literal};\n`;
  writeFileSync(new URL(name.replace(".json", ".ts"), TO), text);
}

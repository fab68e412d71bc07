// What all dashboards share: header links, annotations, refresh; and where panels go.

import { UID } from "./panels.mjs";

const WIDTH = 24;

// The scenario runner puts these in over Grafana's API; see README.md.
const STEPS = {
  name: "Scenario steps", datasource: { type: "grafana", uid: "-- Grafana --" }, enable: true, hide: false,
  iconColor: "purple", target: { type: "tags", tags: ["waybill-scenario"], matchAny: true, limit: 200, refId: "Anno" },
};

const link = (title, url, tooltip) => ({
  type: "link", title, url, tooltip, icon: "external link", asDropdown: false, includeVars: false,
  keepTime: false, tags: [], targetBlank: true,
});

const LINKS = [
  {
    type: "dashboards", title: "Waybill", tags: ["waybill"], asDropdown: false, includeVars: false, keepTime: true,
    targetBlank: false, icon: "external link", tooltip: "All dashboards of the lab", url: "",
  },
  link("Console", "http://localhost:8090", "The lab's own page: submit, break, repair"),
  link("API", "http://localhost:8080/docs", "The gateway's manual"),
];

/** Places rows of panels below each other. A row is its height and its panels as `[width, panel]`. */
function placed(bands) {
  let [id, y] = [0, 0];
  return bands.flatMap(({ height, panels }) => {
    let x = 0;
    const out = panels.map(([width, panel]) => {
      const gridPos = { x, y, w: width, h: height };
      x += width;
      id += 1;
      return { id, gridPos, ...panel };
    });
    if (x !== WIDTH) throw new Error(`a row is ${x} wide, not ${WIDTH}: ${panels[0][1].title}`);
    y += height;
    return out;
  });
}

/** A row of panels: `[width, panel]` each, together as wide as the page. */
export const row = (height, ...panels) => ({ height, panels });

/** A whole dashboard: `name` is a key of the list of ids. */
export const dashboard = (name, title, description, { rows, variables = [], from = "now-15m" }) => ({
  id: null, uid: UID[name], title, description, tags: ["waybill"], schemaVersion: 42, version: 1,
  editable: true, graphTooltip: 1, refresh: "5s", timezone: "browser", time: { from, to: "now" },
  timepicker: { refresh_intervals: ["5s", "10s", "30s", "1m"] },
  templating: { list: variables },
  annotations: { list: [STEPS] },
  links: LINKS,
  panels: placed(rows),
});

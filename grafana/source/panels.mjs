// The parts that dashboards are put together from: queries, panels and their look. What they show is in the files beside this one.

export const PROMETHEUS = { type: "prometheus", uid: "prometheus" };
export const LOKI = { type: "loki", uid: "loki" };
export const TEMPO = { type: "tempo", uid: "tempo" };

// Ids of the dashboards, as links name them.
export const UID = {
  home: "waybill-home",
  jobs: "waybill-jobs",
  queues: "waybill-queues",
  job: "waybill-job",
  graph: "waybill-graph",
  telemetry: "waybill-telemetry",
  clocks: "waybill-clocks",
  scenarios: "waybill-scenarios",
};

const JOB_OF_TRACE = {
  title: "Open this job: waterfall, logs, attempts",
  url: `/d/${UID.job}?var-trace_id=\${__value.raw}&\${__url_time_range}`,
};

/** A PromQL query over time. `legend` names the series. */
export const over = (expr, legend) => ({ expr, legendFormat: legend, range: true });

/** The same with the exemplars of its buckets: the dots that lead to traces. */
export const dotted = (expr, legend) => ({ ...over(expr, legend), exemplar: true });

/** A PromQL query for the value now. */
export const now = (expr, legend) => ({ expr, legendFormat: legend, instant: true });

/** The 95th percentile of a histogram, by labels, with exemplars. */
export const p95 = (metric, by, legend, selector = "") =>
  dotted(`histogram_quantile(0.95, sum by (${[...by, "le"].join(", ")}) (rate(${metric}_bucket${selector}[$__rate_interval])))`, legend);

/** Log lines. */
export const logLines = (expr) => ({ expr, queryType: "range", maxLines: 500 });

/** A TraceQL search; `table` is `traces` or `spans`. */
export const search = (query, table = "traces", limit = 20) =>
  ({ query, queryType: "traceql", tableType: table, limit, spss: 50, filters: [] });

const lettered = (source, targets) =>
  targets.map((target, index) => ({ refId: "ABCDEFGH"[index], datasource: source, ...target }));

const steps = (...pairs) => ({
  mode: "absolute",
  steps: pairs.map(([value, color]) => ({ value, color })),
});

/** Green, then amber, then red, from the values on. */
export const worse = (amber, red) => steps([null, "green"], [amber, "orange"], [red, "red"]);
/** Red below the value, green from it on. */
export const needs = (least) => steps([null, "red"], [least, "green"]);
/** One colour: the number is neither good nor bad. */
export const plain = (color = "blue") => steps([null, color]);

/** Fixed colours for words that have a meaning, so that a colour says the same on every dashboard. */
const WORDS = {
  done: "green", succeeded: "green", ok: "green", delivered: "green",
  retry: "orange", retrying: "orange", failed: "orange", error: "orange", repeated: "orange",
  dead: "red", lost: "red", reject: "dark-red", refused: "red",
  cancelled: "purple", discard: "blue", fenced: "purple",
  "in flight": "blue",
};

const fixed = (word) => ({
  matcher: { id: "byName", options: word },
  properties: [{ id: "color", value: { mode: "fixed", fixedColor: WORDS[word] } }],
});

/** Gives the unit, thresholds or name of one query of a panel. */
export const of = (refId, unit, thresholds) => ({
  matcher: { id: "byFrameRefID", options: refId },
  properties: [{ id: "unit", value: unit }, { id: "thresholds", value: thresholds }],
});

const LINES = {
  drawStyle: "line", lineWidth: 3, fillOpacity: 10, showPoints: "never", spanNulls: 30000,
};

/** Lines over time; `stacked` piles them up; `min: null` lets the axis go below zero. */
export const lines = (title, description, { unit, targets, stacked, words, thresholds, min = 0, max }) => ({
  type: "timeseries", title, description, datasource: PROMETHEUS, targets: lettered(PROMETHEUS, targets),
  fieldConfig: {
    defaults: {
      unit, ...(min === null ? {} : { min }), ...(max === undefined ? {} : { max }),
      ...(thresholds ? { thresholds } : {}),
      custom: {
        ...LINES,
        ...(stacked ? { fillOpacity: 60, stacking: { mode: "normal", group: "A" } } : {}),
        ...(thresholds ? { thresholdsStyle: { mode: "dashed" } } : {}),
      },
    },
    overrides: (words ?? []).map(fixed),
  },
  options: {
    legend: { showLegend: true, displayMode: "list", placement: "bottom", calcs: [] },
    tooltip: { mode: "multi", sort: "desc" },
  },
});

/** Big numbers, one for each query or series. */
export const numbers = (title, description, { targets, unit, thresholds, overrides, mappings, graph = "none", links, decimals }) => ({
  type: "stat", title, description, datasource: PROMETHEUS, targets: lettered(PROMETHEUS, targets),
  ...(links ? { links } : {}),
  fieldConfig: {
    defaults: {
      unit, thresholds, ...(mappings ? { mappings } : {}), ...(decimals === undefined ? {} : { decimals }),
      color: { mode: "thresholds" }, noValue: "no data",
    },
    overrides: overrides ?? [],
  },
  options: {
    colorMode: "value", graphMode: graph, justifyMode: "center", orientation: "auto",
    percentChangeColorMode: "standard", showPercentChange: false, textMode: "value_and_name", wideLayout: true,
    reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
    text: { titleSize: 18, valueSize: 36 },
  },
});

/** On and off over time: one row for each series. */
export const bands = (title, description, { targets, mappings, thresholds }) => ({
  type: "state-timeline", title, description, datasource: PROMETHEUS, targets: lettered(PROMETHEUS, targets),
  fieldConfig: {
    defaults: {
      color: { mode: "thresholds" }, thresholds, mappings, custom: { fillOpacity: 80, lineWidth: 0 },
    },
    overrides: [],
  },
  options: {
    showValue: "auto", rowHeight: 0.85, mergeValues: true, alignValue: "center",
    legend: { showLegend: false, displayMode: "list", placement: "bottom", calcs: [] },
    tooltip: { mode: "single", sort: "none" },
  },
});

/** How a histogram's buckets fill, darker where there is more; dots are exemplars. */
export const heat = (title, description, { expr }) => ({
  type: "heatmap", title, description, datasource: PROMETHEUS,
  targets: lettered(PROMETHEUS, [{ ...dotted(expr, "{{le}}"), format: "heatmap" }]),
  fieldConfig: { defaults: { custom: {} }, overrides: [] },
  options: {
    calculate: false, cellGap: 1, showValue: "never", selectionMode: "x",
    color: { mode: "scheme", scheme: "Oranges", scale: "exponential", exponent: 0.5, steps: 64, reverse: false, fill: "dark-orange" },
    exemplars: { color: "rgba(87, 148, 242, 0.9)" },
    filterValues: { le: 1e-9 },
    legend: { show: false },
    rowsFrame: { layout: "auto" },
    tooltip: { mode: "single", showColorScale: false, yHistogram: false },
    yAxis: { unit: "s", axisPlacement: "left" },
  },
});

/** Rows of numbers: one row for each set of labels, a column for each query in `columns`. */
export const rows = (title, description, { targets, columns, hidden = [] }) => ({
  type: "table", title, description, datasource: PROMETHEUS,
  targets: lettered(PROMETHEUS, targets.map((target) => ({ ...target, format: "table" }))),
  transformations: [
    { id: "merge", options: {} },
    {
      id: "organize",
      options: {
        excludeByName: Object.fromEntries(["Time", ...hidden].map((name) => [name, true])),
        renameByName: Object.fromEntries(columns.map(({ from, name }) => [from, name])),
        indexByName: {},
      },
    },
  ],
  fieldConfig: {
    defaults: { custom: { align: "auto" } },
    overrides: columns.map(({ name, unit }) => ({
      matcher: { id: "byName", options: name }, properties: [{ id: "unit", value: unit }],
    })),
  },
  options: { showHeader: true, cellHeight: "md", frameIndex: 0 },
});

/** Found traces or spans; a trace id leads to its job's page. */
export const found = (title, description, target) => ({
  type: "table", title, description, datasource: TEMPO, targets: lettered(TEMPO, [target]),
  fieldConfig: {
    defaults: { custom: { align: "auto" } },
    overrides: ["traceID", "Trace ID", "traceIdHidden"].map((name) => ({
      matcher: { id: "byName", options: name }, properties: [{ id: "links", value: [JOB_OF_TRACE] }],
    })),
  },
  options: { showHeader: true, cellHeight: "md", frameIndex: 0 },
});

/** Log lines, oldest first. */
export const logs = (title, description, expr) => ({
  type: "logs", title, description, datasource: LOKI, targets: lettered(LOKI, [logLines(expr)]),
  options: {
    dedupStrategy: "none", enableLogDetails: true, prettifyLogMessage: false, showCommonLabels: false,
    showLabels: false, showLogContextToggle: false, showTime: true, sortOrder: "Ascending", wrapLogMessage: true,
  },
});

/** One trace as a waterfall. */
export const waterfall = (title, description, query) => ({
  type: "traces", title, description, datasource: TEMPO,
  targets: lettered(TEMPO, [{ query, queryType: "traceql", tableType: "traces", filters: [] }]),
});

/** Who calls whom. */
export const serviceMap = (title, description) => ({
  type: "nodeGraph", title, description, datasource: TEMPO,
  targets: lettered(TEMPO, [{ queryType: "serviceMap", filters: [] }]),
  options: { layoutAlgorithm: "layered", zoomMode: "cooperative" },
});

/** Words. */
export const words = (title, content) => ({
  type: "text", title, options: { mode: "markdown", content },
});

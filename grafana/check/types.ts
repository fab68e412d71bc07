// Grafana's published types, as JSON has to fit them: enums are their plain values, each panel has the
// options of its own type, and what the package does not publish is written out here.

import type { AnnotationQuery, Dashboard, DataSourceRef, Panel } from "@grafana/schema";
import type { Options as HeatmapOptions } from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type { LokiDataQuery } from "@grafana/schema/dist/esm/raw/composable/loki/dataquery/x/LokiDataQuery_types.gen";
import type { Options as LogsOptions } from "@grafana/schema/dist/esm/raw/composable/logs/panelcfg/x/LogsPanelCfg_types.gen";
import type { Options as NodeGraphOptions } from "@grafana/schema/dist/esm/raw/composable/nodegraph/panelcfg/x/NodeGraphPanelCfg_types.gen";
import type { Options as StatOptions } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type { FieldConfig as BandField, Options as BandOptions } from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type { FieldConfig as TableField, Options as TableOptions } from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type { TempoQuery, TempoQueryType } from "@grafana/schema/dist/esm/raw/composable/tempo/dataquery/x/TempoDataQuery_types.gen";
import type { Options as TextOptions } from "@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen";
import type { FieldConfig as LineField, Options as LineOptions } from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

/** The same shape with enums as the strings and numbers that JSON has. */
export type Plain<T> = T extends string
  ? `${T}`
  : T extends number
    ? `${T}` extends `${infer N extends number}` ? N : T
    : T extends Array<infer Item>
      ? Plain<Item>[]
      : T extends object
        ? { [Key in keyof T]: Plain<T[Key]> }
        : T;

type Source<Name> = { datasource: DataSourceRef & { type: Name; uid: Name } };

/** Not in the package: the query of the Prometheus data source. */
type PrometheusTarget = Source<"prometheus"> & {
  refId: string;
  expr: string;
  legendFormat: string;
  exemplar?: boolean;
  format?: "time_series" | "table" | "heatmap";
} & ({ range: true } | { instant: true });

type LokiTarget = Source<"loki"> & Plain<Omit<LokiDataQuery, "datasource">>;
type TempoTarget = Source<"tempo"> & Plain<Omit<TempoQuery, "datasource" | "queryType">> & { queryType: TempoQueryType };

type Bare = Required<Pick<Panel, "id" | "gridPos">> & Plain<Pick<Panel, "links" | "transformations">> & { title: string };
/** `description` is required: a panel says what to look for. */
type Shown<Type, Options, Field, Target> = Bare & {
  type: Type;
  description: string;
  datasource: DataSourceRef;
  targets: Target[];
  options: Plain<Options>;
  fieldConfig: Plain<Omit<NonNullable<Panel["fieldConfig"]>, "defaults">> & {
    defaults: Plain<Omit<NonNullable<Panel["fieldConfig"]>["defaults"], "custom">> & { custom?: Plain<Field> };
  };
};

type AnyPanel =
  | Shown<"timeseries", LineOptions, LineField, PrometheusTarget>
  | Shown<"stat", StatOptions, never, PrometheusTarget>
  | Shown<"state-timeline", BandOptions, BandField, PrometheusTarget>
  | Shown<"heatmap", HeatmapOptions, Record<string, never>, PrometheusTarget>
  | Shown<"table", TableOptions, Partial<TableField>, PrometheusTarget | TempoTarget>
  | Omit<Shown<"logs", LogsOptions, never, LokiTarget>, "fieldConfig">
  | Omit<Shown<"nodeGraph", NodeGraphOptions, never, TempoTarget>, "fieldConfig">
  // The package publishes nothing on panels of the type `traces`.
  | Omit<Shown<"traces", never, never, TempoTarget>, "fieldConfig" | "options">
  | (Bare & { type: "text"; options: Plain<TextOptions> });

/** What the Prometheus annotation support reads beside the published fields. */
type Annotation = Plain<Omit<AnnotationQuery, "target" | "datasource">> & {
  datasource: Source<"prometheus">["datasource"] | { type: "grafana"; uid: "-- Grafana --" };
  target: { refId: string; expr: string; interval: string } | { refId: string; type: "tags"; tags: string[]; matchAny: boolean; limit: number };
  titleFormat?: string;
};

/** A dashboard file of this lab. */
export type DashboardFile = Required<
  Plain<Pick<Dashboard, "uid" | "title" | "description" | "tags" | "schemaVersion" | "time" | "templating" | "links">>
> &
  Plain<Omit<Dashboard, "panels" | "annotations" | "id">> & {
    id: null;
    annotations: { list: Annotation[] };
    panels: AnyPanel[];
  };

//! The standard `OTEL_…` variables that a service supports.

/// A variable: its name, its meaning, and whether its value is secret.
pub(crate) struct OtelVariable {
    pub(crate) name: &'static str,
    /// Meaning and unit, for the table of settings.
    pub(crate) help: &'static str,
    pub(crate) is_secret: bool,
}

const fn public(name: &'static str, help: &'static str) -> OtelVariable {
    OtelVariable { name, help, is_secret: false }
}

const fn secret(name: &'static str, help: &'static str) -> OtelVariable {
    OtelVariable { name, help, is_secret: true }
}

/// Every supported variable, some of which the SDK reads itself.
pub(crate) const VARIABLES: &[OtelVariable] = &[
    public("OTEL_SDK_DISABLED", "`true` turns off the export of spans and logs"),
    public(
        "OTEL_SERVICE_NAME",
        "Resource attribute `service.name` [default: the name of the service]",
    ),
    public(
        "OTEL_RESOURCE_ATTRIBUTES",
        "Additional resource attributes, such as `a=1,b=2`; values percent-encoded",
    ),
    public(
        "OTEL_PROPAGATORS",
        "Context in message and HTTP headers: `tracecontext`, `baggage` or `none`, separated by commas [default: tracecontext,baggage]",
    ),
    public("OTEL_TRACES_EXPORTER", "Exporter of spans: `otlp` or `none` [default: otlp]"),
    public("OTEL_LOGS_EXPORTER", "Exporter of log records: `otlp` or `none` [default: otlp]"),
    public(
        "OTEL_TRACES_SAMPLER",
        "Sampler: `always_on`, `always_off`, `traceidratio`, or one of them after `parentbased_` [default: parentbased_always_on]",
    ),
    public(
        "OTEL_TRACES_SAMPLER_ARG",
        "Ratio of sampled traces for the `traceidratio` samplers, 0 to 1 [default: 1]",
    ),
    public("OTEL_EXPORTER_OTLP_ENDPOINT", "OTLP endpoint, gRPC [default: http://localhost:4317]"),
    public("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "The endpoint for spans only"),
    public("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "The endpoint for log records only"),
    public("OTEL_EXPORTER_OTLP_PROTOCOL", "Only `grpc` is supported [default: grpc]"),
    public("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "The protocol for spans only"),
    public("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "The protocol for log records only"),
    public(
        "OTEL_EXPORTER_OTLP_INSECURE",
        "`true` allows an endpoint without a scheme; TLS is not supported",
    ),
    public("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "The same for spans only"),
    public("OTEL_EXPORTER_OTLP_LOGS_INSECURE", "The same for log records only"),
    public("OTEL_EXPORTER_OTLP_COMPRESSION", "Compression: `gzip` or `none` [default: none]"),
    public("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "The compression for spans only"),
    public("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "The compression for log records only"),
    secret(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "Headers of every export, such as `authorization=Basic%20…`, separated by commas",
    ),
    secret("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "The headers for spans only"),
    secret("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "The headers for log records only"),
    public(
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "Timeout of one batch, retries included, in milliseconds; then the batch is dropped and counted [default: 2000]",
    ),
    public("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "The timeout for spans only"),
    public("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "The timeout for log records only"),
    public(
        "OTEL_BSP_SCHEDULE_DELAY",
        "Time between two batches of spans, in milliseconds [default: 250]",
    ),
    public(
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "Maximum number of spans in memory; further spans are dropped and counted [default: 8192]",
    ),
    public("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "Maximum number of spans in a batch [default: 512]"),
    public("OTEL_BSP_EXPORT_TIMEOUT", "No effect: set `OTEL_EXPORTER_OTLP_TIMEOUT` instead"),
    public(
        "OTEL_BLRP_SCHEDULE_DELAY",
        "Time between two batches of log records, in milliseconds [default: 400]",
    ),
    public(
        "OTEL_BLRP_MAX_QUEUE_SIZE",
        "Maximum number of log records in memory; further records are dropped and counted [default: 4096]",
    ),
    public(
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
        "Maximum number of log records in a batch [default: 512]",
    ),
    public("OTEL_BLRP_EXPORT_TIMEOUT", "No effect: set `OTEL_EXPORTER_OTLP_TIMEOUT` instead"),
    public(
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "Maximum number of attributes of a span [default: 128]",
    ),
    public("OTEL_SPAN_EVENT_COUNT_LIMIT", "Maximum number of events of a span [default: 128]"),
    public("OTEL_SPAN_LINK_COUNT_LIMIT", "Maximum number of links of a span [default: 128]"),
];

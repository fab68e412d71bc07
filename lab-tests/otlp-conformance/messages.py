"""Random OTLP exports, made from the descriptors of the official protobuf package."""

from google.protobuf.descriptor import FieldDescriptor as F
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

EXPORTS = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}

# Fields that only profiles use, beside a table of strings that no other signal has.
PROFILES_ONLY = {"key_strindex", "string_value_strindex"}

TEXTS = ["", "a", "naïve", "日本語", "🚂 train", "line\nbreak", "quote\"", "\\", "tab\t", "nul\0", "</script>", "x" * 300]
DOUBLES = [0.0, -0.0, 1.0, 0.5, -2.25, 1e300, 5e-324, float("nan"), float("inf"), float("-inf"), 2.0**53 + 2]
UNSIGNED = [0, 1, 127, 128, 300, 2**31 - 1, 2**31, 2**32 - 1]
WIDE = [*UNSIGNED, 2**32, 2**53 + 1, 2**63 - 1]
# How deep attribute values nest; the console promises more.
DEPTH_MAX = 4


class Generator:
    """Makes one export after another; `size` is how many entries lists have at most."""

    def __init__(self, rng, case, size):
        self.rng, self.case, self.size = rng, case, size
        self.serial = 0

    def export(self, signal):
        request = EXPORTS[signal]()
        self.fill(request, 0)
        return request

    def fill(self, message, depth):
        """Fills some of the fields, at random."""
        name = message.DESCRIPTOR.name
        for field in self.chosen(message.DESCRIPTOR):
            if field.name in PROFILES_ONLY:
                continue
            if field.is_repeated:
                self.fill_list(message, field, depth)
            elif field.type == F.TYPE_MESSAGE:
                child = getattr(message, field.name)
                child.SetInParent()
                self.fill(child, depth + 1)
            else:
                setattr(message, field.name, self.scalar(field))
        finish = getattr(self, f"finish_{name}", None)
        if finish:
            finish(message)

    def chosen(self, descriptor):
        """Fields to set: of each `oneof` at most one, of the rest most."""
        alone = [f for f in descriptor.fields if f.containing_oneof is None and self.rng.random() < 0.7]
        for group in descriptor.oneofs:
            if self.rng.random() < 0.9:
                alone.append(self.rng.choice([f for f in group.fields if f.name not in PROFILES_ONLY]))
        return alone

    def fill_list(self, message, field, depth):
        # Values nest through arrays and lists of pairs: their depth needs an end.
        nests = field.message_type is not None and message.DESCRIPTOR.name in ("ArrayValue", "KeyValueList")
        if nests and depth > 2 * DEPTH_MAX + 6:
            return
        entries = getattr(message, field.name)
        for _ in range(self.rng.randrange(self.size + 1)):
            if field.message_type is None:
                entries.append(self.scalar(field))
            else:
                self.fill(entries.add(), depth + 1)

    def scalar(self, field):
        rng = self.rng
        if field.type == F.TYPE_STRING:
            return rng.choice(TEXTS)
        if field.type == F.TYPE_BYTES:
            return rng.choice([b"", b"\x00", b"\xff\xfe\xfd", rng.randbytes(rng.randrange(1, 9))])
        if field.type == F.TYPE_DOUBLE:
            return rng.choice([*DOUBLES, rng.uniform(-1e6, 1e6)])
        if field.type == F.TYPE_BOOL:
            return rng.random() < 0.5
        if field.type == F.TYPE_ENUM:
            return rng.choice(field.enum_type.values).number
        if field.type in (F.TYPE_UINT32, F.TYPE_FIXED32):
            return rng.choice(UNSIGNED)
        if field.type in (F.TYPE_UINT64, F.TYPE_FIXED64):
            return rng.choice([*WIDE, 2**63, 2**64 - 1, rng.getrandbits(64)])
        if field.type in (F.TYPE_INT64, F.TYPE_SFIXED64):
            return rng.choice([*WIDE, -1, -300, -(2**63)])
        return rng.choice([0, 1, -1, -300, 2**31 - 1, -(2**31)])

    def next(self):
        self.serial += 1
        return self.serial

    # What makes an entry one that the console takes, and one that can be found again.

    def finish_KeyValue(self, pair):
        # Which of two equal keys counts is not defined.
        pair.key = f"{pair.key}#{self.next()}" if pair.key else f"k.{self.next()}"

    def finish_Resource(self, resource):
        if self.rng.random() < 0.8:
            service = resource.attributes.add()
            service.key, service.value.string_value = "service.name", f"service-{self.case}"

    def finish_Span(self, span):
        span.trace_id = self.trace_id()
        span.span_id = self.next().to_bytes(8, "big")
        span.parent_span_id = self.rng.choice([b"", b"\x01" * 8])
        span.name = f"span-{self.case} {span.name}"
        if self.rng.random() < 0.3:
            job = span.attributes.add()
            job.key, job.value.string_value = "waybill.job.id", f"job-{self.case}"

    def finish_Link(self, link):
        link.trace_id, link.span_id = self.rng.randbytes(16), self.rng.randbytes(8)

    def finish_LogRecord(self, record):
        record.trace_id = self.trace_id()
        record.span_id = self.next().to_bytes(8, "big")
        if self.rng.random() < 0.3:
            job = record.attributes.add()
            job.key, job.value.string_value = "waybill.job.id", f"job-{self.case}"

    def finish_Metric(self, metric):
        metric.name = f"m-{self.case}-{self.next()}."

    def finish_Exemplar(self, exemplar):
        exemplar.trace_id = self.rng.choice([b"", self.trace_id()])
        exemplar.span_id = self.rng.choice([b"", b"\x02" * 8])

    def finish_point(self, point):
        # Points of one metric are told apart by their attributes.
        number = point.attributes.add()
        number.key, number.value.int_value = "n", self.next()

    finish_NumberDataPoint = finish_point
    finish_HistogramDataPoint = finish_point
    finish_ExponentialHistogramDataPoint = finish_point
    finish_SummaryDataPoint = finish_point

    def trace_id(self):
        return bytes(8) + (int(self.case, 36) + 1).to_bytes(8, "big")

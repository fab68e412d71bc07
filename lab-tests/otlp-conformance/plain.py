"""Messages as plain values that can be compared, and what the console's API makes of them."""

import base64
import json
import math
import struct

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor as F
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

SEVERITIES = ["trace", "debug", "info", "warn", "error", "fatal"]
IDS = {"traceId", "spanId", "parentSpanId"}


def canonical(message):
    """Every field that says something. An embedded message without content says nothing, unless it is one of a
    `oneof`; all NaN are one; zero and minus zero are two, unless zero is not written at all."""
    out = {}
    for field, value in message.ListFields():
        if not field.has_presence and not field.is_repeated and value == field.default_value:
            continue
        if field.type == F.TYPE_MESSAGE and field.is_repeated:
            out[field.name] = [canonical(entry) for entry in value]
        elif field.type == F.TYPE_MESSAGE:
            inner = canonical(value)
            if inner or field.containing_oneof is not None:
                out[field.name] = inner
        elif field.type == F.TYPE_DOUBLE:
            out[field.name] = [double(entry) for entry in value] if field.is_repeated else double(value)
        elif field.is_repeated:
            out[field.name] = list(value)
        else:
            out[field.name] = value.hex() if isinstance(value, bytes) else value
    return out


def double(value):
    return "NaN" if math.isnan(value) else struct.pack(">d", value).hex()


def read_otlp_json(kind, tree):
    """The API's answer as a message; its ids are hexadecimal."""
    return json_format.ParseDict(with_base64_ids(tree), kind())


def with_base64_ids(tree):
    if isinstance(tree, list):
        return [with_base64_ids(entry) for entry in tree]
    if not isinstance(tree, dict):
        return tree
    pairs = {key: with_base64_ids(value) for key, value in tree.items()}
    for key in IDS & pairs.keys():
        if pairs[key] is not None:
            pairs[key] = base64.b64encode(bytes.fromhex(pairs[key])).decode()
    return pairs


def spans(export):
    """Each span by its id, with who sent it."""
    found = {}
    for resource in export.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                found[span.span_id.hex()] = (*origin(resource, scope), canonical(span))
    return found


def points(export):
    """Each point by its attribute `n`, within its metric, with who sent it."""
    found = {}
    for resource in export.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for number, alone in single_points(metric):
                    found[number] = (*origin(resource, scope), canonical(alone))
    return found


def single_points(metric):
    data = metric.WhichOneof("data")
    for point in getattr(metric, data).data_points if data else []:
        alone = type(metric)()
        alone.CopyFrom(metric)
        kept = getattr(alone, data).data_points
        del kept[:]
        kept.add().CopyFrom(point)
        numbers = [pair.value.int_value for pair in point.attributes if pair.key == "n"]
        yield numbers[-1] if numbers else None, alone


def origin(resource, scope):
    sender, library = canonical(resource.resource), canonical(scope.scope)
    return sender, resource.schema_url, library, scope.schema_url


def log_lines(export):
    """Each log record by its span id, as the API shows lines."""
    found = {}
    for resource in export.resource_logs:
        service = service_of(resource.resource)
        for scope in resource.scope_logs:
            for record in scope.log_records:
                found[record.span_id.hex()] = log_line(record, service)
    return found


def log_line(record, service):
    number = max(0, min(record.severity_number, 24))
    return {
        "time_unix_ms": (record.time_unix_nano or record.observed_time_unix_nano) // 1_000_000,
        "service": service,
        "severity_number": number,
        "severity_text": record.severity_text,
        "event_name": record.event_name,
        "body": body(record.body),
        "trace_id": record.trace_id.hex(),
        "span_id": record.span_id.hex(),
        "attributes": {pair.key: plain(pair.value) for pair in record.attributes},
    }


def service_of(resource):
    names = [pair.value.string_value for pair in resource.attributes if pair.key == "service.name"]
    return names[-1] if names and names[-1] else "unknown_service"


def body(value):
    """Text bare, everything else as JSON, where it has any; no value is no text."""
    kind = value.WhichOneof("value")
    if kind is None:
        return ""
    has_no_json = kind == "double_value" and not math.isfinite(value.double_value)
    return plain(value) if kind == "string_value" or has_no_json else {"json": plain(value)}


def plain(value):
    """An attribute's value as plain JSON: numbers that JSON does not have are their names, bytes hexadecimal."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    inner = getattr(value, kind)
    if kind == "array_value":
        return [plain(entry) for entry in inner.values]
    if kind == "kvlist_value":
        return {pair.key: plain(pair.value) for pair in inner.values}
    if kind == "double_value" and not math.isfinite(inner):
        return "NaN" if math.isnan(inner) else "Infinity" if inner > 0 else "-Infinity"
    return inner.hex() if kind == "bytes_value" else inner


def traces_data(tree):
    return spans(read_otlp_json(TracesData, tree))


def metrics_data(tree):
    return points(read_otlp_json(MetricsData, tree))


def shown_body(expected, shown):
    """The shown body, read as JSON where that is expected."""
    return {"json": json.loads(shown)} if isinstance(expected, dict) else shown

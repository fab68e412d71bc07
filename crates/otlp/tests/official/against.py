"""Asks the decoder about messages that the official protobuf library made, in every legal spelling, and compares.

A line out is a question: signal, "pb" or "json", the body in hexadecimal. A line in is the answer: "ok", the message in
canonical protobuf and as JSON, both in hexadecimal; or "flaw" and why.
usage: against.py SEED MESSAGES TABLE
"""

import base64
import json
import random
import struct
import sys

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor as F
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

EXPORTS = {
    "traces": trace_service_pb2.ExportTraceServiceRequest,
    "logs": logs_service_pb2.ExportLogsServiceRequest,
    "metrics": metrics_service_pb2.ExportMetricsServiceRequest,
}
IDS = {"trace_id", "span_id", "parent_span_id"}
VARINTS = {F.TYPE_BOOL, F.TYPE_INT32, F.TYPE_INT64, F.TYPE_UINT32, F.TYPE_UINT64, F.TYPE_SINT32, F.TYPE_ENUM}
FIXED64 = {F.TYPE_DOUBLE: "<d", F.TYPE_FIXED64: "<Q", F.TYPE_SFIXED64: "<q"}
TYPES = {
    F.TYPE_BOOL: "Bool", F.TYPE_INT32: "Int32", F.TYPE_INT64: "Int64", F.TYPE_UINT32: "Uint32", F.TYPE_UINT64: "Uint64",
    F.TYPE_SINT32: "Sint32", F.TYPE_FIXED32: "Fixed32", F.TYPE_FIXED64: "Fixed64", F.TYPE_SFIXED64: "Sfixed64",
    F.TYPE_DOUBLE: "Double", F.TYPE_STRING: "Text",
}


def repeated(field):
    return field.is_repeated if hasattr(field, "is_repeated") else field.label == F.LABEL_REPEATED


# ---- the table

def cardinality(field):
    if repeated(field):
        return "Repeated"
    real = field.containing_oneof and not field.containing_oneof.name.startswith("_")
    return "Oneof" if real else "Optional" if field.has_presence else "Singular"


def kind(field):
    if field.type == F.TYPE_MESSAGE:
        return field.message_type.name
    if field.type == F.TYPE_ENUM:
        return "Enum " + ",".join(value.name for value in field.enum_type.values)
    if field.type == F.TYPE_BYTES:
        return "Id" if field.name in IDS else "Bytes"
    return TYPES[field.type]


def described(descriptor, seen):
    """Every field of this message and of those in it, one a line, as the Rust side describes its own."""
    if descriptor.name in seen:
        return
    seen.add(descriptor.name)
    for field in descriptor.fields:
        yield f"{descriptor.name} {field.number} {field.name} {field.json_name} {cardinality(field)} {kind(field)}"
        if field.type == F.TYPE_MESSAGE:
            yield from described(field.message_type, seen)


def check_table(path):
    seen, official = set(), set()
    for export in EXPORTS.values():
        official |= set(described(export.DESCRIPTOR, seen))
    with open(path, encoding="utf-8") as file:
        ours = set(file.read().splitlines())
    assert ours == official, f"only here: {sorted(ours - official)}; only official: {sorted(official - ours)}"


# ---- random messages

def scalar(rng, field):
    t = field.type
    if t == F.TYPE_STRING:
        return "".join(rng.choice(["", "a", "é", "\U0001F600", '"', "\\", "\x01", "\u2028", "x y"]) for _ in range(rng.randrange(5)))
    if t == F.TYPE_BYTES:
        length = rng.choice([0, 8, 16]) if field.name in IDS else rng.randrange(9)
        return rng.randbytes(length)
    if t == F.TYPE_BOOL:
        return rng.random() < 0.5
    if t == F.TYPE_ENUM:
        return rng.choice([value.number for value in field.enum_type.values])
    if t == F.TYPE_DOUBLE:
        return rng.choice([0.0, -0.0, 1.5, 1e300, float("nan"), float("inf"), float("-inf"), rng.random()])
    bits = 32 if t in (F.TYPE_INT32, F.TYPE_UINT32, F.TYPE_SINT32, F.TYPE_FIXED32) else 64
    if t in (F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_INT64, F.TYPE_SFIXED64):
        return rng.choice([0, -1, 1, rng.randrange(-(1 << bits - 1), 1 << bits - 1)])
    return rng.choice([0, 1, rng.randrange(1 << bits)])


def fill(rng, message, depth=0):
    for field in message.DESCRIPTOR.fields:
        nested = field.type == F.TYPE_MESSAGE
        if nested and depth > 7 or rng.random() < 0.3:
            continue
        if repeated(field):
            for _ in range(rng.choice([0, 1, 1, 2])):
                if nested:
                    fill(rng, getattr(message, field.name).add(), depth + 1)
                else:
                    getattr(message, field.name).append(scalar(rng, field))
        elif nested:
            part = getattr(message, field.name)
            part.SetInParent()
            fill(rng, part, depth + 1)
        else:
            setattr(message, field.name, scalar(rng, field))
    return message


# ---- odd protobuf

def varint(n):
    out = bytearray()
    while True:
        n, low = n >> 7, n & 0x7F
        out.append(low | (0x80 if n else 0))
        if not n:
            return bytes(out)


def key(number, wire_type):
    return varint(number << 3 | wire_type)


def payload(field, value):
    t = field.type
    if t in FIXED64:
        return 1, struct.pack(FIXED64[t], value)
    if t == F.TYPE_FIXED32:
        return 5, struct.pack("<I", value)
    if t == F.TYPE_SINT32:
        return 0, varint((value << 1 ^ value >> 31) & 0xFFFFFFFF)
    if t in VARINTS:
        return 0, varint(int(value) & 0xFFFFFFFFFFFFFFFF)
    data = value.encode() if isinstance(value, str) else value
    return 2, varint(len(data)) + data


def put(field, value):
    wire_type, data = payload(field, value)
    return key(field.number, wire_type) + data


def put_bytes(number, data):
    return key(number, 2) + varint(len(data)) + data


def unknown(rng):
    number = rng.randrange(100, 5000)
    return rng.choice([
        key(number, 0) + varint(rng.randrange(1 << 64)), key(number, 1) + rng.randbytes(8), key(number, 5) + rng.randbytes(4),
        put_bytes(number, b"\xff"), key(number, 3) + put_bytes(1, b"group") + key(number, 4),
    ])


def odd(rng, message):
    """The message, shuffled, in pieces, with what does not count in between."""
    queues = []
    for field, value in message.ListFields():
        queue = []
        if repeated(field) and field.type == F.TYPE_MESSAGE:
            queue = [put_bytes(field.number, odd(rng, entry)) for entry in value]
        elif repeated(field) and field.type == F.TYPE_STRING:
            queue = [put(field, entry) for entry in value]
        elif repeated(field):
            at = rng.randrange(len(value) + 1)
            queue = [put(field, entry) for entry in value[:at]]
            queue.append(put_bytes(field.number, b"".join(payload(field, entry)[1] for entry in value[at:])))
        elif field.type == F.TYPE_MESSAGE:
            first, second = type(value)(), type(value)()
            if rng.random() < 0.5:
                for inner, inner_value in value.ListFields():
                    part = rng.choice([first, second])
                    if repeated(inner):
                        part = second
                        getattr(part, inner.name).extend(inner_value)
                    elif inner.type == F.TYPE_MESSAGE:
                        getattr(part, inner.name).CopyFrom(inner_value)
                    else:
                        setattr(part, inner.name, inner_value)
                queue = [put_bytes(field.number, odd(rng, part)) for part in (first, second)]
            else:
                queue = [put_bytes(field.number, odd(rng, value))]
        else:
            queue = [put(field, scalar(rng, field))] if rng.random() < 0.3 else []
            queue.append(put(field, value))
        queues.append(queue)
    out = bytearray()
    while queues:
        if rng.random() < 0.3:
            out += unknown(rng)
        queue = rng.choice(queues)
        out += queue.pop(0)
        queues = [queue for queue in queues if queue]
    return bytes(out)


# ---- odd JSON

def spelt_bytes(rng, field, value):
    if field.name in IDS:
        return value.hex().upper() if rng.random() < 0.5 else value.hex()
    text = (base64.b64encode if rng.random() < 0.5 else base64.urlsafe_b64encode)(value).decode()
    return text.rstrip("=") if rng.random() < 0.5 else text


def spelt_number(rng, field, value):
    if field.type == F.TYPE_DOUBLE:
        if value != value:
            return '"NaN"'
        if value in (float("inf"), float("-inf")):
            return '"Infinity"' if value > 0 else '"-Infinity"'
        text = repr(value)
    elif field.type == F.TYPE_ENUM and rng.random() < 0.5:
        return json.dumps(field.enum_type.values_by_number[value].name)
    else:
        text = str(value)
        form = rng.randrange(4) if value else 0
        text = [text, text + ".0", text + "e0", text + "00E-2"][form]
    return f'"{text}"' if rng.random() < 0.5 else text


def odd_json(rng, message):
    members = []
    for field, value in message.ListFields():
        def spelt(entry, field=field):
            if field.type == F.TYPE_MESSAGE:
                return odd_json(rng, entry)
            if field.type == F.TYPE_STRING:
                return json.dumps(entry, ensure_ascii=rng.random() < 0.5)
            if field.type == F.TYPE_BYTES:
                return json.dumps(spelt_bytes(rng, field, entry))
            if field.type == F.TYPE_BOOL:
                return "true" if entry else "false"
            return spelt_number(rng, field, entry)
        name = rng.choice([field.name, field.json_name])
        text = "[" + " ,".join(map(spelt, value)) + "]" if repeated(field) else spelt(value)
        members.append(f"{json.dumps(name)}:\n{text}")
    here = {field.name for field, _ in message.ListFields()}
    members += [f'"{field.json_name}":null' for field in message.DESCRIPTOR.fields if field.name not in here and rng.random() < 0.1]
    if rng.random() < 0.2:
        members.append('"fieldOfTomorrow":{"a":[1,{"b":null}]}')
    rng.shuffle(members)
    return "{" + ",".join(members) + "}"


def as_official_json(value, name=None):
    """OTLP's JSON with its ids as the general mapping of protobuf has them."""
    if isinstance(value, dict):
        return {key: as_official_json(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_official_json(inner) for inner in value]
    if name in {"traceId", "spanId", "parentSpanId"}:
        return base64.b64encode(bytes.fromhex(value)).decode()
    return value


# ---- questions

def ask(signal, form, body):
    print(signal, form, body.hex() or "-", flush=True)
    ask.last = line = sys.stdin.readline()
    words = line.split(maxsplit=2)
    return (bytes.fromhex(words[1].strip("-")), bytes.fromhex(words[2])) if words[0] == "ok" else None


def fixed(message):
    return message.SerializeToString(deterministic=True)


def check(rng, signal, export):
    original = fill(rng, export())
    for form, body in [
        ("pb", fixed(original)), ("pb", odd(rng, original)), ("json", odd_json(rng, original).encode()),
    ]:
        assert form == "json" or fixed_known(export, body) == fixed(original), "the test itself misspells"
        answer = ask(signal, form, body)
        assert answer, f"{ask.last!r}: {body!r}"
        assert fixed(export.FromString(answer[0])) == fixed(original), f"{form} is read as another message: {body!r}"
        written = json_format.ParseDict(as_official_json(json.loads(answer[1])), export())
        assert fixed(written) == fixed(original), f"JSON is another message: {answer[1]!r}"


def one_nan(message):
    """Replaces every NaN as the decoder does. The official library keeps its original bits."""
    for field, value in message.ListFields():
        if field.type == F.TYPE_MESSAGE:
            for inner in value if repeated(field) else [value]:
                one_nan(inner)
        elif field.type == F.TYPE_DOUBLE and repeated(field):
            value[:] = [float("nan") if entry != entry else entry for entry in value]
        elif field.type == F.TYPE_DOUBLE and value != value:
            setattr(message, field.name, float("nan"))


def fixed_known(export, body):
    message = export.FromString(body)
    message.DiscardUnknownFields()
    one_nan(message)
    return fixed(message)


def check_damaged(rng, signal, export):
    """What is no message to the one is none to the other; what is one is the same."""
    body = bytearray(odd(rng, fill(rng, export())))
    if not body:
        return
    for _ in range(rng.randrange(1, 3)):
        body[rng.randrange(len(body))] = rng.randrange(256)
    body = bytes(body[: rng.choice([len(body), rng.randrange(len(body) + 1)])])
    try:
        official = fixed_known(export, body)
    except DecodeError:
        official = None
    answer = ask(signal, "pb", body)
    ours = fixed(export.FromString(answer[0])) if answer else None
    assert ours == official, f"{ask.last[:80]!r}, the official library {'accepts' if official is not None else 'refuses'} {body.hex()}"


def main():
    seed, count, table = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    check_table(table)
    rng = random.Random(seed)
    for _ in range(count):
        for signal, export in EXPORTS.items():
            check(rng, signal, export)
            check_damaged(rng, signal, export)


main()

"""Writes a message as JSON in one of the many ways that mean the same. Ids are hexadecimal in OTLP, base64 in
protobuf's own mapping: each text is made for one of the two readers."""

import base64
import json
import math

from google.protobuf.descriptor import FieldDescriptor as F

IDS = {"trace_id", "span_id", "parent_span_id"}
WIDE = (F.TYPE_INT64, F.TYPE_UINT64, F.TYPE_FIXED64, F.TYPE_SFIXED64)


class Id(bytes):
    """An id, which the two readers spell differently."""


class Number(str):
    """A number, written exactly so."""


class Speller:
    """`oddity` is how likely each odd way of writing is, from 0 to 1."""

    def __init__(self, rng, oddity):
        self.rng, self.oddity = rng, oddity

    def odd(self):
        return self.rng.random() < self.oddity

    def message(self, message):
        """The message as a tree of plain values, `Id` and `Number`."""
        entries = []
        for field in message.DESCRIPTOR.fields:
            entries += self.field(message, field)
        if self.odd():
            entries += [(f"unknown{n}", self.anything()) for n in range(2)]
        if self.odd():
            self.rng.shuffle(entries)
        return dict(entries)

    def field(self, message, field):
        value, name = getattr(message, field.name), field.json_name
        present = len(value) > 0 if field.is_repeated else self.is_set(message, field, value)
        if not present:
            # Null is the default, and so is what is left out; of a list, so is an empty one.
            if field.is_repeated and self.odd():
                return [(name, self.rng.choice([None, []]))]
            if self.odd():
                return [(name, None)]
            may_be_written = field.type != F.TYPE_MESSAGE and not field.has_presence and not field.is_repeated
            return [(name, self.scalar(field, value))] if may_be_written and self.odd() else []
        if field.is_repeated:
            return [(name, [self.value(field, entry) for entry in value])]
        return [(name, self.value(field, value))]

    @staticmethod
    def is_set(message, field, value):
        if field.has_presence:
            return message.HasField(field.name)
        return value != field.default_value or (field.type == F.TYPE_DOUBLE and math.copysign(1, value) < 0)

    def value(self, field, value):
        return self.message(value) if field.type == F.TYPE_MESSAGE else self.scalar(field, value)

    def scalar(self, field, value):
        kind = field.type
        if field.name in IDS:
            return Id(value)
        if kind == F.TYPE_BYTES:
            return self.base64(value)
        if kind == F.TYPE_DOUBLE:
            return self.double(value)
        if kind == F.TYPE_ENUM:
            by_name = field.enum_type.values_by_number.get(value)
            return by_name.name if by_name and self.odd() else value
        if kind in (F.TYPE_STRING, F.TYPE_BOOL):
            return value
        return self.integer(value, kind in WIDE)

    def integer(self, value, usually_text):
        """As a number or as text; a whole number may also have a point or an exponent."""
        if self.odd() and abs(value) < 2**53:
            return Number(self.rng.choice([f"{value}.0", f"{value}e0", f"{value}.00E+0"]))
        return str(value) if usually_text != self.odd() else value

    def double(self, value):
        if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        written = repr(value)
        if self.odd():
            return written
        if value == int(value) and abs(value) < 2**53 and math.copysign(1, value) > 0 and self.odd():
            return int(value)
        return Number(written.replace("e", "E") if self.odd() else written)

    def base64(self, value):
        """Standard or for URLs, padded or not."""
        text = base64.b64encode(value).decode()
        if self.odd():
            text = text.replace("+", "-").replace("/", "_")
        return text.rstrip("=") if self.odd() else text

    def anything(self):
        return self.rng.choice([None, 7, "text", [], {}, [1, [2, {"a": None}]], {"key": {"stringValue": 9}}, 1e300, True])

    def text(self, tree, hexadecimal):
        """The tree as JSON text; the same randomness gives the same text."""
        if isinstance(tree, Number):
            return str(tree)
        if isinstance(tree, Id):
            return json.dumps(self.id(tree, hexadecimal))
        if isinstance(tree, dict):
            pairs = [f"{self.string(key)}{self.blank()}:{self.text(value, hexadecimal)}" for key, value in tree.items()]
            return "{" + f",{self.blank()}".join(pairs) + "}"
        if isinstance(tree, list):
            return "[" + ",".join(self.text(value, hexadecimal) + self.blank() for value in tree) + "]"
        return self.string(tree) if isinstance(tree, str) else json.dumps(tree)

    def id(self, value, hexadecimal):
        case = self.rng.choice([str.lower, str.upper]) if self.odd() else str.lower
        return case(value.hex()) if hexadecimal else base64.b64encode(value).decode()

    def string(self, text):
        return json.dumps(text, ensure_ascii=self.odd())

    def blank(self):
        return self.rng.choice([" ", "\n", "\t\r"]) if self.odd() else ""

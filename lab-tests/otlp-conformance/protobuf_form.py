"""Writes a message as protobuf in one of the many ways that mean the same: fields in any order, unknown ones
between, scalars given more than once, embedded messages in pieces, numbers packed or not, varints too long."""

import struct

from google.protobuf.descriptor import FieldDescriptor as F

VARINT, FIXED64, BYTES, START, END, FIXED32 = range(6)
WIRE = {
    F.TYPE_DOUBLE: FIXED64,
    F.TYPE_FIXED64: FIXED64,
    F.TYPE_SFIXED64: FIXED64,
    F.TYPE_FIXED32: FIXED32,
    F.TYPE_STRING: BYTES,
    F.TYPE_BYTES: BYTES,
    F.TYPE_MESSAGE: BYTES,
}


class Writer:
    """`oddity` is how likely each odd way of writing is, from 0 to 1."""

    def __init__(self, rng, oddity):
        self.rng, self.oddity = rng, oddity

    def odd(self):
        return self.rng.random() < self.oddity

    def message(self, message):
        return b"".join(self.chunks(message))

    def chunks(self, message):
        """The fields, each written; their order among equals is kept, all else is shuffled."""
        queues = [self.field(message, field) for field in message.DESCRIPTOR.fields if field.containing_oneof is None]
        queues += [self.oneof(message, group) for group in message.DESCRIPTOR.oneofs]
        queues = [queue for queue in queues if queue]
        while self.odd():
            queues.append([self.unknown(message.DESCRIPTOR)])
        if not self.odd():
            return [chunk for queue in queues for chunk in queue]
        merged = []
        while queues:
            queue = self.rng.choice(queues)
            merged.append(queue.pop(0))
            queues = [queue for queue in queues if queue]
        return merged

    def field(self, message, field):
        value = getattr(message, field.name)
        if field.is_repeated:
            return self.repeated(field, value)
        if field.type == F.TYPE_MESSAGE:
            return self.pieces(field, value) if message.HasField(field.name) else []
        is_set = value != field.default_value or (field.type == F.TYPE_DOUBLE and struct.pack("d", value) != bytes(8))
        if field.has_presence:
            is_set = message.HasField(field.name)
        if not is_set and not self.odd():
            return []
        if not is_set and field.has_presence:
            return []
        # Of a scalar that is given more than once, the last one counts.
        earlier = [self.one(field, self.decoy(field)) for _ in range(2) if self.odd()]
        return [*earlier, self.one(field, value)]

    def oneof(self, message, group):
        """The member that is set comes last; another one before it is forgotten."""
        chosen = message.WhichOneof(group.name)
        if chosen is None:
            return []
        chunks, others = [], [field for field in group.fields if field.name != chosen]
        if others and self.odd():
            other = self.rng.choice(others)
            chunks.append(self.one(other, self.decoy(other)))
        field = message.DESCRIPTOR.fields_by_name[chosen]
        value = getattr(message, chosen)
        if field.type == F.TYPE_MESSAGE:
            return chunks + self.pieces(field, value)
        return [*chunks, self.one(field, value)]

    def repeated(self, field, values):
        if field.message_type is not None or WIRE.get(field.type, VARINT) == BYTES:
            return [self.one(field, value) for value in values]
        chunks, values = [], list(values)
        while values:
            # Packed, in one piece as encoders do; or in several, some of them not packed.
            count = self.rng.randrange(1, len(values) + 1) if self.odd() else len(values)
            part, values = values[:count], values[count:]
            if self.odd():
                chunks += [self.one(field, value) for value in part]
            else:
                packed = b"".join(self.bare(field, value) for value in part)
                chunks.append(self.tag(field.number, BYTES) + self.varint(len(packed)) + packed)
        return chunks

    def pieces(self, field, message):
        """An embedded message; given in several pieces it is their sum."""
        chunks = self.chunks(message)
        if not self.odd():
            return [self.framed(field, b"".join(chunks))]
        cut = self.rng.randrange(len(chunks) + 1)
        return [self.framed(field, b"".join(part)) for part in (chunks[:cut], chunks[cut:])]

    def one(self, field, value):
        if field.type == F.TYPE_MESSAGE:
            return self.framed(field, self.message(value) if value is not None else b"")
        return self.tag(field.number, WIRE.get(field.type, VARINT)) + self.bare(field, value)

    def framed(self, field, body):
        return self.tag(field.number, BYTES) + self.varint(len(body)) + body

    def bare(self, field, value):
        kind = field.type
        if kind == F.TYPE_DOUBLE:
            return struct.pack("<d", value)
        if kind in (F.TYPE_FIXED64, F.TYPE_SFIXED64):
            return struct.pack("<Q", value % 2**64)
        if kind == F.TYPE_FIXED32:
            return struct.pack("<I", value)
        if kind in (F.TYPE_STRING, F.TYPE_BYTES):
            value = value.encode() if isinstance(value, str) else value
            return self.varint(len(value)) + value
        if kind in (F.TYPE_SINT32, F.TYPE_SINT64):
            return self.varint((value << 1 ^ value >> 63) % 2**64)
        return self.varint(int(value) % 2**64)

    def decoy(self, field):
        """Another value of this type; `None` is an empty message."""
        if field.type == F.TYPE_MESSAGE:
            return None
        if field.type == F.TYPE_STRING:
            return "decoy"
        if field.type == F.TYPE_BYTES:
            return b"decoy"
        return 1

    def unknown(self, descriptor):
        """A field that this message does not have, of any wire type; groups are old, and legal."""
        number = self.rng.choice([19, 100, 1000, 100_000, 2**29 - 1])
        assert number not in descriptor.fields_by_number
        kind = self.rng.choice([VARINT, FIXED64, BYTES, FIXED32, START])
        body = {
            VARINT: self.varint(self.rng.getrandbits(64)),
            FIXED64: self.rng.randbytes(8),
            BYTES: self.varint(5) + self.rng.randbytes(5),
            FIXED32: self.rng.randbytes(4),
            START: self.tag(1, VARINT) + self.varint(7) + self.tag(number, END),
        }[kind]
        return self.tag(number, kind) + body

    def tag(self, number, kind):
        return self.plain(number << 3 | kind)

    def varint(self, value):
        written = self.plain(value)
        # Zeros at the end say nothing, and are legal up to ten bytes; up to five in a length.
        if len(written) in (1, 2, 8) and self.odd():
            return written[:-1] + bytes([written[-1] | 0x80, 0x80, 0])
        return written

    @staticmethod
    def plain(value):
        out = bytearray()
        while value > 0x7F:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        out.append(value)
        return bytes(out)

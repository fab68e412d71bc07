"""Sends exports that the official protobuf package can read, written in every legal way, to a console, and
compares what the console then shows with what that package reads.

    conformance.py API_PORT OTLP_PORT SEED EXAMPLES [CASE]
"""

import json
import pathlib
import random
import sys

from google.protobuf import json_format
from google.protobuf.message import DecodeError

import plain
from console import Console
from json_form import Speller
from messages import EXPORTS, Generator
from protobuf_form import Writer
from searches import search_logs, search_traces

PROTOBUF, JSON = "application/x-protobuf", "application/json"
FAILED = pathlib.Path("target/otlp-conformance")


def written(rng, form, signal, message):
    """Media type and body of the message, and the message as the official package reads that body."""
    oddity = rng.choice([0, 0.1, 0.3, 0.5])
    if form == "protobuf":
        body = Writer(rng, oddity).message(message)
        return PROTOBUF, body, EXPORTS[signal].FromString(body)
    speller = Speller(rng, oddity)
    tree = speller.message(message)
    read = json_format.Parse(speller.text(tree, False), EXPORTS[signal](), ignore_unknown_fields=True)
    return JSON, speller.text(tree, True).encode(), read


def check(console, rng, form, signal, case, media, body, read):
    """One export, sent and read back."""
    status, answer = console.export(signal, media, body)
    assert status == 200, f"status {status}: {answer[:300]!r}"
    refused = json.loads(answer) if form == "json" else answer
    assert not refused, f"something was refused: {refused!r}"
    READ_BACK[signal](console, rng, case, read)


def check_damaged(console, rng, signal, body):
    """A body that is cut short is refused, if the official package cannot read it either; one with other bytes in
    it gets an answer, whatever it is."""
    at = rng.randrange(len(body) + 1)
    cut = body[:at]
    try:
        EXPORTS[signal].FromString(cut)
    except DecodeError:
        status, answer = console.export(signal, PROTOBUF, cut)
        assert status == 400, f"status {status}, cut short: {cut.hex()}"
    other = cut + rng.randbytes(rng.randrange(4)) + body[at + rng.randrange(3) :]
    status, answer = console.export(signal, PROTOBUF, other)
    assert status in (200, 400), f"status {status}: {other.hex()}"


def traces(console, rng, case, read):
    wanted = plain.spans(read)
    if wanted:
        trace = next(iter(wanted.values()))[-1]["trace_id"]
        compare(wanted, plain.traces_data(console.get(f"/api/traces/{trace}")))
        search_traces(console, rng, read, trace)


def logs(console, rng, case, read):
    wanted = plain.log_lines(read)
    if not wanted:
        return
    trace = next(iter(wanted.values()))["trace_id"]
    shown = {line["span_id"]: line for line in console.get("/api/logs", trace_id=trace, limit=500)["logs"]}
    for span, line in wanted.items():
        seen = shown.get(span, {})
        severity = line.pop("severity_number")
        if severity:
            line["severity"] = plain.SEVERITIES[(severity - 1) // 4]
        # What a line does not have may be left out of the answer.
        seen = {key: seen.get(key) or line[key] if line[key] in ("", None) else seen.get(key) for key in line}
        seen["body"] = plain.shown_body(line["body"], seen["body"] or "")
        shown[span] = seen
    compare(wanted, shown)
    search_logs(console, rng, wanted, trace)


def metrics(console, rng, case, read):
    compare(plain.points(read), plain.metrics_data(console.get("/api/metrics", name=f"m-{case}-")))


READ_BACK = {"traces": traces, "logs": logs, "metrics": metrics}


def compare(wanted, shown):
    assert wanted.keys() == shown.keys(), f"there are {sorted(shown)}, not {sorted(wanted)}"
    for key in wanted:
        assert wanted[key] == shown[key], f"{key}: {difference(wanted[key], shown[key])}"


def difference(wanted, shown, path=""):
    """The first place where two trees differ."""
    if isinstance(wanted, dict) and isinstance(shown, dict):
        for key in wanted.keys() | shown.keys():
            if wanted.get(key) != shown.get(key):
                return difference(wanted.get(key), shown.get(key), f"{path}.{key}")
    if isinstance(wanted, (list, tuple)) and isinstance(shown, (list, tuple)) and len(wanted) == len(shown):
        for index, pair in enumerate(zip(wanted, shown)):
            if pair[0] != pair[1]:
                return difference(*pair, f"{path}[{index}]")
    return f"at {path or 'the top'}: wanted {wanted!r}, shown {shown!r}"


def main():
    api_port, otlp_port, seed, examples = (int(number) for number in sys.argv[1:5])
    only = sys.argv[5] if len(sys.argv) > 5 else None
    console, failed, sent = Console(api_port, otlp_port), {}, 0
    for number in range(examples):
        for form in ("protobuf", "json"):
            for signal in EXPORTS:
                name = f"{signal}-{form}-{number}"
                if only not in (None, name):
                    continue
                # Ids differ between runs too: a console may be asked again.
                case = base36(random.Random(f"{seed}-{name}").getrandbits(62))
                sent += 1
                rng = random.Random(f"{seed} {name}")
                message = Generator(rng, case, 1 + number * 4 // examples).export(signal)
                media, body, read = written(rng, form, signal, message)
                try:
                    check(console, rng, form, signal, case, media, body, read)
                    if form == "protobuf":
                        check_damaged(console, rng, signal, body)
                except (AssertionError, ValueError, KeyError, TypeError, json_format.ParseError) as error:
                    failed.setdefault(f"{signal}-{form}", []).append(f"CASE={name}: {type(error).__name__}: {error}"[:700])
                    (FAILED / name).write_bytes(body)
    for errors in failed.values():
        print("\n".join(errors[: 3 if only is None else 9]))
    count = sum(map(len, failed.values()))
    print(f"seed {seed}: {sent - count} passed, {count} failed", {name: len(errors) for name, errors in failed.items()} or "")
    sys.exit(count > 0)


def base36(number):
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


main()

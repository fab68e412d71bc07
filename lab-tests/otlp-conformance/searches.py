"""Whatever an export says can be searched for by it."""

MAX_PARAMETER_BYTES = 512


def usable(text):
    """Whether a text can be a query's value."""
    return isinstance(text, str) and 0 < len(text.encode()) < MAX_PARAMETER_BYTES // 2


def search_traces(console, rng, read, trace):
    """Each filter of the list finds the trace by something that one of its spans says."""
    found = lambda **query: any(entry["trace_id"] == trace for entry in console.get("/api/traces", limit=500, **query)["traces"])
    spans = [span for resource in read.resource_spans for scope in resource.scope_spans for span in scope.spans]
    failed = any(span.status.code == 2 for span in spans)
    assert found(status="error" if failed else "ok"), "not found by its status"
    assert not found(status="ok" if failed else "error"), "found by another status"
    span = rng.choice(spans)
    name = span.name.rstrip("x")
    if usable(name):
        assert found(name=name), f"not found by the name {name!r}"
    for pair in span.attributes:
        text = attribute_text(pair.value)
        if usable(text) and usable(pair.key) and "=" not in pair.key and pair.key != "waybill.job.id":
            assert found(attribute=f"{pair.key}={text}"), f"not found by the attribute {pair.key!r}={text!r}"
        if pair.key == "waybill.job.id":
            assert found(job=text), f"not found by the job {text}"
    assert not found(attribute="no.such.attribute=1"), "found by an attribute that it does not have"


def attribute_text(value):
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "bool_value":
        return str(value.bool_value).lower()
    return str(value.int_value) if kind == "int_value" else None


def search_logs(console, rng, wanted, trace):
    """Each filter of the list finds a line by what it says."""
    found = lambda **query: {line["span_id"] for line in console.get("/api/logs", limit=500, trace_id=trace, **query)["logs"]}
    span, line = rng.choice(list(wanted.items()))
    assert span in found(service=line["service"]), "not found by its service"
    if usable(line["body"]):
        assert span in found(contains=line["body"]), f"not found by its body {line['body']!r}"
    if line.get("severity"):
        assert span in found(severity=line["severity"]), f"not found by its severity {line['severity']}"
    job = line["attributes"].get("waybill.job.id")
    if job:
        assert span in found(job=job), f"not found by the job {job}"

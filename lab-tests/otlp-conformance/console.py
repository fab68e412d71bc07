"""A console over HTTP: exports go in, its JSON API tells what it has."""

import http.client
import json
from urllib.parse import urlencode

LIMIT_SECONDS = 30


class Console:
    def __init__(self, api_port, otlp_port):
        self.api = http.client.HTTPConnection("127.0.0.1", api_port, timeout=LIMIT_SECONDS)
        self.otlp = http.client.HTTPConnection("127.0.0.1", otlp_port, timeout=LIMIT_SECONDS)

    def export(self, signal, media, body):
        """Sends an export; answers status and body."""
        self.otlp.request("POST", f"/v1/{signal}", body, {"content-type": media})
        answer = self.otlp.getresponse()
        return answer.status, answer.read()

    def get(self, path, **query):
        """The JSON at this path."""
        self.api.request("GET", f"{path}?{urlencode(query)}")
        answer = self.api.getresponse()
        body = answer.read()
        assert answer.status == 200, f"{path} {query}: {answer.status} {body[:300]}"
        return json.loads(body)

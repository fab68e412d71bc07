"""Whether a description is valid OpenAPI 3.1, by the standard's own schema."""

import json
import sys
import urllib.request

from openapi_spec_validator import validate

with urllib.request.urlopen(sys.argv[1], timeout=10) as answer:
    description = json.load(answer)
assert description["openapi"].startswith("3.1"), description["openapi"]
validate(description)
print(f"valid OpenAPI {description['openapi']}: {len(description['paths'])} paths")

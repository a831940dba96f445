"""Print the OpenAPI document: ``python -m app.contract > openapi/openapi.json``."""

import json
import sys

from app.main import create_app
from app.settings import Settings


def contract() -> str:
    """Return the OpenAPI document of the application as indented JSON."""
    return json.dumps(create_app(Settings()).openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(contract())

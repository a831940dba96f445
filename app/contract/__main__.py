"""Prints the contract as it is committed: ``python -m app.contract > openapi/openapi.json``."""

import json
import sys

from app.main import create_app
from app.settings import Settings


def contract() -> str:
    """The OpenAPI document of the code, as text."""
    return json.dumps(create_app(Settings()).openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(contract())

"""Trials: request bodies and errors."""

from typing import Any

from tests.register import JOBCENTRES

_numbers = iter(range(1, 10_000))


def trial_body(**changes: Any) -> dict[str, Any]:
    """The least that creates a trial of PRVIJ; None leaves a field out."""
    body = {
        "id": f"made-{next(_numbers)}",
        "protocol": "prvij-2010-11",
        "title": "På rette vej – i job",
        "jobcentres": [dict(each) for each in JOBCENTRES],
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def errors_of(response: Any) -> set[tuple[str, str]]:
    """The faults of a 422, which is a problem document."""
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "malformed"
    return {(each["pointer"], each["code"]) for each in response.json()["errors"]}

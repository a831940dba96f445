"""Verification of a closed trial's draws from what the API publishes alone."""

from collections.abc import Iterator, Sequence
from typing import Any

import httpx

from app.domain.draw_verification import PublishedDraw, check_draws


def check_published_draws(url: str, trial: str, token: str) -> tuple[int, Sequence[str]]:
    """Recompute the draws; return their number and every fault.

    Raises LookupError if the trial is not closed or does not exist, httpx.HTTPError if the API does not respond.
    """
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        described = _get(client, f"/v1/trials/{trial}")
        if described["seed"] is None:
            raise LookupError("it is not closed, so its seed is not shown yet")
        protocol = _get(client, f"/v1/protocols/{described['protocol']}")
        draws = list(_draws(client, trial))
    limit = protocol["parameters"].get("imbalance_limit", {"value": 0})["value"]  # none where nothing is drawn
    seed = bytes.fromhex(described["seed"])
    return len(draws), check_draws(seed, described["seed_commitment"], trial, limit, draws)


def _draws(client: httpx.Client, trial: str) -> Iterator[PublishedDraw]:
    cursor: str | None = None
    while True:
        parameters = {"limit": "1000"} | ({"cursor": cursor} if cursor else {})
        page = _get(client, f"/v1/trials/{trial}/draws", parameters)
        for draw in page["items"]:
            yield PublishedDraw(draw["jobcentre"], draw["position"], draw["arm"])
        cursor = page["next"]
        if cursor is None:
            return


def _get(client: httpx.Client, path: str, parameters: dict[str, str] | None = None) -> Any:
    response = client.get(path, params=parameters)
    if response.is_error:
        raise LookupError(f"the API answered {response.status_code} for {path}")
    return response.json()

"""``python -m benchmarks.correction_requests``: does the time of a request for a number say whether it is known?

Requests 2,000 numbers that the trial knows (drawn here, drawn elsewhere, waiting here, former) and 2,000 that it does
not, in random order over one connection, and prints the area under the ROC curve: 0.5 says nothing (domain 3.4).
"""

import random
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

import httpx

from benchmarks.place import JOBCENTRES, empty_place

_OF_EACH = 2000
_PEOPLE = 40
_HERE, _ELSEWHERE = JOBCENTRES[:2]
_PATH = "/v1/trials/timing"


def new_numbers() -> Iterator[str]:
    """Yield synthetic numbers of people of 30 to 45 years, none twice, in random order."""
    numbers = [f"{day}{month:02d}{year}{serial}" for day in range(61, 89) for month in range(1, 13)
               for year in range(65, 80) for serial in (1111, 2222)]  # fmt: skip
    random.shuffle(numbers)
    yield from numbers


def screened(client: httpx.Client, trial: str, cpr: str, jobcentre: str, **changes: str) -> str:
    """Screen someone for the trial of an address. Returns the participant's id."""
    body = {
        "cpr": cpr,
        "jobcentre": jobcentre,
        "interview_on": "2010-11-08",
        "channel": "new_match",
        "at_job_interview": True,
        "match_group": 2,
        "benefit": "cash_benefit",
        "exempt_from": "none",
        **changes,
    }
    response = client.post(f"{trial}/participants", json=body).raise_for_status()
    participant_id: str = response.json()["participant_id"]
    return participant_id


def _known(client: httpx.Client, registrar: httpx.Client, numbers: Iterator[str]) -> list[str]:
    """Return numbers of each kind that the trial knows."""
    known = []
    waiting = {"channel": "supplement", "unemployed_since": "2010-10-01"}
    for _ in range(_PEOPLE):
        here, elsewhere, candidate, former, present = (next(numbers) for _ in range(5))
        screened(client, _PATH, here, _HERE)
        screened(client, _PATH, elsewhere, _ELSEWHERE)
        screened(client, _PATH, candidate, _HERE, **waiting)
        corrected = screened(client, _PATH, former, _HERE)
        path = f"{_PATH}/cpr-corrections/{request_number(client, _PATH, corrected, present)}"
        etag = registrar.get(path).raise_for_status().headers["etag"]
        decision = {"decision": "accepted", "reason": "document_seen"}
        registrar.post(f"{path}/decision", json=decision, headers={"If-Match": etag}).raise_for_status()
        known += [here, elsewhere, candidate, former]
    return known


def _request(client: httpx.Client, participant: str, cpr: str) -> httpx.Response:
    body = {"cpr": cpr, "reason": "typing_error"}
    return client.post(f"{_PATH}/participants/{participant}/cpr", json=body).raise_for_status()


def request_number(client: httpx.Client, trial: str, participant: str, cpr: str) -> str:
    """Request a number for a participant. Returns the id of the request."""
    response = client.post(f"{trial}/participants/{participant}/cpr", json={"cpr": cpr, "reason": "typing_error"})
    correction_id: str = response.raise_for_status().json()["correction_id"]
    return correction_id


def auc(first: list[float], second: list[float]) -> float:
    """Return the chance that a value of the first is greater than one of the second; ties count half."""
    ordered = sorted(second)
    wins = sum(bisect_left(ordered, value) + bisect_right(ordered, value) for value in first)
    return wins / (2 * len(first) * len(second))


def main() -> None:
    """Print the AUC, the medians, and whether status and shape were alike."""
    numbers = new_numbers()
    with empty_place() as place:
        place.new_trial("timing", 2)
        with place.client("case-system") as client, place.client("registrar") as registrar:
            known = _known(client, registrar, numbers)
            asking = [screened(client, _PATH, next(numbers), _HERE) for _ in range(_PEOPLE)]
            for participant in asking * 5:  # each measured request replaces one
                _request(client, participant, next(numbers))
            order = [True, False] * _OF_EACH
            random.shuffle(order)
            times: dict[bool, list[float]] = {True: [], False: []}
            shapes: set[object] = set()
            for index, is_known in enumerate(order):
                cpr = random.choice(known) if is_known else next(numbers)
                begun = time.perf_counter()
                response = _request(client, asking[index % _PEOPLE], cpr)
                times[is_known].append(time.perf_counter() - begun)
                shapes.add((response.status_code, tuple(response.json()), tuple(response.headers)))
    medians = {is_known: 1000 * sorted(values)[_OF_EACH // 2] for is_known, values in times.items()}
    print(f"AUC {auc(times[True], times[False]):.3f}, shapes {len(shapes)}, medians in ms {medians}")


if __name__ == "__main__":
    main()

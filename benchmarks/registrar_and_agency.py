"""``python -m benchmarks.registrar_and_agency``: can registrar and agency together tell the arm of a waiting request?

Draws 600 people in six jobcentres, of whom a register tells of most, and requests another number for 240 of them. The
registrar reads the requests, and the agency the panel. Prints how often they guess the arm by what the two have in
common (jobcentre, and whether an outcome is known), and how often by the arms' shares alone (domain 3.4).
"""

import json
import random
from collections import Counter, defaultdict

import httpx

from benchmarks.correction_requests import auc, new_numbers, request_number, screened
from benchmarks.place import JOBCENTRES, empty_place

_TRIAL = "together"
_PATH = f"/v1/trials/{_TRIAL}"
_PLACES, _EACH, _REQUESTS = JOBCENTRES[:6], 100, 240
_TOLD_OF = 0.85


def _panel(agency: httpx.Client) -> dict[tuple[str, bool], Counter[str]]:
    """Return the arms by jobcentre, and whether an outcome is known, as the agency reads them in the panel."""
    response = agency.get(
        f"{_PATH}/person-weeks", params={"purpose": "Attack"}, headers={"Accept": "application/x-ndjson"}
    ).raise_for_status()
    people: dict[str, tuple[str, str]] = {}
    told: set[str] = set()
    for row in map(json.loads, response.text.splitlines()):
        people[row["person"]] = (row["jobcentre"], row["arm"])
        if row["outcome_status"] is not None:
            told.add(row["person"])
    arms: dict[tuple[str, bool], Counter[str]] = defaultdict(Counter)
    for person, (jobcentre, arm) in people.items():
        arms[jobcentre, person in told][arm] += 1
    return arms


def _share(arms: Counter[str]) -> float:
    return arms["treatment"] / arms.total() if arms else 0.5


def _correct(chances: list[float], treated: list[bool]) -> float:
    """Return the expected share of right guesses of the likelier arm."""
    right = [0.5 if chance == 0.5 else float((chance > 0.5) == is_treated)
             for chance, is_treated in zip(chances, treated, strict=True)]  # fmt: skip
    return sum(right) / len(right)


def main() -> None:
    """Print the AUC and the share of right guesses, with what both read and with the shares alone."""
    numbers = new_numbers()
    with empty_place() as place:
        place.new_trial(_TRIAL, len(_PLACES))
        with place.client("case-system") as system, place.client("register") as register:
            cprs = {code: [next(numbers) for _ in range(_EACH)] for code in _PLACES}
            people = {cpr: screened(system, _PATH, cpr, code) for code in _PLACES for cpr in cprs[code]}
            told = [cpr for cpr in people if random.random() < _TOLD_OF]
            records = [{"external_id": f"o{n}", "cpr": cpr, "week": "2010-W50", "status": "benefit"}
                       for n, cpr in enumerate(told)]  # fmt: skip
            register.post(f"{_PATH}/outcomes/batch", json={"records": records}).raise_for_status()
            chosen = random.sample(sorted(people.values()), _REQUESTS)
            asked = {request_number(system, _PATH, each, next(numbers)): each for each in chosen}
            arm_of = {each: system.get(f"{_PATH}/participants/{each}").json()["arm"] for each in chosen}
        with place.client("registrar") as registrar:
            waiting = registrar.get(f"{_PATH}/cpr-corrections", params={"status": "waiting", "limit": 1000})
        with place.client("agency") as agency:
            arms = _panel(agency)
    together, alone, treated = [], [], []
    for item in waiting.raise_for_status().json()["items"]:
        code, (person,) = item["jobcentre"], item["people"]
        together.append(_share(arms[code, person["outcome_known"]]))
        alone.append(_share(arms[code, True] + arms[code, False]))
        treated.append(arm_of[asked[item["id"]]] == "treatment")
    for name, chances in (("both together", together), ("the arms' shares", alone)):
        of_treated = [chance for chance, is_treated in zip(chances, treated, strict=True) if is_treated]
        of_control = [chance for chance, is_treated in zip(chances, treated, strict=True) if not is_treated]
        print(f"{name}: AUC {auc(of_treated, of_control):.3f}, right {_correct(chances, treated):.3f}")


if __name__ == "__main__":
    main()

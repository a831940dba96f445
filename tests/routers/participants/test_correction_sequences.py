"""Random sequences of everything that touches numbers, in two jobcentres, against a model of the final truth (3.4)."""

import asyncio
from collections import Counter
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.cli.operations import erase_person
from app.domain.draw_verification import PublishedDraw, check_draws
from app.domain.facts import Activation, Conversation, History
from app.domain.figures.counts import count_people
from app.protocols import protocols
from tests.database import register_faults
from tests.register import Register, new_cpr
from tests.routers.participants.correction_model import Drawn, Model, Sent, Waiting
from tests.routers.participants.correction_place import Place
from tests.routers.records.single.common import FACTS
from tests.thorough import few_or_many

JOBCENTRES = ("849", "860")
ASSIGNED_ON = date(2010, 11, 8)
ENDS_ON = date(2012, 3, 31)
LAST_WEEK = date(2011, 1, 31)
REASONS = ("typing_error", "new_number")
STEPS = ["screen"] * 6 + ["request"] * 6 + ["decide"] * 6 + ["send"] * 4 + ["send_by_number"] * 4
STEPS += ["swap"] * 2 + ["look"] * 2 + ["cancel", "hand_over", "erase", "close"]


class Play:
    """Takes one step after another in the register and in the model."""

    def __init__(self, register: Register) -> None:
        self.register, self.model = register, Model()
        self.place = Place(register, register.new_trial(), register.case_system(client_id="system-0"))
        self.numbers = [new_cpr() for _ in range(9)]
        self.systems = 0
        self.seen: list[tuple[dict[str, Any], str]] = []
        """Reports as they were read, and their watermark."""

    def take(self, step: str, first: int, second: int, third: int) -> None:
        getattr(self, step)(first, second, third)

    def person(self, n: int) -> Drawn | None:
        present = [each for each in self.model.present() if not each.erased]
        return present[n % len(present)] if present else None

    def number(self, n: int) -> str:
        return self.numbers[n % len(self.numbers)]

    # --- steps ----------------------------------------------------------------------------------------------------

    def screen(self, first: int, second: int, _: int) -> None:
        number, jobcentre = self.number(first), JOBCENTRES[second % 2]
        body = self.register.screening(cpr=number, jobcentre=jobcentre)
        answer = self.place.system.post(f"{self.place.path}/participants", body)
        model = self.model
        reasons = model.is_bound(number), model.is_requested(number, jobcentre), model.closed
        drawn = answer.status_code == 201 and answer.json()["assignment"] is not None
        holders = [each for each in model.people if number in each.numbers]
        assert drawn == (not any(reasons)), (answer.text, reasons, holders, model.waiting)
        if drawn:
            value = answer.json()
            model.add(value["participant_id"], jobcentre, value["assignment"]["arm"], number)

    def request(self, first: int, second: int, third: int) -> None:
        person, number, reason = self.person(first), self.number(second), REASONS[third % 2]
        if person is None:
            return
        answer = self.place.request(person.participant_id, number, reason)
        if self.model.closed and reason == "typing_error":
            assert answer.json()["code"] == "trial_closed"
        elif number == person.number:
            assert answer.status_code == 200
        else:
            assert answer.status_code == 202, answer.text
            self.model.request(answer.json()["correction_id"], (person,), number, reason)

    def swap(self, first: int, second: int, _: int) -> None:
        one, other = self.person(first), self.person(second)
        if one is None or other is None or one is other:
            return
        answer = self.place.request_swap(one.participant_id, other.participant_id)
        if one.jobcentre != other.jobcentre:
            assert answer.status_code == 404
        elif self.model.closed:
            assert answer.json()["code"] == "trial_closed"
        else:
            assert answer.status_code == 202, answer.text
            self.model.request(answer.json()["correction_id"], (one, other), None, None)

    def cancel(self, first: int, _: int, __: int) -> None:
        person = self.person(first)
        if person is None:
            return
        answer = self.place.system.delete(f"{self.place.path}/participants/{person.participant_id}/cpr")
        waiting = [each for each in self.model.waiting if person in each.people]
        assert answer.status_code == (200 if waiting else 404)
        for each in waiting:
            self.model.waiting.remove(each)

    def decide(self, first: int, second: int, _: int) -> None:
        if not self.model.waiting:
            return
        waiting: Waiting = self.model.waiting[first % len(self.model.waiting)]
        decision = "refused" if second % 4 == 0 else "accepted"
        is_taken = decision == "accepted" and self.model.is_taken(waiting)
        answer = self.place.decide(waiting.correction_id, decision)
        if is_taken:
            assert answer.json()["code"] == "number_taken"
            return
        assert answer.status_code == 200, answer.text
        if decision == "accepted":
            self.model.accept(waiting)
        else:
            self.model.waiting.remove(waiting)

    def send(self, first: int, second: int, _: int) -> None:
        person = self.person(first)
        if person is not None:
            day = (ASSIGNED_ON + timedelta(days=7 + second % 60)).isoformat()
            sent = self.place.send(person.participant_id, date=day)
            self.model.records.append(Sent(sent, "conversations", person, None, day))

    def send_by_number(self, first: int, second: int, _: int) -> None:
        number = self.number(first)
        holder = self.model.holders.get(number)
        if holder is not None and holder.erased:
            return
        day = (ASSIGNED_ON + timedelta(days=second % 60)).isoformat()
        sent, report = self.place.deliver(number, "activations", starts_on=day)
        assert report["counts"]["created"] == int(holder is not None), report
        if holder is not None:
            self.model.records.append(Sent(sent, "activations", None, number, day))

    def look(self, _: int, __: int, ___: int) -> None:
        reports = self.reports()
        if reports["flow"]["watermark"] is not None:
            self.seen.append((reports, reports["flow"]["watermark"]))

    def reports(self, known_at: str | None = None) -> dict[str, Any]:
        """What no later correction may change of an earlier moment; near numbers are those of today."""
        agency, path = self.register.client("agency"), self.place.path
        flow = agency.get(f"{path}/flow", known_at=known_at).json()
        summary = agency.get(f"{path}/weekly-summary", week="2011-W05", by="trial", known_at=known_at or None).json()
        quality = agency.get(f"{path}/data-quality", known_at=known_at).json()
        return {
            "flow": flow,
            "summary": summary["items"],
            "signs": [each for each in quality["signs"] if each["code"] != "near_number"],
            "findings": [each for each in quality["items"] if each["code"] != "source_silent"],
        }

    def hand_over(self, _: int, __: int, ___: int) -> None:
        """Both jobcentres change their case system."""
        before, self.systems = f"system-{self.systems}", self.systems + 1
        for jobcentre in JOBCENTRES:
            body = {"jobcentre": jobcentre, "from_client": before, "to_client": f"system-{self.systems}"}
            answer = self.register.client("agency").post(f"{self.place.path}/handovers", body)
            assert answer.status_code == 200, answer.text
        self.place.system = self.register.case_system(client_id=f"system-{self.systems}")

    def erase(self, first: int, _: int, __: int) -> None:
        person = self.person(first)
        if person is None or sum(each.erased for each in self.model.people) == 2:
            return
        asyncio.run(erase_person(self.register.database_url, self.place.trial, UUID(person.participant_id), "operator"))
        person.erased = True
        self.model.waiting = [each for each in self.model.waiting if person not in each.people]

    def close(self, first: int, _: int, __: int) -> None:
        """Seldom, so that there is something to close."""
        if first % 4 == 0:
            closed = self.register.client("agency").post(f"{self.place.path}/close")
            assert closed.status_code == 200, closed.text
            self.model.closed = True
            self.model.waiting = []

    # --- the final truth ------------------------------------------------------------------------------------------

    def check(self) -> None:
        self.check_draws()
        self.check_people()
        self.check_records()
        self.check_figures()
        assert register_faults(self.register) == []
        for reports, watermark in self.seen:
            then = self.reports(watermark)
            for name, report in reports.items():
                assert then[name] == report, name

    def check_draws(self) -> None:
        agency = self.register.client("agency")
        trial = agency.post(f"{self.place.path}/close").json()
        self.model.closed, self.model.waiting = True, []
        draws = [PublishedDraw(each["jobcentre"], each["position"], each["arm"]) for each in self.place.draws()]
        assert len(draws) == len(self.model.people)
        seed = bytes.fromhex(trial["seed"])
        assert check_draws(seed, trial["seed_commitment"], self.place.trial, 3, draws) == []

    def check_people(self) -> None:
        for person in self.model.people:
            shown = self.place.shown(person.participant_id)
            governing = person.duplicate_of
            is_here = governing is not None and governing.jobcentre == person.jobcentre
            assert (shown["state"] == "duplicate") == (governing is not None)
            assert shown["duplicate_of"] == (governing.participant_id if governing is not None and is_here else None)
            assert shown["arm"] == person.arm
        for number in self.numbers:
            holder = self.model.holders.get(number)
            if holder is None or not holder.erased:
                assert self.place.look_up(number) == (None if holder is None else holder.participant_id)

    def check_records(self) -> None:
        """Every record has exactly one participant."""
        for kind in ("conversations", "activations"):
            listed = self.place.system.get(f"{self.place.path}/{kind}", limit=1000).json()["items"]
            standing = {each["external_id"]: each for each in listed}
            mine = [each for each in self.model.records if each.kind == kind]
            owners = {record.external_id: self.model.owner(record) for record in mine}
            told = {key: owner.participant_id for key, owner in owners.items() if owner is not None}
            assert {key: each["participant_id"] for key, each in standing.items()} == told
            assert len(listed) == len(standing)
            for external_id in owners.keys() - told.keys():
                shown = self.place.delivered(external_id, kind)
                assert (shown["retracted"], shown["retraction_reason"]) == (True, "wrong_person")

    def check_figures(self) -> None:
        parameters: dict[str, Any] = {"week": "2011-W05", "by": "jobcentre"}
        rows = self.register.client("agency").get(f"{self.place.path}/weekly-summary", **parameters).json()["items"]
        told = {
            (row["group"]["jobcentre"], row["arm"]): (
                row["participants"],
                row["cumulative"]["conversation_held"],
                row["cumulative"]["activated"],
            )
            for row in rows
        }
        assert {key: numbers for key, numbers in told.items() if any(numbers)} == self.reference()

    def reference(self) -> dict[tuple[str, str], tuple[int, int, int]]:
        """The figures of people who were only ever told the final truth."""
        histories: dict[tuple[str, str], list[History]] = {}
        for person in self.model.present():
            owned = [each for each in self.model.records if self.model.owner(each) is person]
            talks = [Conversation(**_fact(each, "date")) for each in owned if each.kind == "conversations"]
            offers = [Activation(**_fact(each, "starts_on")) for each in owned if each.kind == "activations"]
            history = History(
                ASSIGNED_ON,
                conversations=tuple(("system", each) for each in talks),
                activations=tuple(("register", each) for each in offers),
            )
            histories.setdefault((person.jobcentre, person.arm), []).append(history)
        return {key: _figures(people) for key, people in histories.items()}


def _fact(record: Sent, day: str) -> dict[str, Any]:
    return {**FACTS[record.kind], day: date.fromisoformat(record.day)}


def _figures(people: list[History]) -> tuple[int, int, int]:
    sums: Counter[str] = Counter()
    for monday, numbers in count_people(protocols()["prvij-2010-11"], ENDS_ON, people).items():
        if monday <= LAST_WEEK:
            sums.update({name: numbers[name] for name in ("conversation_held", "activated")})
    return len(people), sums["conversation_held"], sums["activated"]


@few_or_many(3)
def test_sequences_end_in_the_final_truth(register: Register, examples: int) -> None:
    """No number is drawn twice, positions and balance are the seed's, every record has one participant."""
    step = st.tuples(st.sampled_from(STEPS), *[st.integers(0, 10_000)] * 3)

    @settings(
        max_examples=max(3, examples // 10),  # each takes some eight seconds
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),  # an example takes seconds: shrinking it would take an hour
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.lists(step, min_size=25, max_size=60))
    def run(steps: list[tuple[str, int, int, int]]) -> None:
        play = Play(register)
        for each in steps:
            play.take(*each)
        play.check()

    run()

"""Enrolment through the API: screenings day by day, draws of candidates week by week (domain 3).

A few numbers are mistyped or swapped at the screening, or change later; a registrar decides each correction (domain
3.4). Everyone has the planned number before the next screening is sent, so that no share of the plan changes.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from random import Random
from typing import Any

from app.domain.rules.calendar import monday_of
from app.simulate.client import Actor, SimulationError
from app.simulate.model import Enrolled, OutcomeTally, PlannedScreening, Population

OUT_OF_TURN_SHARE = 0.3
"""Share of the weeks in which a jobcentre first requests the draw of the longest unemployed, and is refused."""

MISTYPED_SHARE, SWAPPED_SHARE, RENUMBERED_SHARE = 0.02, 0.1, 0.01
"""Shares of the people, but of ``SWAPPED_SHARE``: of those screened one after the other for interviews of one day."""


class EnrolmentPhase:
    """Screen a population into a trial; ``enrolled`` has those who were drawn."""

    def __init__(
        self, trial: str, seed: int, systems: Mapping[str, Actor], registrar: Actor, tally: OutcomeTally
    ) -> None:
        self._trial = f"/v1/trials/{trial}"
        self._people = f"{self._trial}/participants"
        self._registrar = registrar
        self._plain: set[int] = set()
        """Those whose number is sent as it is: it matters in several jobcentres, or they are screened already."""
        self._numbers: frozenset[str] = frozenset()
        self._seed = seed
        self._systems = systems
        self._tally = tally
        self._ids: dict[int, str] = {}
        self._seen: set[tuple[int, date]] = set()
        self._waiting: dict[str, list[PlannedScreening]] = defaultdict(list)
        self.enrolled: dict[int, Enrolled] = {}

    async def run(self, population: Population, progress: Callable[[date], None]) -> None:
        """Send every day's screenings, jobcentres concurrently; at the end of an ISO week draw its candidates."""
        senders: dict[int, set[str]] = defaultdict(set)
        for screening in population.screenings:
            senders[screening.person.index].add(screening.sender)
        self._plain = {index for index, several in senders.items() if len(several) > 1}
        self._numbers = frozenset(person.cpr for person in population.people)
        week: date | None = None
        for day, screenings in groupby(population.screenings, key=lambda screening: screening.sent_on):
            if week is not None and monday_of(day) != week:
                await self._end_week(week)
            week = monday_of(day)
            by_sender: dict[str, list[PlannedScreening]] = defaultdict(list)
            for screening in screenings:
                by_sender[screening.sender].append(screening)
            await asyncio.gather(*(self._screen_all(mine) for mine in by_sender.values()))
            progress(day)
        if week is not None:
            await self._end_week(week)
        for index, drawn in self.enrolled.items():
            if self._is_chosen("renumbered", index, RENUMBERED_SHARE):
                body = {"cpr": self._other_number(drawn.person.cpr, 2), "reason": "new_number"}
                await self._correct(drawn.jobcentre, drawn.participant_id, body)

    async def _screen_all(self, screenings: Sequence[PlannedScreening]) -> None:
        queue = [*reversed(screenings)]
        while queue:
            screening = queue.pop()
            index = screening.person.index
            if screening.only_if_waiting and index in self.enrolled:
                continue
            if not await self._is_new(screening):
                await self._screen(screening)
            elif self._is_chosen("mistyped", index, MISTYPED_SHARE):
                await self._screen(screening, self._other_number(screening.person.cpr, 1))
                await self._correct_number(screening)
            elif (
                queue
                and queue[-1].interview_on == screening.interview_on
                and queue[-1].person.index != index
                and self._is_chosen("swapped", index, SWAPPED_SHARE)
                and await self._is_new(queue[-1])
            ):
                other = queue.pop()
                await self._screen(screening, other.person.cpr)
                await self._screen(other, screening.person.cpr)
                swap = {"swap_with": self._ids[other.person.index]}
                await self._correct(screening.sender, self._ids[index], swap)
            else:
                await self._screen(screening)
            self._plain.add(index)

    # --- corrected numbers ----------------------------------------------------------------------------------------

    async def _is_new(self, screening: PlannedScreening) -> bool:
        """Return whether a person is screened for the first time, and drawn at once, in this and every earlier run."""
        planned = not screening.failures and not screening.conflicts and not screening.only_if_waiting
        if not planned or screening.person.index in self._plain or screening.body.get("channel") == "supplement":
            return False
        system, cpr = self._systems[screening.sender], {"cpr": screening.person.cpr}
        status, _ = await system.send("POST", f"{self._people}/lookup", cpr, accept=frozenset({200, 404}))
        return status == 404

    def _is_chosen(self, purpose: str, index: int, share: float) -> bool:
        return Random(f"{self._seed}/{purpose}/{index}").random() < share

    def _other_number(self, cpr: str, step: int) -> str:
        """Return a number that differs in one digit, of the same birth date and sex, that nobody has."""
        for place in (7, 8):
            number = f"{cpr[:place]}{(int(cpr[place]) + step) % 10}{cpr[place + 1 :]}"
            if number not in self._numbers:
                return number
        return cpr

    async def _correct_number(self, screening: PlannedScreening) -> None:
        body = {"cpr": screening.person.cpr, "reason": "typing_error"}
        await self._correct(screening.sender, self._ids[screening.person.index], body)

    async def _correct(self, sender: str, participant_id: str, body: Mapping[str, str]) -> None:
        """Request a correction, which the registrar accepts; nothing to do if an earlier run has."""
        path = f"{self._people}/{participant_id}/cpr"
        status, answer = await self._systems[sender].send("POST", path, body, accept=frozenset({200, 202}))
        if status == 200:
            return
        correction = f"{self._trial}/cpr-corrections/{answer['correction_id']}"
        decision = {"decision": "accepted", "reason": "register_confirms"}
        path, accept = f"{correction}/decision", frozenset({200, 412})
        for _ in range(20):
            if await self._registrar.send_if_match(path, correction, decision, accept=accept) == 200:
                return
        raise SimulationError(f"What {correction} rests on never stayed as it was.")

    # --- screenings and draws -------------------------------------------------------------------------------------

    async def _screen(self, screening: PlannedScreening, cpr: str | None = None) -> None:
        """Send a screening, under another number if one is given."""
        system, person = self._systems[screening.sender], screening.person
        body = {**screening.body, "cpr": cpr or person.cpr}
        status, answer = await system.send("POST", self._people, body, accept=frozenset({200, 201, 409}))
        self._tally.screened.add(person.index)
        if status == 409:
            await self._conflict(screening, answer)
            return
        failures = frozenset(failure["code"] for failure in answer["failures"])
        if (person.index, screening.interview_on) not in self._seen:
            self._seen.add((person.index, screening.interview_on))
            self._tally.failures.update(failures)
        if failures != screening.failures or answer["eligible"] == bool(failures) or screening.conflicts:
            self._tally.unexpected[f"screening: {', '.join(sorted(failures)) or 'eligible'}"] += 1
        if not answer["eligible"]:
            return
        self._tally.eligible.add(person.index)
        self._ids[person.index] = answer["participant_id"]
        if answer["assignment"] is not None:
            self._enrol(screening, answer["assignment"])
        elif person.index not in {candidate.person.index for candidate in self._waiting[screening.sender]}:
            self._waiting[screening.sender].append(screening)

    async def _conflict(self, screening: PlannedScreening, answer: Mapping[str, Any]) -> None:
        """Handle 409: other facts of a participant, or an old screening when a trial is played a second time."""
        code, index = answer.get("code"), screening.person.index
        if screening.conflicts and code == "already_drawn":
            self._tally.refused_draws["already_drawn"] += 1
            return
        self._tally.unexpected[f"screening: {code}"] += 1
        system = self._systems[screening.sender]
        cpr = {"cpr": screening.person.cpr}
        status, participant = await system.send("POST", f"{self._people}/lookup", cpr, accept=frozenset({200, 404}))
        if status == 404 or index in self.enrolled:
            return
        self._ids[index] = participant["participant_id"]
        path = f"{self._people}/{participant['participant_id']}/assignment"
        status, assignment = await system.send("GET", path, accept=frozenset({200, 404}))
        if status == 200:
            self._tally.eligible.add(index)
            self._enrol(screening, assignment)

    def _enrol(self, screening: PlannedScreening, assignment: Mapping[str, Any]) -> None:
        person = screening.person
        assigned_on = date.fromisoformat(assignment["assigned_on"])
        group = screening.body.get("target_group")
        drawn = Enrolled(
            person,
            self._ids[person.index],
            screening.sender,
            assignment["arm"],
            assigned_on,
            group if isinstance(group, int) else None,
        )
        if self.enrolled.setdefault(person.index, drawn) != drawn:
            self._tally.unexpected["assignment: not the same as before"] += 1

    async def _end_week(self, week: date) -> None:
        await asyncio.gather(*(self._draw_candidates(code, week) for code in list(self._waiting)))

    async def _draw_candidates(self, code: str, week: date) -> None:
        """Withdraw some candidates of a jobcentre's week and draw the others, shortest unemployment first."""
        before = self._waiting[code]
        self._waiting[code] = [candidate for candidate in before if candidate.interview_on >= week + timedelta(days=7)]
        system, mine = (
            self._systems[code],
            [candidate for candidate in before if candidate.interview_on < week + timedelta(days=7)],
        )
        for candidate in [candidate for candidate in mine if candidate.withdrawal is not None]:
            path = f"{self._people}/{self._ids[candidate.person.index]}/withdrawal"
            accept = frozenset({200, 201, 204, 409})
            status, _ = await system.send("POST", path, {"reason": candidate.withdrawal}, accept=accept)
            self._tally.unexpected.update(["withdrawal: refused"] if status == 409 else [])
            self._tally.withdrawn += 1
            mine.remove(candidate)
        mine.sort(key=lambda candidate: str(candidate.body["unemployed_since"]), reverse=True)
        out_of_turn = len(mine) > 1 and Random(f"{self._seed}/{code}/{week}").random() < OUT_OF_TURN_SHARE
        if out_of_turn and await self._draw(system, mine[-1]):
            self._tally.unexpected["draw: out of turn"] += 1
        for candidate in mine:
            await self._draw(system, candidate)

    async def _draw(self, system: Actor, candidate: PlannedScreening) -> bool:
        """Draw a candidate; return whether this request drew the person."""
        path = f"{self._people}/{self._ids[candidate.person.index]}/assignment"
        status, answer = await system.send("POST", path, accept=frozenset({200, 201, 409}))
        if status == 409:
            self._tally.refused_draws[answer["code"]] += 1
            return False
        self._enrol(candidate, answer)
        return status == 201

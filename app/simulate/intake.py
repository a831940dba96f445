"""Enrolment through the API: screenings day by day, draws of candidates week by week (domain 3)."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from random import Random
from typing import Any

from app.domain.rules.calendar import monday_of
from app.simulate.client import Actor
from app.simulate.model import Enrolled, OutcomeTally, PlannedScreening, Population

OUT_OF_TURN_SHARE = 0.3
"""Share of the weeks in which a jobcentre first requests the draw of the longest unemployed, and is refused."""


class EnrolmentPhase:
    """Screen a population into a trial; ``enrolled`` has those who were drawn."""

    def __init__(self, trial: str, seed: int, systems: Mapping[str, Actor], tally: OutcomeTally) -> None:
        self._people = f"/v1/trials/{trial}/participants"
        self._seed = seed
        self._systems = systems
        self._tally = tally
        self._ids: dict[int, str] = {}
        self._seen: set[tuple[int, date]] = set()
        self._waiting: dict[str, list[PlannedScreening]] = defaultdict(list)
        self.enrolled: dict[int, Enrolled] = {}

    async def run(self, population: Population, progress: Callable[[date], None]) -> None:
        """Send every day's screenings, jobcentres concurrently; at the end of an ISO week draw its candidates."""
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

    async def _screen_all(self, screenings: Sequence[PlannedScreening]) -> None:
        for screening in screenings:
            if not screening.only_if_waiting or screening.person.index not in self.enrolled:
                await self._screen(screening)

    async def _screen(self, screening: PlannedScreening) -> None:
        system, person = self._systems[screening.sender], screening.person
        status, answer = await system.send(
            "POST", self._people, dict(screening.body), accept=frozenset({200, 201, 409})
        )
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

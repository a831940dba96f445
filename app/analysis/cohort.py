"""The people of a trial as arrays, one place a person: what the effect analysis computes with."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from app.analysis.differences import FloatArray
from app.domain.figures.disclosure_control import hidden_cells
from app.domain.figures.outcomes import FollowUp
from app.domain.rules.draw import ARMS, Arm

Weekly = Literal["employment", "education", "hours", "accumulated_hours"]
WEEKLY: tuple[Weekly, ...] = ("employment", "education", "hours", "accumulated_hours")


@dataclass(frozen=True, slots=True)
class Cohort:
    """Everyone drawn in a trial. ``last_k`` is the last week since the assignment in which a person is followed, −1 for
    none; the two-dimensional arrays have a column a week."""

    jobcentres: FloatArray
    treated: FloatArray
    last_k: FloatArray
    told: FloatArray
    employment: FloatArray
    education: FloatArray
    hours: FloatArray
    """0 where they are untold: ``hours_told``."""
    hours_told: FloatArray
    days: FloatArray
    """To the first exit to a job or education, or of observation."""
    exited: FloatArray
    best: FloatArray
    """The best criterion of everyone; an empty text of whoever has reached none."""
    best_by: FloatArray
    """By what: the jobcentre's records, a register's, or both."""
    outcomes_until: date | None
    """The Monday of the last week that anybody's outcome was delivered for: all are followed up to it."""

    @classmethod
    def of(cls, people: Sequence[FollowUp]) -> "Cohort":
        """The arrays of everyone."""
        import numpy as np  # noqa: PLC0415 - see the package

        recorded = [(each, k) for each in people for k, lived in each.weeks.items() if lived.status is not None]
        until = max((each.first_monday + timedelta(weeks=k) for each, k in recorded), default=None)
        last = [-1 if until is None else max((until - each.first_monday).days // 7, -1) for each in people]
        weeks = max(last, default=-1) + 1
        told, employment, education, hours_told = (np.zeros((len(people), weeks), bool) for _ in range(4))
        hours = np.zeros((len(people), weeks))
        for place, each in enumerate(people):
            for k, lived in each.weeks.items():
                if k > last[place]:  # of the dead more is told than anybody is followed
                    continue
                told[place, k], hours_told[place, k] = True, lived.hours is not None
                employment[place, k], education[place, k] = lived.employed, lived.in_education
                hours[place, k] = float(lived.hours or 0)
        exits = [each.days_to_exit for each in people]
        return cls(
            jobcentres=np.array([each.jobcentre for each in people], dtype=str),
            treated=np.array([each.arm == "treatment" for each in people], dtype=bool),
            last_k=np.array(last, dtype=int),
            told=told,
            employment=employment,
            education=education,
            hours=hours,
            hours_told=hours_told,
            days=np.array(
                [each.days_observed if gone is None else gone for each, gone in zip(people, exits, strict=True)], int
            ),
            exited=np.array([gone is not None for gone in exits], dtype=bool),
            best=np.array([each.best[0] if each.best else "" for each in people], dtype=str),
            best_by=np.array([each.best[1] if each.best else "" for each in people], dtype=str),
            outcomes_until=until,
        )

    @property
    def weeks(self) -> int:
        """How many weeks since the assignment anybody is followed in, the assignment week included."""
        return int(self.told.shape[1])

    def in_arm(self, arm: Arm) -> FloatArray:
        """Who was drawn to the arm."""
        return self.treated if arm == "treatment" else ~self.treated

    def values(self, outcome: Weekly, k: int) -> FloatArray:
        """Everyone's value of an outcome, k weeks since the assignment: 0 or 1, or hours."""
        if outcome == "hours":
            return self.hours[:, k]
        if outcome == "accumulated_hours":
            return self.hours[:, : k + 1].sum(axis=1)
        return (self.employment if outcome == "employment" else self.education)[:, k].astype(float)

    def untold(self, outcome: Weekly, k: int) -> FloatArray:
        """Of whom the outcome is not told (domain 5.1): no record, or an employed person's hours in none."""
        return ~(self.told if outcome in ("employment", "education") else self.hours_told)[:, k]


@dataclass(frozen=True, slots=True)
class Hidden:
    """The cells of a table of groups by jobcentre that may not be shown: in the trial's row, and in the jobcentres'."""

    trial: frozenset[str]
    jobcentres: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, groups: Iterable[tuple[str, str]]) -> "Hidden":
        """``groups``: everyone's jobcentre and group. Every row's total is known, and each shown cell of the trial."""
        counts, totals = Counter(groups), Counter[str]()
        for (_, group), n in counts.items():
            totals[group] += n
        trial = hidden_cells(totals, [list(totals)])
        rows = [[cell for cell in counts if cell[0] == code] for code in {cell[0] for cell in counts}]
        columns = [[cell for cell in counts if cell[1] == group] for group in totals if group not in trial]
        return cls(frozenset(trial), frozenset(hidden_cells(counts, rows + columns)))

    def at(self, jobcentre: str | None) -> frozenset[str]:
        """The hidden groups of the trial, or of a jobcentre."""
        if jobcentre is None:
            return self.trial
        return frozenset(group for code, group in self.jobcentres if code == jobcentre)


def by_arm(cohort: Cohort, groups: FloatArray, among: FloatArray) -> Mapping[Arm, Hidden]:
    """What is hidden of each arm, of the people ``among`` whom the table counts; ``groups`` has everyone's group."""
    found: dict[Arm, Hidden] = {}
    for arm in ARMS:
        mine = cohort.in_arm(arm) & among
        found[arm] = Hidden.of(zip(cohort.jobcentres[mine].tolist(), map(str, groups[mine].tolist()), strict=True))
    return found

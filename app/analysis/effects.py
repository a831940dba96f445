"""The effect analysis by intention to treat: everyone drawn, by the arm of the draw (domain 5 [E]).

Whoever is drawn counts in week k once it is over and outcomes were delivered for that calendar week, of anyone. People
of whom it is untold are in neither employment nor education, and are counted beside as ``missing`` [choice]: leaving
them out would compare those alone whom a register happens to know.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from app.analysis.cohort import WEEKLY, Cohort, Hidden, Weekly, by_arm
from app.analysis.differences import (
    FloatArray,
    Heterogeneity,
    Stratified,
    exact_p_value,
    heterogeneity,
    holm,
    stratified_difference,
    welch,
)
from app.analysis.survival import LogRank, exited_by, log_rank
from app.domain.figures.activity_curve import Difference, Share, newcombe
from app.domain.figures.outcomes import CRITERIA, Evidence, FollowUp
from app.domain.protocol import Criterion
from app.domain.rules.draw import ARMS, Arm

OutcomeMeasure = Literal["employment", "education", "hours", "accumulated_hours", "exit_to_job_or_education"]
SHARES: tuple[Weekly, ...] = ("employment", "education")
FEW_CLUSTERS = 40
"""Below this many jobcentres cluster-robust intervals tend to be too narrow (Angrist and Pischke 2009, chapter 8)."""
MISSING_LIMIT = 0.05
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class EffectCell:
    """Figure of one arm."""

    people: int
    """Everyone drawn to the arm whose follow-up reaches this week."""
    missing: int | None
    """People of whom the outcome is not told: they count as not having it. Null where it does not apply."""
    count: int | None
    """People with the outcome; for hours, people with any. Null if hidden."""
    mean: float | None
    """Share of people with the outcome, 0 to 1, or hours per person. Null if hidden or without people."""
    hidden: bool
    """Whether a group is smaller than `smallest_group`, or would reveal one that is."""


@dataclass(frozen=True, slots=True)
class RestsOn:
    """Number of people by what says that they reached a criterion."""

    jobcentre: int
    """The jobcentre's own records alone."""
    register: int
    """An outcome register alone."""
    both: int


@dataclass(frozen=True, slots=True)
class SuccessCell(EffectCell):
    """Figure of one arm, and what it rests on."""

    rests_on: RestsOn | None
    """Null if hidden, or where no criterion is reached."""


@dataclass(frozen=True, slots=True)
class EffectEstimate:
    """An outcome, k weeks since the assignment; the difference is None where an arm is empty or hidden."""

    k: int
    outcome: OutcomeMeasure
    arms: Mapping[Arm, EffectCell]
    difference: Difference | None


@dataclass(frozen=True, slots=True)
class JobcentreRow:
    """A share in one jobcentre, with the p-value of its difference alone, and adjusted for all the jobcentres'."""

    jobcentre: str
    outcome: OutcomeMeasure
    arms: Mapping[Arm, EffectCell]
    difference: Difference | None
    p_value: float | None
    p_adjusted: float | None


@dataclass(frozen=True, slots=True)
class SuccessRow:
    """A success criterion, or None for none of them: the people whose best outcome so far it is."""

    criterion: str | None
    arms: Mapping[Arm, SuccessCell]
    difference: Difference | None


@dataclass(frozen=True, slots=True)
class Effects:
    """The whole analysis. ``effects`` and what follows it are of the week ``after_weeks``."""

    outcomes_until: date | None
    after_weeks: int | None
    rows: Sequence[EffectEstimate]
    effects: Mapping[Weekly, Stratified | None]
    jobcentres: Sequence[JobcentreRow]
    heterogeneity: Mapping[Weekly, Heterogeneity | None]
    log_rank: LogRank | None
    success: Sequence[SuccessRow]
    warnings: Sequence[str]


def analyse(
    people: Sequence[FollowUp],
    jobcentre: str | None,
    after_weeks: int | None,
    criteria: Sequence[Criterion] = CRITERIA,
) -> Effects:
    """The effects in a trial, or in one jobcentre of it. ``people`` are always everyone of the trial: what of a
    jobcentre may be shown depends on what is shown of the others.

    ``criteria`` are the protocol's. ``after_weeks`` None: the last week in which everyone shown is followed.
    """
    cohort = Cohort.of(people)
    analysis = _Analysis(cohort, jobcentre, criteria)
    followed = cohort.last_k[analysis.shown]
    if after_weeks is None and len(followed) and followed.min() >= 0:
        after_weeks = int(followed.min())
    rows = [*analysis.weekly_rows(), *analysis.exit_rows()]
    at = [row for row in rows if row.k == after_weeks]
    open_outcomes = {row.outcome for row in at if row.difference is not None}
    effects = {outcome: analysis.effect(outcome, after_weeks, outcome in open_outcomes) for outcome in WEEKLY}
    table = [row for outcome in SHARES for row in analysis.by_jobcentre(outcome, after_weeks)]
    pairs = {outcome: analysis.pairs(outcome, after_weeks) for outcome in SHARES}
    return Effects(
        outcomes_until=cohort.outcomes_until,
        after_weeks=after_weeks,
        rows=rows,
        effects=effects,
        jobcentres=table,
        heterogeneity={
            outcome: heterogeneity(list(pairs[outcome].values())) if outcome in open_outcomes else None
            for outcome in SHARES
        },
        log_rank=analysis.log_rank(rows),
        success=list(analysis.success_rows()),
        warnings=_warnings(cohort, at, table, effects),
    )


def _warnings(
    cohort: Cohort,
    at: Sequence[EffectEstimate],
    table: Sequence[JobcentreRow],
    effects: Mapping[Weekly, Stratified | None],
) -> list[str]:
    """What whoever reads the figures must know. Codes."""
    found: list[str] = []
    if cohort.outcomes_until is None:
        found.append("no_outcomes")
    if any(cell.missing and cell.missing > MISSING_LIMIT * cell.people for row in at for cell in row.arms.values()):
        found.append("missing_outcomes")
    if len({row.jobcentre for row in table}) > 1:
        found.append("multiple_comparisons")
    if any(each and each.clustered and each.jobcentres < FEW_CLUSTERS for each in effects.values()):
        found.append("few_jobcentres")
    return found


class _Analysis:
    """The steps of one analysis. ``shown``: the people of the trial, or of the jobcentre."""

    def __init__(self, cohort: Cohort, jobcentre: str | None, criteria: Sequence[Criterion]) -> None:
        import numpy as np  # noqa: PLC0415 - see the package

        self.cohort, self.jobcentre, self.criteria = cohort, jobcentre, criteria
        everyone = np.ones(len(cohort.treated), dtype=bool)
        self.shown: FloatArray = everyone if jobcentre is None else cohort.jobcentres == jobcentre

    # --- by week

    def weekly_rows(self) -> Iterator[EffectEstimate]:
        """Employment, education and hours, week by week as long as anyone shown is followed."""
        last = self.cohort.last_k[self.shown]
        for k in range(int(last.max()) + 1 if len(last) else 0):
            for outcome in WEEKLY:
                yield self._row(outcome, k)

    def _row(self, outcome: Weekly, k: int) -> EffectEstimate:
        values, among = self.cohort.values(outcome, k), self.cohort.last_k >= k
        hidden = by_arm(self.cohort, values > 0, among)
        mine = {arm: among & self.shown & self.cohort.in_arm(arm) for arm in ARMS}
        cells = {
            arm: self._cell(values[mine[arm]], hidden[arm], self.jobcentre, self.cohort.untold(outcome, k)[mine[arm]])
            for arm in ARMS
        }
        difference = None
        if not any(cell.hidden for cell in cells.values()):
            if outcome in SHARES:
                difference = newcombe(*(_share(cells[arm]) for arm in ARMS))
            else:
                difference = welch(*(values[mine[arm]] for arm in ARMS))
        return EffectEstimate(k, outcome, cells, difference)

    @staticmethod
    def _cell(values: FloatArray, hidden: Hidden, jobcentre: str | None, untold: FloatArray) -> EffectCell:
        people, missing = len(values), int(untold.sum())
        if hidden.at(jobcentre):
            return EffectCell(people, missing, None, None, hidden=True)
        mean = float(values.mean()) if people else None
        return EffectCell(people, missing, int((values > 0).sum()), mean, hidden=False)

    def exit_rows(self) -> Iterator[EffectEstimate]:
        """The share that has found the way out to a job or education within 7·k days (1 − Kaplan–Meier)."""
        cohort = self.cohort
        observed = cohort.days[self.shown].max() // 7 + 1 if self.shown.any() else 0
        ks = range(int(observed))
        arms = {arm: self.shown & cohort.in_arm(arm) for arm in ARMS}
        shares = {
            arm: exited_by(cohort.days[mine], cohort.exited[mine], [7 * k for k in ks]) for arm, mine in arms.items()
        }
        for k in ks:
            out = cohort.exited & (cohort.days <= 7 * k)
            hidden = by_arm(cohort, out, cohort.last_k > -2)
            cells: dict[Arm, EffectCell] = {}
            for arm, mine in arms.items():
                closed, people = bool(hidden[arm].at(self.jobcentre)), int(mine.sum())
                share = shares[arm][k].share if people else None
                count = int(out[mine].sum())
                cells[arm] = EffectCell(people, None, None if closed else count, None if closed else share, closed)
            one, other = (shares[arm][k] for arm in ARMS)
            difference = None
            if all(cell.people and not cell.hidden for cell in cells.values()):
                half = _Z * float((one.standard_error**2 + other.standard_error**2) ** 0.5)
                estimate = one.share - other.share
                difference = Difference(estimate, estimate - half, estimate + half)
            yield EffectEstimate(k, "exit_to_job_or_education", cells, difference)

    def log_rank(self, rows: Sequence[EffectEstimate]) -> LogRank | None:
        """The test of the arms, unless the last row of exits is hidden."""
        exits = [row for row in rows if row.outcome == "exit_to_job_or_education"]
        if not exits or exits[-1].difference is None:
            return None
        cohort, mine = self.cohort, self.shown
        return log_rank(cohort.days[mine], cohort.exited[mine], cohort.treated[mine], cohort.jobcentres[mine])

    # --- at one week

    def effect(self, outcome: Weekly, k: int | None, shown: bool) -> Stratified | None:
        """The difference put together from the jobcentres; None where the arms' figures are hidden."""
        if k is None or k >= self.cohort.weeks or not shown:
            return None
        mine = self.shown & (self.cohort.last_k >= k)
        return stratified_difference(
            self.cohort.values(outcome, k)[mine], self.cohort.treated[mine], self.cohort.jobcentres[mine]
        )

    def pairs(self, outcome: Weekly, k: int | None) -> dict[str, tuple[Share, Share]]:
        """The shares of both arms in every jobcentre shown where neither is empty."""
        found: dict[str, tuple[Share, Share]] = {}
        if k is None or k >= self.cohort.weeks:
            return found
        values, among = self.cohort.values(outcome, k), self.shown & (self.cohort.last_k >= k)
        for code in sorted(set(self.cohort.jobcentres[among].tolist())):
            here = among & (self.cohort.jobcentres == code)
            one, other = (values[here & self.cohort.in_arm(arm)] for arm in ARMS)
            if len(one) and len(other):
                found[code] = Share(len(one), int(one.sum())), Share(len(other), int(other.sum()))
        return found

    def by_jobcentre(self, outcome: Weekly, k: int | None) -> Iterator[JobcentreRow]:
        """Each jobcentre's difference. All of them are compared at once, the hidden ones too: Holm counts them."""
        pairs = self.pairs(outcome, k)
        if k is None or not pairs:
            return
        values, untold, among = self.cohort.values(outcome, k), self.cohort.untold(outcome, k), self.cohort.last_k >= k
        hidden = by_arm(self.cohort, values > 0, among)
        p_values = {code: exact_p_value(*pair) or 0.0 for code, pair in pairs.items()}
        adjusted = dict(zip(pairs, holm(list(p_values.values())), strict=True))
        for code, pair in pairs.items():
            here = among & (self.cohort.jobcentres == code)
            cells = {
                arm: self._cell(
                    values[here & self.cohort.in_arm(arm)], hidden[arm], code, untold[here & self.cohort.in_arm(arm)]
                )
                for arm in ARMS
            }
            if any(cell.hidden for cell in cells.values()):
                yield JobcentreRow(code, outcome, cells, None, None, None)
            else:
                yield JobcentreRow(code, outcome, cells, newcombe(*pair), p_values[code], adjusted[code])

    # --- so far

    def success_rows(self) -> Iterator[SuccessRow]:
        """The criteria in their order, then none: by the best outcome of everyone shown so far."""
        import numpy as np  # noqa: PLC0415 - see the package

        everyone = self.cohort.last_k > -2
        hidden = by_arm(self.cohort, self.cohort.best, everyone)
        evidence = np.char.add(np.char.add(self.cohort.best, "/"), self.cohort.best_by)
        hidden_evidence = by_arm(self.cohort, evidence, everyone)
        for criterion in (*self.criteria, None):
            cells: dict[Arm, SuccessCell] = {}
            for arm in ARMS:
                mine = self.shown & self.cohort.in_arm(arm)
                reached, closed = mine & (self.cohort.best == (criterion or "")), hidden[arm].at(self.jobcentre)
                closed_evidence = {each.partition("/")[0] for each in hidden_evidence[arm].at(self.jobcentre)}
                rests_on = None if criterion in {None, *closed, *closed_evidence} else self._rests_on(reached)
                people, count = int(mine.sum()), int(reached.sum())
                if (criterion or "") in closed:
                    cells[arm] = SuccessCell(people, None, None, None, True, rests_on)
                else:
                    share = count / people if people else None
                    cells[arm] = SuccessCell(people, None, count, share, False, rests_on)
            difference = None
            if not any(cell.hidden for cell in cells.values()):
                difference = newcombe(*(_share(cells[arm]) for arm in ARMS))
            yield SuccessRow(criterion, cells, difference)

    def _rests_on(self, reached: FloatArray) -> RestsOn:
        return RestsOn(*(int((reached & (self.cohort.best_by == each)).sum()) for each in get_args(Evidence)))


def _share(cell: EffectCell) -> Share:
    return Share(cell.people, cell.count or 0)

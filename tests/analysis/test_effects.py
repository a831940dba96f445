"""The whole analysis on made-up people: by intention to treat, small groups hidden (domain 5; [E])."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import pytest

from app.analysis.effects import EffectEstimate, Effects, RestsOn, analyse
from app.domain.figures.activity_curve import Share, newcombe
from app.domain.figures.disclosure_control import SMALLEST_GROUP
from app.domain.figures.outcomes import Evidence, FollowUp, WeeklyOutcome
from app.domain.protocol import Criterion
from app.domain.rules.draw import ARMS, Arm

MONDAY = date(2010, 11, 8)
BENEFIT, EMPLOYED, EDUCATION = (
    WeeklyOutcome("benefit", Decimal(0)),
    WeeklyOutcome("employed", Decimal(20)),
    WeeklyOutcome("education", Decimal(0), in_education=True),
)


def person(arm: Arm, weeks: Iterable[WeeklyOutcome | None] = (), jobcentre: str = "849", **more: Any) -> FollowUp:
    values: dict[str, Any] = {"days_to_exit": None, "days_observed": 500, "best": None, "first_monday": MONDAY, **more}
    told = {k: lived for k, lived in enumerate(weeks) if lived is not None}
    return FollowUp(jobcentre=jobcentre, arm=arm, weeks=told, **values)


def row(effects: Effects, k: int, outcome: str) -> EffectEstimate:
    (found,) = [each for each in effects.rows if each.k == k and each.outcome == outcome]
    return found


def test_shares_and_hours_by_hand() -> None:
    """Everyone drawn is in the denominator; of whom nothing is told counts as not employed, and is missing."""
    people = [person("treatment", [BENEFIT, EMPLOYED]) for _ in range(6)]
    people += [person("treatment", [BENEFIT, EDUCATION]) for _ in range(5)]
    people += [person("treatment", [BENEFIT, None]) for _ in range(9)]
    people += [person("control", [BENEFIT, BENEFIT]) for _ in range(10)]
    people += [person("control", [EMPLOYED, EMPLOYED]) for _ in range(5)]
    effects = analyse(people, None, None)
    assert (effects.after_weeks, effects.outcomes_until) == (1, MONDAY + timedelta(weeks=1))
    employment = row(effects, 1, "employment")
    treatment, control = (employment.arms[arm] for arm in ARMS)
    assert (treatment.people, treatment.missing, treatment.count, treatment.mean) == (20, 9, 6, 0.3)
    assert (control.people, control.missing, control.count) == (15, 0, 5)
    assert employment.difference == newcombe(Share(20, 6), Share(15, 5))
    education = row(effects, 1, "education")
    assert (education.arms["treatment"].mean, education.arms["control"].mean) == (0.25, 0)
    assert row(effects, 1, "hours").arms["treatment"].mean == 6
    assert row(effects, 1, "accumulated_hours").arms["control"].mean == pytest.approx(40 / 3)
    assert effects.warnings == ["missing_outcomes"]


def test_people_are_followed_as_far_as_outcomes_were_delivered() -> None:
    """Someone drawn a week later is followed a week less; the default is the last week of everyone."""
    people = [person(arm, [BENEFIT] * 4) for arm in ARMS for _ in range(6)]
    people += [person(arm, [BENEFIT], first_monday=MONDAY + timedelta(weeks=1)) for arm in ARMS for _ in range(6)]
    effects = analyse(people, None, None)
    assert effects.after_weeks == 2
    assert [row(effects, k, "employment").arms["control"].people for k in range(4)] == [12, 12, 12, 6]
    assert row(effects, 2, "employment").arms["control"].missing == 6
    assert analyse(people, None, 3).after_weeks == 3
    assert analyse(people, None, 30).effects["employment"] is None


def test_a_group_too_small_is_hidden_with_its_difference() -> None:
    people = [person("treatment", [EMPLOYED]) for _ in range(4)] + [person("treatment", [BENEFIT]) for _ in range(20)]
    people += [person("control", [EMPLOYED]) for _ in range(5)] + [person("control", [BENEFIT]) for _ in range(20)]
    effects = analyse(people, None, None)
    for outcome in ("employment", "hours", "accumulated_hours"):
        found = row(effects, 0, outcome)
        hidden, shown = found.arms["treatment"], found.arms["control"]
        assert (hidden.people, hidden.count, hidden.mean, hidden.hidden) == (24, None, None, True)
        assert (shown.count, shown.hidden) == (5, False)
        assert found.difference is None
    assert effects.effects["employment"] is None
    assert row(effects, 0, "education").difference is not None


def random_people(seed: int, many: int = 600) -> list[FollowUp]:
    rng = Random(seed)
    statuses = [BENEFIT] * 12 + [EMPLOYED, EDUCATION, None]
    return [
        person(
            rng.choice(ARMS),
            [rng.choice(statuses) for _ in range(8)],
            rng.choice(["849", "860", "450", "370", "657"]),
            days_to_exit=rng.choice([None, None, None, rng.randrange(300)]),
            best=rng.choice([None, None, "job_or_education", "part_time_job", "workplace_activation"]),
        )
        for _ in range(many)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_no_hidden_cell_follows_from_the_trial_and_the_other_jobcentres(seed: int) -> None:
    """Whoever sees the trial's figures and those of every jobcentre is left with five people or more to tell apart."""
    people = random_people(seed, 300)
    codes = sorted({each.jobcentre for each in people})
    whole, parts = analyse(people, None, 5), {code: analyse(people, code, 5) for code in codes}
    some_hidden = 0
    for place, total in enumerate(whole.rows):
        for arm in ARMS:
            cells = [part.rows[place].arms[arm] for part in parts.values()]
            if any(part.rows[place].k != total.k for part in parts.values()):
                continue
            hidden = [cell for cell in cells if cell.hidden]
            some_hidden += len(hidden)
            trial = total.arms[arm]
            assert all(cell.count is None or cell.count == 0 or cell.count >= SMALLEST_GROUP for cell in cells)
            if hidden and trial.count is not None:
                rest = trial.count - sum(cell.count or 0 for cell in cells)
                assert len(hidden) >= 2
                assert rest >= SMALLEST_GROUP or rest == 0
    assert some_hidden


def test_a_jobcentre_is_shown_alike_in_the_trial_and_alone() -> None:
    people = random_people(1)
    table = {(each.jobcentre, each.outcome): each for each in analyse(people, None, 5).jobcentres}
    for code in ("849", "860"):
        alone = analyse(people, code, 5)
        for outcome in ("employment", "education"):
            found = table[code, outcome]
            assert found.arms == row(alone, 5, outcome).arms
            assert found.difference == row(alone, 5, outcome).difference
        assert {each.jobcentre for each in alone.jobcentres} == {code}
        assert "multiple_comparisons" not in alone.warnings


def test_the_pooled_difference_is_within_jobcentres() -> None:
    """Jobcentres differ in everything but the effect, which is 0: pooled it is 0, and not so without strata."""
    people = [
        person(arm, [EMPLOYED if n % 10 < tenths else BENEFIT], code)
        for code, tenths, sizes in (("849", 8, (100, 50)), ("860", 2, (50, 100)))
        for arm, size in zip(ARMS, sizes, strict=True)
        for n in range(size)
    ]
    effects = analyse(people, None, None)
    pooled, plain = effects.effects["employment"], row(effects, 0, "employment").difference
    assert pooled is not None
    assert plain is not None
    assert pooled.estimate == pytest.approx(0)
    assert plain.estimate == pytest.approx(90 / 150 - 60 / 150)
    assert effects.heterogeneity["employment"] is not None
    assert effects.warnings == ["multiple_comparisons", "few_jobcentres"]
    assert [each.p_adjusted for each in effects.jobcentres if each.outcome == "employment"] == [1, 1]


def test_exits_and_log_rank() -> None:
    people = [person("treatment", days_to_exit=7 * n) for n in range(1, 11)] + [person("treatment") for _ in range(10)]
    people += [person("control") for _ in range(20)]
    effects = analyse(people, None, None)
    assert (effects.outcomes_until, effects.after_weeks, effects.warnings) == (None, None, ["no_outcomes"])
    assert {each.outcome for each in effects.rows} == {"exit_to_job_or_education"}
    assert row(effects, 4, "exit_to_job_or_education").arms["treatment"].hidden
    tenth = row(effects, 10, "exit_to_job_or_education")
    assert tenth.arms["treatment"].count == 10
    assert tenth.arms["treatment"].mean == pytest.approx(0.5)
    assert (tenth.arms["control"].count, tenth.arms["control"].mean) == (0, 0)
    assert effects.log_rank is not None
    assert effects.log_rank.p_value < 0.001


def best(arm: Arm, criterion: Criterion | None, many: int, evidence: Evidence = "both") -> list[FollowUp]:
    found = None if criterion is None else (criterion, evidence)
    return [person(arm, best=found) for _ in range(many)]


def test_success_criteria_in_their_order() -> None:
    """[F] "Succeskriterier": a person stands once, by the best; a small group takes another one with it."""
    people = best("treatment", "job_or_education", 10) + best("treatment", "workplace_activation", 30)
    people += best("treatment", None, 10) + best("control", "job_or_education", 12) + best("control", None, 50)
    people += best("control", "part_time_job", 2)
    rows = analyse(people, None, None, ("job_or_education", "part_time_job", "workplace_activation")).success
    assert [each.criterion for each in rows] == ["job_or_education", "part_time_job", "workplace_activation", None]
    assert [each.arms["treatment"].count for each in rows] == [10, 0, 30, 10]
    assert [each.arms["control"].count for each in rows] == [None, None, 0, 50]
    assert rows[0].difference is None
    assert rows[2].difference == newcombe(Share(50, 30), Share(64, 0))


def test_what_success_rests_on() -> None:
    """Domain 5: each reached criterion says by what; small groups of it stay hidden, whatever the criterion's count."""
    people = best("treatment", "job_or_education", 12, "jobcentre") + best(
        "treatment", "job_or_education", 9, "register"
    )
    people += best("treatment", None, 40) + best("control", "job_or_education", 20)
    people += best("control", "job_or_education", 3, "register") + best("control", None, 30)
    first, *_, last = analyse(people, None, None, ("job_or_education", "part_time_job")).success
    assert first.arms["treatment"].rests_on == RestsOn(12, 9, 0)
    assert (first.arms["control"].count, first.arms["control"].rests_on) == (23, None)
    assert (last.criterion, last.arms["treatment"].rests_on) == (None, None)


def test_a_week_may_be_both_employed_and_in_education() -> None:
    """Domain 5: employed if any record says so, in education if any says so."""
    both = WeeklyOutcome("employed", Decimal(20), in_education=True)
    people = [person(arm, [BENEFIT, both]) for arm in ARMS for _ in range(8)]
    effects = analyse(people, None, 1)
    for outcome in ("employment", "education"):
        assert row(effects, 1, outcome).arms["treatment"].mean == 1


def test_hours_of_the_employed_may_be_untold() -> None:
    """Domain 5.1, "Told": of an employed person without hours in any record; of all others they are 0."""
    people = [person("treatment", [BENEFIT, WeeklyOutcome("employed", None)]) for _ in range(6)]
    people += [person("treatment", [BENEFIT, BENEFIT]) for _ in range(6)] + [person("control", [BENEFIT] * 2)] * 12
    effects = analyse(people, None, 1)
    assert row(effects, 1, "employment").arms["treatment"].missing == 0
    assert row(effects, 1, "hours").arms["treatment"].missing == 6
    assert row(effects, 1, "hours").arms["control"].missing == 0


def test_the_dead_are_told_and_open_no_week() -> None:
    """Domain 5.1: told from the week after their death on, without every outcome."""
    dead = WeeklyOutcome(None, Decimal(0))
    people = [person("treatment", [EMPLOYED, dead, dead, dead]) for _ in range(6)]
    people += [person(arm, [EMPLOYED, EMPLOYED]) for arm in ARMS for _ in range(6)]
    effects = analyse(people, None, None)
    assert (effects.after_weeks, effects.outcomes_until) == (1, MONDAY + timedelta(weeks=1))
    found = row(effects, 1, "employment").arms["treatment"]
    assert (found.people, found.missing, found.count) == (12, 0, 6)


def test_nobody_and_one_arm() -> None:
    assert analyse([], None, None).rows == []
    effects = analyse([person("treatment", [EMPLOYED] * 3) for _ in range(8)], None, None)
    found = row(effects, 2, "employment")
    assert (found.arms["treatment"].mean, found.arms["control"].mean, found.difference) == (1, None, None)
    assert (effects.effects["employment"], effects.log_rank, effects.jobcentres) == (None, None, [])


@pytest.mark.slow
def test_no_effect_is_rarely_found() -> None:
    """Under no effect one in twenty of the pooled p-values is below 0.05: 200 trials give 3 to 20 of them."""
    found = [analyse(random_people(seed, 400), None, 7).effects["hours"] for seed in range(200)]
    p_values = [each.stratified.p_value for each in found if each is not None]
    assert 3 <= int(np.sum(np.array(p_values, dtype=float) < 0.05)) <= 20

"""Activations of one person (domain 4.6): weeks at a workplace, in another offer, in none."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from app.simulate.course import SimulatedWeek
from app.simulate.jobcentres import ORDINARY_ACTIVATED, ORDINARY_WORKPLACE, SimulatedJobcentre
from app.simulate.model import Body
from app.simulate.scenarios import Scenario

MEAN_WEEKS = 9
TOO_FEW_HOURS = 0.025
"""Share of the offers under 10 hours a week without an accepted reason: present, but not active."""

WORKPLACE_TYPES = {
    "work_placement_private": 45,
    "work_placement_public": 33,
    "wage_subsidy_public": 7,
    "wage_subsidy_private": 7,
    "part_time_job": 8,
}
"""Weights: mostly work placements [E]."""

HOURS = (10, 12, 12.5, 15, 15, 18.5, 20, 20, 20, 22.2, 25, 25, 29.6, 30, 37)
FEW_HOURS = (3, 4, 5, 6, 7.4, 8, 9.75)
REDUCED = ("health", "health", "health", "gradual_start", "gradual_start", "care", "other")
AWAY_FROM_WORKPLACE = ("substance_abuse", "untreated_mental_illness", "untreated_mental_illness", "other")
INSUFFICIENT = ("cannot_get_up", "no_transport", "unstable")
AS_PLANNED, WITHOUT_PLAN = 0.6, 0.1
"""Shares of the activations that end on the planned day, and that have none."""
INTERRUPTIONS = {"illness": 40, "citizen_stopped": 25, "job": 15, "company_stopped": 12, "education": 3, "other": 5}
"""Weights of the reasons of those that end before."""
PREVENTIVE_KINDS = {
    "physical_training": 40,
    "psychologist": 20,
    "pain_management": 15,
    "depression_school": 12,
    "diet": 8,
    "other": 5,
}


@dataclass(slots=True)
class _Spell:
    """Consecutive weeks in one offer."""

    workplace: bool
    active: bool
    """Hours enough, or a reason for fewer (domain 4.6)."""
    weeks: list[SimulatedWeek] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OfferHistory:
    """Activations of a course, the Monday after its end (None: no end), and the first day at a workplace."""

    activations: tuple[Body, ...]
    complete_from: date | None
    workplace_from: date | None


def make_offers(
    rng: Random, scenario: Scenario, arm: str, jobcentre: SimulatedJobcentre, weeks: Sequence[SimulatedWeek]
) -> OfferHistory:
    """Generate the activations of a course. In each week due the shares are those of the arm."""
    spells, complete_from = _spells(rng, scenario, arm, jobcentre, weeks)
    companies = _Companies(jobcentre.code)
    activations: list[Body] = []
    for spell in spells:
        activations += _activations(rng, scenario, arm, spell, companies)
    starts = [date.fromisoformat(str(body["starts_on"])) for body in activations if body["type"] in WORKPLACE_TYPES]
    return OfferHistory(tuple(activations), complete_from, min(starts, default=None))


def _spells(
    rng: Random, scenario: Scenario, arm: str, jobcentre: SimulatedJobcentre, weeks: Sequence[SimulatedWeek]
) -> tuple[list[_Spell], date | None]:
    """Markov chain: in one week of nine the state is drawn again, so that every week has the same shares."""
    spells: list[_Spell] = []
    current: _Spell | None = None
    drawn = False
    meter, complete_from = 0, None
    first = scenario.offers_from
    start = rng.choice([*[first] * 7, *range(3, first)] if arm == "treatment" else [first] * 5 + [4])
    for week in weeks[1:]:
        complete = scenario.is_through(week.number, meter)
        if complete and complete_from is None:
            complete_from = week.monday
        if week.number is None or week.number < start or not week.offer_due:
            current, drawn = None, False
        elif not drawn or rng.random() < 1 / MEAN_WEEKS:
            current, drawn = _draw_state(rng, arm if not complete else "control", jobcentre), True
            if current is not None:
                spells.append(current)
        if current is not None:
            current.weeks.append(week)
        meter += current is not None and current.active and week.number is not None
    return spells, complete_from


def _draw_state(rng: Random, arm: str, jobcentre: SimulatedJobcentre) -> _Spell | None:
    activated, workplace = ORDINARY_ACTIVATED, ORDINARY_WORKPLACE
    if arm == "treatment":
        activated, workplace = jobcentre.activated, jobcentre.workplace
    luck = rng.random() * (1 - TOO_FEW_HOURS)
    return _Spell(luck < workplace, rng.random() >= TOO_FEW_HOURS) if luck < max(workplace, activated) else None


def add_details(rng: Random, activations: Sequence[Body]) -> tuple[Body, ...]:
    """Add planned last days, reasons of ending and kinds of preventive offers (domain 4.6, 6 [S])."""
    return tuple({**body, **_ending(rng, body), **_preventive_kind(rng, body)} for body in activations)


def _ending(rng: Random, body: Body) -> Body:
    luck, weeks = rng.random(), rng.randrange(1, 9)
    last = date.fromisoformat(str(body.get("ends_on", body["starts_on"])))
    later = {} if luck < WITHOUT_PLAN else {"planned_ends_on": (last + timedelta(weeks=weeks)).isoformat()}
    if "ends_on" not in body:
        return {**later}
    if luck < WITHOUT_PLAN + AS_PLANNED:
        return {"planned_ends_on": body["ends_on"], "ended_because": "as_planned"} if later else {}
    return {**later, "ended_because": rng.choices(list(INTERRUPTIONS), list(INTERRUPTIONS.values()))[0]}


def _preventive_kind(rng: Random, body: Body) -> Body:
    if body["type"] != "preventive_offer":
        return {}
    return {"preventive_kind": rng.choices(list(PREVENTIVE_KINDS), list(PREVENTIVE_KINDS.values()))[0]}


class _Companies:
    """Forty companies of a jobcentre, with P-numbers and CVR numbers that pass modulus 11."""

    def __init__(self, code: str) -> None:
        rng = Random(f"companies/{code}")
        self.all = [(make_cvr(rng), f"10{rng.randrange(10**8):08d}") for _ in range(40)]


def make_cvr(rng: Random) -> str:
    """Make a CVR number: 8 digits, the first not 0, weights 2 7 6 5 4 3 2 1, sum divisible by 11 (domain 7)."""
    while True:
        digits = [rng.randrange(1, 10), *(rng.randrange(10) for _ in range(6))]
        check = -sum(weight * digit for weight, digit in zip((2, 7, 6, 5, 4, 3, 2), digits, strict=True)) % 11
        if check < 10:
            return "".join(map(str, [*digits, check]))


def _activations(rng: Random, scenario: Scenario, arm: str, spell: _Spell, companies: _Companies) -> list[Body]:
    """Return one activation of a spell, or two concurrent ones whose hours together suffice."""
    first = rng.choice(spell.weeks[0].days[:3])
    last = max(first, spell.weeks[-1].monday + timedelta(days=rng.choice([4, 4, 4, 6, 3])))
    body: Body = {"starts_on": first.isoformat()}
    if last < scenario.ends_on - timedelta(days=3):
        body["ends_on"] = last.isoformat()
    if not spell.workplace:
        return [{**body, **_other_offer(rng, scenario), **_hours(rng, spell)}]
    offer = {**body, **_workplace(rng, arm, companies)}
    if spell.active and rng.random() < 0.04:
        return [{**offer, "hours_per_week": 6}, {**body, "type": "guidance_and_upskilling", "hours_per_week": 5.5}]
    return [{**offer, **_hours(rng, spell)}]


def _hours(rng: Random, spell: _Spell) -> Body:
    if not spell.active:
        return {"hours_per_week": rng.choice(FEW_HOURS)}
    if rng.random() < 0.12:
        return {"hours_per_week": rng.choice(FEW_HOURS), "reduced_hours_reason": rng.choice(REDUCED)}
    return {"hours_per_week": rng.choice(HOURS)}


def _other_offer(rng: Random, scenario: Scenario) -> Body:
    offer: Body = {"type": rng.choice(scenario.other_offers)}
    luck = rng.random()
    if luck < 0.6:
        offer["not_workplace_reason"] = rng.choice(AWAY_FROM_WORKPLACE)
    elif luck < 0.75:
        offer["not_workplace_reason"] = rng.choice(INSUFFICIENT)
    return offer


def _workplace(rng: Random, arm: str, companies: _Companies) -> Body:
    offer: Body = {"type": rng.choices(list(WORKPLACE_TYPES), list(WORKPLACE_TYPES.values()))[0]}
    luck = rng.random()
    if luck < (0.6 if arm == "treatment" else 0.2):
        offer["mentor"] = "assigned"
    elif luck < (0.85 if arm == "treatment" else 0.35):
        offer |= {"mentor": "waived", "mentor_waiver_reason": rng.choice(["no_purpose", "declined_by_participant"])}
    if rng.random() < 0.9:
        cvr_number, p_number = rng.choice(companies.all)
        offer["cvr_number"] = cvr_number
        if rng.random() < 0.6:
            offer["p_number"] = p_number
    if str(offer["type"]).startswith("work_placement") and rng.random() < 0.3:
        offer["company_centre"] = True
    return offer

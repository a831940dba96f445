"""Conversations of one person (domain 4.5): as many held as published, and those missed or not counting."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from app.simulate.course import SimulatedWeek
from app.simulate.jobcentres import ORDINARY_CONVERSATIONS, ORDINARY_REMOTE, SimulatedJobcentre
from app.simulate.model import Body
from app.simulate.offers import OfferHistory
from app.simulate.scenarios import Scenario

WHILE_EXEMPT, WHILE_AWAY, IN_ASSIGNMENT_WEEK = 0.06, 0.02, 0.05
"""Probabilities of a conversation in weeks that are not due: exempt, out of the trial, in the assignment week."""

EARLY_FOCUS = ("clarification", "motivation", "preparation")
LATER_FOCUS = ("follow_up", "retention", "progression", "transition_to_job")


@dataclass(frozen=True, slots=True)
class _Setting:
    """Parameters of a conversation. ``intense``: the effort of the trial. ``at_work``: a workplace has begun."""

    scenario: Scenario
    jobcentre: SimulatedJobcentre
    intense: bool
    early: bool
    at_work: bool


def make_conversations(
    rng: Random,
    scenario: Scenario,
    arm: str,
    jobcentre: SimulatedJobcentre,
    weeks: Sequence[SimulatedWeek],
    assigned_on: date,
    offers: OfferHistory,
) -> list[Body]:
    """Generate the conversations of a course, in the order of their weeks."""
    conversations: list[Body] = []
    for week in weeks:
        intense = arm == "treatment" and (offers.complete_from is None or week.monday < offers.complete_from)
        at_work = offers.workplace_from is not None and offers.workplace_from <= week.monday
        early = intense and week.number is not None and week.number <= scenario.in_person_weeks
        setting = _Setting(scenario, jobcentre, intense, early, at_work)
        days = [day for day in week.days if day > assigned_on]
        if week.number == 2 and rng.random() < 0.85:  # the course begins within a week of the draw
            days = [day for day in days if day <= assigned_on + timedelta(days=7)] or days
        if not days:
            continue
        if rng.random() < _chance(week, setting):
            conversations += _held(rng, days, setting)
        elif week.conversation_due:
            conversations += _missed(rng, days, setting)
    return conversations


def _chance(week: SimulatedWeek, setting: _Setting) -> float:
    """Return the probability of a counting conversation in the week."""
    if week.number == 1:
        return IN_ASSIGNMENT_WEEK
    if not week.conversation_due:
        return WHILE_EXEMPT if week.number is not None else WHILE_AWAY
    return (
        setting.scenario.conversations * setting.jobcentre.conversations if setting.intense else ORDINARY_CONVERSATIONS
    )


def _held(rng: Random, days: Sequence[date], setting: _Setting) -> list[Body]:
    """Generate a counting conversation; at times a missed one before it, or a second one."""
    conversations = [_conversation(rng, rng.choice(days), setting)]
    luck = rng.random()
    if luck < 0.04:
        conversations.insert(0, {"date": days[0].isoformat(), "status": "no_show"})
    elif luck < 0.07:
        conversations.append(_conversation(rng, rng.choice(days), setting))
    return conversations


def _missed(rng: Random, days: Sequence[date], setting: _Setting) -> list[Body]:
    """Generate what replaces a due conversation: mostly a no-show [E], at times one that does not count, or nothing."""
    day = rng.choice(days).isoformat()
    if not setting.intense and rng.random() < 0.9:
        return []
    luck = rng.random()
    if luck < 0.5:
        return [{"date": day, "status": "no_show"}]
    if luck < 0.65:
        return [{"date": day, "status": "cancelled", "form": rng.choice(["in_person", "telephone"])}]
    if luck < 0.73:
        return [{"date": day, "conducted_by": "mentor", "place": "company"}]
    if luck < 0.8:
        return [{"date": day, "form": rng.choice(["group", "industry_meeting"]), "place": "other"}]
    if luck < 0.86 and not setting.jobcentre.external_provider_talks:
        return [{"date": day, "conducted_by": "external_provider"}]
    return []


def _conversation(rng: Random, day: date, setting: _Setting) -> Body:
    """Generate a conversation that counts: held, in an accepted form, not by the mentor."""
    conversation: Body = {"date": day.isoformat()}
    scenario = setting.scenario
    if scenario.group_share and rng.random() < scenario.group_share:
        conversation["form"] = "group"
    elif rng.random() < _remote_share(setting):
        conversation["form"] = rng.choices(list(scenario.remote_forms), list(scenario.remote_forms.values()))[0]
        if rng.random() < (0.5 if setting.early else 0.08):
            conversation["remote_ground"] = rng.choice(["illness", "illness", "other_obstacle", "hospitalised"])
    if "form" in conversation and scenario.justified is not None and rng.random() < scenario.justified:
        conversation["justification"] = rng.choice(["small_job", "illness", "theme", "own_wish"])
    luck = rng.random()
    if setting.at_work and luck < 0.5:
        conversation["place"] = "company"
        if rng.random() < 0.3:
            conversation["mentor_present"] = True
    elif luck > 0.96:
        conversation["place"] = rng.choice(["home", "home", "company", "other"])
    conductor = _conductor(rng, setting)
    if conductor != "caseworker":
        conversation["conducted_by"] = conductor
    if rng.random() < (0.07 if setting.intense else 0.6):
        conversation["job_interview"] = True
    focus = LATER_FOCUS if setting.at_work else EARLY_FOCUS
    conversation["focus"] = rng.sample(focus, rng.choice([1, 1, 1, 2, 2, 3]))
    return conversation


def _remote_share(setting: _Setting) -> float:
    if setting.early:
        return 0.04
    return setting.jobcentre.remote if setting.intense else ORDINARY_REMOTE


def _conductor(rng: Random, setting: _Setting) -> str:
    """Choose who conducts. In Jammerbugt it was an external provider, in Herlev the company consultants [E]."""
    if setting.intense and setting.jobcentre.code == "849":
        return "external_provider"
    if setting.intense and setting.jobcentre.code == "163":
        return "company_consultant"
    weights = [70, 27, 3] if setting.at_work else [94, 4, 2]
    conductors = ["caseworker", "company_consultant", "external_provider"]
    if not setting.jobcentre.external_provider_talks:
        conductors[2] = "caseworker"
    return rng.choices(conductors, weights)[0]

"""Conversations of one person (domain 4.5): held as often as published, and the ones that came to nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from app.simulate.course import SimulatedWeek
from app.simulate.jobcentres import ORDINARY_REMOTE, ORDINARY_TALKS, SimulatedJobcentre
from app.simulate.model import Body
from app.simulate.offers import Offers
from app.simulate.scenarios import Scenario

WHILE_EXEMPT, WHILE_AWAY, IN_ASSIGNMENT_WEEK = 0.06, 0.02, 0.05
"""Chances of a talk in weeks that are not due: the person is exempt, is out of the trial, was drawn this very week."""

EARLY_FOCUS = ("clarification", "motivation", "preparation")
LATER_FOCUS = ("follow_up", "retention", "progression", "transition_to_job")


@dataclass(frozen=True, slots=True)
class _Setting:
    """What a talk depends on: who and where, whether the effort is the trial's, and whether a workplace has begun."""

    script: Scenario
    place: SimulatedJobcentre
    intense: bool
    early: bool
    at_work: bool


def make_talks(
    rng: Random,
    script: Scenario,
    arm: str,
    place: SimulatedJobcentre,
    weeks: Sequence[SimulatedWeek],
    assigned_on: date,
    offers: Offers,
) -> list[Body]:
    """The conversations of a course, in the order of their weeks."""
    talks: list[Body] = []
    for week in weeks:
        intense = arm == "treatment" and (offers.complete_from is None or week.monday < offers.complete_from)
        at_work = offers.workplace_from is not None and offers.workplace_from <= week.monday
        early = intense and week.number is not None and week.number <= script.in_person_weeks
        setting = _Setting(script, place, intense, early, at_work)
        days = [day for day in week.days if day > assigned_on]
        if week.number == 2 and rng.random() < 0.85:  # the course begins within a week of the draw
            days = [day for day in days if day <= assigned_on + timedelta(days=7)] or days
        if not days:
            continue
        if rng.random() < _chance(week, setting):
            talks += _held(rng, days, setting)
        elif week.talk_due:
            talks += _missed(rng, days, setting)
    return talks


def _chance(week: SimulatedWeek, setting: _Setting) -> float:
    """How likely a counting conversation is in the week."""
    if week.number == 1:
        return IN_ASSIGNMENT_WEEK
    if not week.talk_due:
        return WHILE_EXEMPT if week.number is not None else WHILE_AWAY
    return setting.script.talks * setting.place.talks if setting.intense else ORDINARY_TALKS


def _held(rng: Random, days: Sequence[date], setting: _Setting) -> list[Body]:
    """A counting conversation; now and then a missed one before it, or a second one."""
    talks = [_talk(rng, rng.choice(days), setting)]
    luck = rng.random()
    if luck < 0.04:
        talks.insert(0, {"date": days[0].isoformat(), "status": "no_show"})
    elif luck < 0.07:
        talks.append(_talk(rng, rng.choice(days), setting))
    return talks


def _missed(rng: Random, days: Sequence[date], setting: _Setting) -> list[Body]:
    """A week due without a counting conversation: mostly the person did not come [E]; some talks count for nothing."""
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
    return []


def _talk(rng: Random, day: date, setting: _Setting) -> Body:
    """A conversation that counts: held, in an accepted form, by someone other than the mentor."""
    talk: Body = {"date": day.isoformat()}
    script = setting.script
    if script.group_share and rng.random() < script.group_share:
        talk["form"] = "group"
    elif rng.random() < _remote_share(setting):
        talk["form"] = rng.choices(list(script.remote_forms), list(script.remote_forms.values()))[0]
        if rng.random() < (0.5 if setting.early else 0.08):
            talk["remote_ground"] = rng.choice(["illness", "illness", "other_obstacle", "hospitalised"])
    if "form" in talk and script.justified is not None and rng.random() < script.justified:
        talk["justification"] = rng.choice(["small_job", "illness", "theme", "own_wish"])
    place = rng.random()
    if setting.at_work and place < 0.5:
        talk["place"] = "company"
        if rng.random() < 0.3:
            talk["mentor_present"] = True
    elif place > 0.96:
        talk["place"] = rng.choice(["home", "home", "company", "other"])
    conductor = _conductor(rng, setting)
    if conductor != "caseworker":
        talk["conducted_by"] = conductor
    if rng.random() < (0.07 if setting.intense else 0.6):
        talk["job_interview"] = True
    focus = LATER_FOCUS if setting.at_work else EARLY_FOCUS
    talk["focus"] = rng.sample(focus, rng.choice([1, 1, 1, 2, 2, 3]))
    return talk


def _remote_share(setting: _Setting) -> float:
    if setting.early:
        return 0.04
    return setting.place.remote if setting.intense else ORDINARY_REMOTE


def _conductor(rng: Random, setting: _Setting) -> str:
    """In Jammerbugt an external provider held every talk of the trial, in Herlev the company consultants [E]."""
    if setting.intense and setting.place.code == "849":
        return "external_provider"
    if setting.intense and setting.place.code == "163":
        return "company_consultant"
    weights = [70, 27, 3] if setting.at_work else [94, 4, 2]
    return rng.choices(["caseworker", "company_consultant", "external_provider"], weights)[0]

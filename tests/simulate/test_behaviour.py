"""The plan: the same for the same seed and arms, ending where it should, near the published shares (domain 7)."""

import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from stdnum.dk import cvr

import app.protocols
from app.domain.facts import KINDS as FACTS
from app.domain.facts import Fact, History, JobcentreSettings
from app.domain.judged_weeks import FLAGS
from app.domain.protocol import Protocol, parse_protocol
from app.domain.rules.calendar import monday_of
from app.domain.rules.weeks import judge
from app.simulate.behaviour import make_plan
from app.simulate.delivery import UNKNOWN, UNKNOWN_OR_NOT_DRAWN
from app.simulate.jobcentres import BY_CODE, JOBCENTRES, WITHOUT_REVISIONS
from app.simulate.model import REGISTER, Enrolled, Message, Record, client_of
from app.simulate.population import make_population
from app.simulate.scenarios import PRVIJ
from tests.simulate.drawn import draw, planned

Key = tuple[str, str, str]


def replay(messages: Iterable[Message]) -> tuple[dict[Key, tuple[int, Mapping[str, Any]]], Counter[str]]:
    """What stands after all messages: person and fields by record, and the outcomes, as api.md "Records" has it."""
    stored: dict[Key, tuple[int, int | None, dict[str, Any]]] = {}
    outcomes: Counter[str] = Counter()
    for message in messages:
        if message.expect - {"revision_conflict"}:
            outcomes["rejected"] += 1
            continue
        body = dict(message.body)
        key = (message.client_id, message.kind, str(body.pop("external_id")))
        revision = int(str(body.pop("revision", -1)))
        person = None if body.get("retracted") else message.person.index
        outcome = "retracted" if body.get("retracted") else "created"
        if key in stored:
            before, owner, content = stored[key]
            if content == body and owner == person:
                outcome = "unchanged"
            elif revision < before:
                outcome = "stale"
            elif revision == before >= 0:
                outcome = "rejected"
                assert message.expect == {"revision_conflict"}
            elif not body.get("retracted"):
                outcome = "updated"
        outcomes[outcome] += 1
        if outcome in ("created", "updated", "retracted"):
            stored[key] = (revision, person, body)
    standing: dict[Key, tuple[int, Mapping[str, Any]]]
    standing = {key: (person, body) for key, (_, person, body) in stored.items() if person is not None}
    return standing, outcomes


def truth(records: Iterable[Record]) -> dict[Key, tuple[int, Mapping[str, Any]]]:
    return {(r.client_id, r.kind, r.external_id): (r.person.index, dict(r.fields)) for r in records}


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_end_state_is_what_a_replay_of_the_messages_comes_to(seed: int) -> None:
    _, plan = planned(300, seed)
    standing, outcomes = replay(plan.messages)
    assert standing == truth(plan.records)
    assert outcomes.keys() == {"created", "updated", "unchanged", "stale", "retracted", "rejected"}


def test_the_same_seed_and_arms_give_the_same_plan_in_whatever_order_people_come() -> None:
    population = make_population(300, 1)
    enrolled = draw(population)
    plan = make_plan(1, enrolled, population)
    assert make_plan(1, list(reversed(enrolled)), population) == plan
    assert make_plan(2, enrolled, population) != plan


def test_the_arm_changes_neither_exits_nor_exemptions() -> None:
    population = make_population(60, 1)
    records: list[dict[Key, Any]] = []
    for arm in ("treatment", "control"):
        enrolled = [Enrolled(x.person, x.participant_id, x.jobcentre, arm, x.assigned_on) for x in draw(population)]
        everything = truth(make_plan(1, enrolled, population).records)
        records.append({key: value for key, value in everything.items() if key[1] in ("exemptions", "presence-events")})
    assert records[0] == records[1] != {}


def test_messages_are_sent_within_the_weeks_of_the_trial_most_at_once_and_never_before_they_are_true() -> None:
    _, plan = planned(300)
    weeks = [message.week for message in plan.messages]
    assert weeks == sorted(weeks)
    assert weeks[0] >= PRVIJ.first_week
    assert weeks[-1] == PRVIJ.last_week
    true = truth(plan.records)
    lags: list[int] = []
    for message in plan.messages:
        fields = {name: value for name, value in message.body.items() if name not in ("external_id", "revision")}
        key = (message.client_id, message.kind, str(message.body["external_id"]))
        if message.kind == "conversations" and key in true and fields == true[key][1]:
            lags.append((message.week - monday_of(date.fromisoformat(str(fields["date"])))).days // 7)
    assert min(lags) == 0
    assert max(lags) > 5
    assert 0.75 < lags.count(0) / len(lags) < 0.9


def test_who_sends_what() -> None:
    enrolled, plan = planned(300)
    systems = {client_of(place.code) for place in JOBCENTRES}
    drawn = {someone.person.index: client_of(someone.jobcentre) for someone in enrolled}
    for message in plan.messages:
        assert message.client_id in {*systems, REGISTER}
        if message.client_id == REGISTER:
            assert message.kind in ("activations", "outcomes")
            assert (message.expect in (UNKNOWN, UNKNOWN_OR_NOT_DRAWN)) == (message.person.index not in drawn)
        else:
            assert drawn[message.person.index] == message.client_id
            without = message.client_id.removeprefix("case-system-") in WITHOUT_REVISIONS
            assert ("revision" in message.body) != without


def test_every_code_of_a_mistake_occurs_and_companies_have_true_cvr_numbers() -> None:
    _, plan = planned(2000)
    assert {code for message in plan.messages for code in message.expect} >= {
        "revision_conflict",
        "missing_field",
        "invalid_value",
        "event_order",
        "ends_before_start",
        "hours_out_of_range",
        "invalid_cvr",
        "unknown_participant",
    }
    numbers = {str(record.fields["cvr_number"]) for record in plan.records if "cvr_number" in record.fields}
    assert len(numbers) > 100
    assert all(cvr.is_valid(number) for number in numbers)


# --- the shares, as the rules of the register see them ---


def prvij() -> Protocol:
    path = Path(next(iter(app.protocols.__path__))) / "prvij-2010-11.toml"
    return parse_protocol(tomllib.loads(path.read_text()))


def fact_of(record: Record) -> Fact:
    fields: dict[str, Any] = dict(record.fields)
    for name in ("date", "starts_on", "ends_on", "planned_ends_on"):
        if name in fields:
            fields[name] = date.fromisoformat(fields[name])
    if "hours_per_week" in fields:
        fields["hours_per_week"] = Decimal(str(fields["hours_per_week"]))
    if "focus" in fields:
        fields["focus"] = tuple(fields["focus"])
    return FACTS[record.kind](**fields)


@cache
def measure(people: int) -> dict[tuple[str, str], Counter[str]]:
    """Sums of the flags by arm and jobcentre, "" for all, computed from the end state."""
    enrolled, plan = planned(people)
    known: dict[int, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for record in plan.records:
        fact = fact_of(record)
        known[record.person.index][record.kind].append(
            (record.client_id, fact) if record.kind in {"activations", "conversations"} else fact
        )
    sums: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    protocol = prvij()
    for someone in enrolled:
        facts = known[someone.person.index]
        history = History(
            assigned_on=someone.assigned_on,
            conversations=tuple(facts["conversations"]),
            activations=tuple(facts["activations"]),
            exemptions=tuple(facts["exemptions"]),
            events=tuple(facts["presence-events"]),
            settings=JobcentreSettings(
                external_provider_talks=BY_CODE[someone.jobcentre].external_provider_talks,
            ),
        )
        for week in judge(protocol, PRVIJ.ends_on, history).weeks:
            for jobcentre in ("", someone.jobcentre):
                sums[someone.arm, jobcentre].update({flag: int(getattr(week, flag)) for flag in FLAGS})
                sums[someone.arm, jobcentre].update(week.deviations)
    return sums


def test_the_shares_are_near_the_published_ones() -> None:
    sums = measure(2000)

    def rate(arm: str, part: str, due: str, jobcentre: str = "") -> float:
        return sums[arm, jobcentre][part] / sums[arm, jobcentre][due]

    assert rate("treatment", "conversation_held", "conversation_due") == pytest.approx(0.825, abs=0.01)
    assert rate("control", "conversation_held", "conversation_due") == pytest.approx(0.135, abs=0.01)
    assert rate("treatment", "workplace_activated", "activation_due") == pytest.approx(0.46, abs=0.03)
    assert rate("control", "workplace_activated", "activation_due") == pytest.approx(0.21, abs=0.03)
    assert rate("treatment", "activated", "activation_due") == pytest.approx(0.81, abs=0.03)
    for place in JOBCENTRES:
        share = rate("treatment", "conversation_held", "conversation_due", place.code)
        assert share == pytest.approx(place.conversations, abs=0.03), place.name


def test_every_deviation_occurs() -> None:
    sums = measure(2000)
    assert sums["treatment", ""].keys() - set(FLAGS) == {
        "activation_missing",
        "conversation_missing",
        "event_without_effect",
        "hours_too_few",
        "mentor_missing",
        "mentor_only",
        "not_at_workplace",
        "remote_too_early",
        "remote_too_often",
        "started_late",
        "wrong_place",
    }

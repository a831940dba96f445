"""Histories for domain tests out of the plain dictionaries of the examples (field names and defaults of api.md)."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from app.domain.facts import (
    Activation,
    Conversation,
    Exemption,
    History,
    JobcentreSettings,
    Mentor,
    Outcome,
    PresenceEvent,
    SupportEffort,
)
from app.domain.protocol import Protocol
from app.domain.rules.calendar import monday_of_code
from app.domain.rules.warnings import StandingWeeks
from app.domain.rules.weeks import judge

_DATES = ("date", "starts_on", "ends_on", "planned_ends_on")


def _values(record: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in record.items() if name not in ("external_id", "client")}
    for name in _DATES:
        if isinstance(values.get(name), str):
            values[name] = date.fromisoformat(values[name])
    if isinstance(values.get("week"), str):
        values["week"] = monday_of_code(values["week"])
    if values.get("hours_per_week") is not None:
        values["hours_per_week"] = Decimal(str(values["hours_per_week"]))
    if "focus" in values:
        values["focus"] = tuple(values["focus"])
    return values


def codes_for(protocol: Protocol, ends_on: date, person: Mapping[str, Any], kind: str, record: Any) -> list[str]:
    """The warnings for one more record of a person."""
    history = history_of(person)
    fact = getattr(history_of({"interview_on": person["interview_on"], kind: [record]}), kind)[0][1]
    return list(StandingWeeks(protocol, judge(protocol, ends_on, history)).warnings_of(fact))


def history_of(person: Mapping[str, Any]) -> History:
    """The history of an example's ``person``; ``settings`` that are null or not named are the defaults."""
    external_provider_talks = (person.get("settings") or {}).get("external_provider_talks")
    return History(
        assigned_on=date.fromisoformat(str(person["interview_on"])),
        conversations=tuple((x.get("client", ""), Conversation(**_values(x))) for x in person.get("conversations", ())),
        activations=tuple((x.get("client", ""), Activation(**_values(x))) for x in person.get("activations", ())),
        exemptions=tuple(Exemption(**_values(x)) for x in person.get("exemptions", ())),
        events=tuple(PresenceEvent(**_values(x)) for x in person.get("presence_events", ())),
        support_efforts=tuple(SupportEffort(**_values(x)) for x in person.get("support_efforts", ())),
        mentors=tuple(Mentor(**_values(x)) for x in person.get("mentors", ())),
        outcomes=tuple(Outcome(**_values(x)) for x in person.get("outcomes", ())),
        settings=JobcentreSettings(external_provider_talks=external_provider_talks is not False),
    )

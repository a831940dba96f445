"""Histories for domain tests out of the plain dictionaries of the examples (field names and defaults of api.md)."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from app.domain.facts import Activation, Conversation, Exemption, History, Mentor, PresenceEvent, SupportEffort

_DATES = ("date", "starts_on", "ends_on")


def _values(record: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in record.items() if name not in ("external_id", "client")}
    for name in _DATES:
        if isinstance(values.get(name), str):
            values[name] = date.fromisoformat(values[name])
    if "hours_per_week" in values:
        values["hours_per_week"] = Decimal(str(values["hours_per_week"]))
    if "focus" in values:
        values["focus"] = tuple(values["focus"])
    return values


def history_of(person: Mapping[str, Any]) -> History:
    """The history of an example's ``person``."""
    return History(
        assigned_on=date.fromisoformat(str(person["interview_on"])),
        conversations=tuple(Conversation(**_values(x)) for x in person.get("conversations", ())),
        activations=tuple((x.get("client", ""), Activation(**_values(x))) for x in person.get("activations", ())),
        exemptions=tuple(Exemption(**_values(x)) for x in person.get("exemptions", ())),
        events=tuple(PresenceEvent(**_values(x)) for x in person.get("presence_events", ())),
        support_efforts=tuple(SupportEffort(**_values(x)) for x in person.get("support_efforts", ())),
        mentors=tuple(Mentor(**_values(x)) for x in person.get("mentors", ())),
    )

"""Contacts per four weeks in the weekly summary, where the protocol's cadence is an average (domain 6 [C])."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any, Final, get_args

from pydantic import BaseModel, Field

from app.domain.facts import ConversationForm
from app.domain.figures.contacts import contacts_of
from app.domain.figures.summary import SummaryRow

_INSTEAD_OF: Final = ("conversation_rate", "conforming_rate")
CONTACTS: Final = "contacts_per_four_weeks"


class ContactsView(BaseModel):
    """Contacts per person and four weeks: 4 × conversations that count / counted weeks open to conversations."""

    total: float | None = Field(description="Null with no such week.")
    by_form: dict[ConversationForm, float] = Field(description="The forms that occurred; together they are the total.")
    by_target_group: dict[str, float | None] = Field(
        description="Each target group's own average, by its number; those of which somebody was assigned."
    )


def with_contacts(item: Mapping[str, Any], row: SummaryRow, required: float | None) -> dict[str, Any]:
    """A row of the summary with its averages in place of the conversation rates, in the week and cumulative."""
    told = _without_rates(item)
    told[CONTACTS] = asdict(contacts_of(row.week, row.cumulative))
    told["required_contacts"] = required
    told["cumulative"] = _without_rates(item["cumulative"]) | {
        CONTACTS: asdict(contacts_of(row.cumulative, row.cumulative))
    }
    return told


def contact_cells(item: Mapping[str, Any], target_groups: Collection[int]) -> dict[str, Any]:
    """The row for CSV, with every form and every target group of the trial, whatever occurred."""
    return {
        **item,
        CONTACTS: _all_codes(item[CONTACTS], target_groups),
        "cumulative": {**item["cumulative"], CONTACTS: _all_codes(item["cumulative"][CONTACTS], target_groups)},
    }


def _without_rates(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in figures.items() if name not in _INSTEAD_OF}


def _all_codes(contacts: Mapping[str, Any], target_groups: Collection[int]) -> dict[str, Any]:
    """A form that did not occur is 0 of a total that there is; a group without weeks has no average."""
    nothing = None if contacts["total"] is None else 0.0
    return {
        "total": contacts["total"],
        "by_form": {**dict.fromkeys(get_args(ConversationForm), nothing), **contacts["by_form"]},
        "by_target_group": {**{str(group): None for group in target_groups}, **contacts["by_target_group"]},
    }

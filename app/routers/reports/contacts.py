"""Contacts per four weeks in the weekly summary, for protocols whose cadence is an average (domain 6 [C])."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any, Final, get_args

from pydantic import Field

from app.domain.facts import ConversationForm
from app.domain.figures.contacts import contacts_of
from app.domain.figures.summary import SummaryRow
from app.routers.common.types import ResponseModel

_REPLACED_RATES: Final = ("conversation_rate", "conforming_rate")
CONTACTS: Final = "contacts_per_four_weeks"


class ContactsView(ResponseModel):
    """Contacts per person and four weeks: 4 × counting conversations / counted weeks not exempt from conversations."""

    total: float | None = Field(description="Null without such a week.")
    by_form: dict[ConversationForm, float] = Field(description="Forms that occurred; they add up to the total.")
    by_target_group: dict[str, float | None] = Field(
        description="Average of each target group that has participants, by its number."
    )


def with_contacts(item: Mapping[str, Any], row: SummaryRow, required: float | None) -> dict[str, Any]:
    """Return a row of the summary with contacts instead of the conversation rates, for the week and cumulative."""
    cumulative = asdict(contacts_of(row.cumulative, row.cumulative))
    return {
        **_without_rates(item),
        CONTACTS: asdict(contacts_of(row.week, row.cumulative)),
        "required_contacts": required,
        "cumulative": {**_without_rates(item["cumulative"]), CONTACTS: cumulative},
    }


def contact_cells(item: Mapping[str, Any], target_groups: Collection[int]) -> dict[str, Any]:
    """Return the CSV row, with every form and every target group of the trial."""
    return {
        **item,
        CONTACTS: _all_codes(item[CONTACTS], target_groups),
        "cumulative": {**item["cumulative"], CONTACTS: _all_codes(item["cumulative"][CONTACTS], target_groups)},
    }


def _without_rates(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in figures.items() if name not in _REPLACED_RATES}


def _all_codes(contacts: Mapping[str, Any], target_groups: Collection[int]) -> dict[str, Any]:
    """Add the missing codes: 0 for a form if there is a total, null for a target group without weeks."""
    absent = None if contacts["total"] is None else 0.0
    return {
        "total": contacts["total"],
        "by_form": {**dict.fromkeys(get_args(ConversationForm), absent), **contacts["by_form"]},
        "by_target_group": {**{str(group): None for group in target_groups}, **contacts["by_target_group"]},
    }

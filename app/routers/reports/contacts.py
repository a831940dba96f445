"""Contacts per four weeks in the weekly summary, for protocols whose cadence is an average (domain 6 [C])."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any, Final, get_args

from pydantic import Field

from app.db.reports.summary import WeekCounts
from app.db.trials.trials import Trial
from app.domain.facts import ConversationForm
from app.domain.figures.contacts import contacts_of, required_of, with_requirements
from app.domain.figures.summary import SummaryRow
from app.routers.common.types import ResponseModel

_REPLACED_RATES: Final = ("conversation_rate", "conforming_rate")
CONTACTS: Final = "contacts_per_four_weeks"
REQUIRED: Final = "required_contacts"


class ContactsView(ResponseModel):
    """Contacts per person and four weeks: 4 × counting conversations / counted weeks not exempt from conversations."""

    total: float | None = Field(description="Null without such a week.")
    by_form: dict[ConversationForm, float] = Field(description="Forms that occurred; they add up to the total.")
    by_target_group: dict[str, float | None] = Field(
        description="Average of each target group that has participants, by its number."
    )


class RequiredContactsView(ResponseModel):
    """Contacts per person and four weeks that are required."""

    total: float | None = Field(
        description="Mean over the target groups, weighted by counted weeks. Null if nothing is required, or no week"
        " is counted."
    )
    by_target_group: dict[str, float | None] = Field(
        description="By number of the target group; of jobcentres that require different numbers, their weighted mean."
    )


def with_requirements_of(trial: Trial, counts: WeekCounts) -> WeekCounts:
    """Add to the counts of each jobcentre what the trial requires there."""
    return WeekCounts(
        {key: with_requirements(sums, trial.required_contacts(key[0])) for key, sums in counts.before.items()},
        {
            key: {monday: with_requirements(sums, trial.required_contacts(key[0])) for monday, sums in weeks.items()}
            for key, weeks in counts.weeks.items()
        },
    )


def with_contacts(item: Mapping[str, Any], row: SummaryRow) -> dict[str, Any]:
    """Return a row of the summary with contacts instead of the conversation rates, for the week and cumulative."""
    week, cumulative = (_contact_items(sums, row.cumulative) for sums in (row.week, row.cumulative))
    return {**_without_rates(item), **week, "cumulative": {**_without_rates(item["cumulative"]), **cumulative}}


def _contact_items(sums: Mapping[str, int], people: Mapping[str, int]) -> dict[str, Any]:
    return {CONTACTS: asdict(contacts_of(sums, people)), REQUIRED: asdict(required_of(sums, people))}


def contact_cells(item: Mapping[str, Any], target_groups: Collection[int]) -> dict[str, Any]:
    """Return the CSV row, with every form and every target group of the trial."""
    return {
        **_all_contacts(item, target_groups),
        "cumulative": _all_contacts(item["cumulative"], target_groups),
    }


def _all_contacts(item: Mapping[str, Any], target_groups: Collection[int]) -> dict[str, Any]:
    required = item[REQUIRED]
    groups = {**dict.fromkeys(map(str, target_groups)), **required["by_target_group"]}
    return {
        **item,
        CONTACTS: _all_codes(item[CONTACTS], target_groups),
        REQUIRED: {**required, "by_target_group": groups},
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

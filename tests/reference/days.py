"""The calendar (domain 2) and the fields of records, with the defaults of api.md.

A person is a dict as in examples/weeks.yaml: `interview_on` and the lists `conversations`, `activations`, `exemptions`,
`presence_events`, `mentors`, `outcomes`, with the field names of api.md. Each record may name its `client`. `settings`
are those of the person's jobcentre in the trial: `external_provider_talks`, `target_groups`, `required_contacts`.
"""

from datetime import date, timedelta
from typing import Any

Person = dict[str, Any]
Record = dict[str, Any]
Row = dict[str, Any]

# The defaults of api.md ("Records"); everything else is null or false.
DEFAULTS: dict[str, Any] = {
    "status": "held",
    "form": "in_person",
    "place": "jobcentre",
    "conducted_by": "caseworker",
    "mentor": "unknown",
}


def day(value: date | str) -> date:
    """A date, or its ISO text, as a date."""
    return value if isinstance(value, date) else date.fromisoformat(value)


def monday_of(some_day: date) -> date:
    """The Monday of the day's ISO week."""
    return some_day - timedelta(days=some_day.weekday())


def week_name(some_day: date) -> str:
    """The ISO week of the day, `2011-W05`."""
    year, week, _ = some_day.isocalendar()
    return f"{year:04d}-W{week:02d}"


def monday_of_week(name: str) -> date:
    """The Monday of the week `2011-W05`."""
    return date.fromisocalendar(int(name[:4]), int(name[6:]), 1)


def days_of(monday: date) -> list[date]:
    """The seven days of a week."""
    return [monday + timedelta(days=i) for i in range(7)]


def working_days_of(monday: date) -> list[date]:
    """Monday to Friday; public holidays are not looked at (domain 2)."""
    return [monday + timedelta(days=i) for i in range(5)]


def is_over(monday: date, as_of: date) -> bool:
    """A week is over when its Sunday is past (domain 2)."""
    sunday = monday + timedelta(days=6)
    return sunday < as_of


def field(record: Record, name: str) -> Any:
    """The field of a record, with the defaults of api.md."""
    value = record.get(name)
    return DEFAULTS.get(name) if value is None else value


def client_of(record: Record) -> str:
    """The client that sent the record; one and the same where nobody is named."""
    return record.get("client") or ""


def listed(person: Person, kind: str) -> list[Record]:
    """The person's records of a kind."""
    return person.get(kind) or []


def assigned_on(person: Person) -> date:
    """`assigned_on` = `interview_on` (domain 3.3)."""
    return day(person["interview_on"])


def setting(person: Person, name: str, default: Any = None) -> Any:
    """A setting of the person's jobcentre."""
    value = (person.get("settings") or {}).get(name)
    return default if value is None else value


def covers_day(record: Record, some_day: date) -> bool:
    """First and last day are both included, and the last may be open."""
    if some_day < day(record["starts_on"]):
        return False
    if record.get("ends_on") is None:
        return True
    return some_day <= day(record["ends_on"])


def covers_working_day(record: Record, monday: date) -> bool:
    """Domain 4.6: a record covers a week when it covers at least one of its working days."""
    return any(covers_day(record, d) for d in working_days_of(monday))

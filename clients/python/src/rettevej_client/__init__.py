"""Client of rettevej, the register of controlled employment trials.

with Client("https://rettevej.example", token) as register:
    result = register.push("prvij", "conversations", rows)
    result.to_csv("rejected.csv")
"""

from rettevej_client.async_client import AsyncClient
from rettevej_client.client import Client
from rettevej_client.core import RetryPolicy
from rettevej_client.descriptions import KINDS
from rettevej_client.errors import (
    AccessError,
    AnswerError,
    ApiError,
    BusyError,
    ConflictError,
    Fault,
    MalformedError,
    NotFoundError,
    RecordError,
    RettevejError,
    UnreachableError,
)
from rettevej_client.feeds import AsyncChanges, Changes
from rettevej_client.people import NewTrial, Participant, Screened, Screening, Trial, Week
from rettevej_client.push import PushOptions
from rettevej_client.records import StoredRecord
from rettevej_client.results import Acknowledged, Progress, PushResult, Row

__all__ = [
    "KINDS",
    "AccessError",
    "Acknowledged",
    "AnswerError",
    "ApiError",
    "AsyncChanges",
    "AsyncClient",
    "BusyError",
    "Changes",
    "Client",
    "ConflictError",
    "Fault",
    "MalformedError",
    "NewTrial",
    "NotFoundError",
    "Participant",
    "Progress",
    "PushOptions",
    "PushResult",
    "RecordError",
    "RetryPolicy",
    "RettevejError",
    "Row",
    "Screened",
    "Screening",
    "StoredRecord",
    "Trial",
    "UnreachableError",
    "Week",
]

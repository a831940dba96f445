"""Whether a protocol can be: what the types of its parameters do not tell (domain 6).

A protocol comes from a file that someone wrote. Each fault is a sentence that begins with the parameter's name.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, get_args

from app.domain.facts import Conductor, ConversationForm, NotWorkplaceReason, ReducedHoursReason, RemoteGround
from app.domain.protocol import EligibilityRule, Protocol, ProtocolError, parse_protocol
from app.domain.rules.eligibility import CHECKS, IN_EVERY_PROTOCOL, KIND_CODES, CheckKind
from app.domain.screening import Channel

SCREENING_FIELDS = frozenset(
    {
        *("channel", "at_job_interview", "match_group", "benefit", "unemployed_since", "exempt_from", "target_group"),
        *("sick_since", "has_job"),
    }
)
"""What a protocol may ask of a screening."""
_CODES: Mapping[str, Collection[str]] = {
    "accepted_forms": get_args(ConversationForm),
    "in_person_forms": get_args(ConversationForm),
    "accepted_conductors": get_args(Conductor),
    "remote_grounds": get_args(RemoteGround),
    "reduced_hours_reasons": get_args(ReducedHoursReason),
    "sufficient_not_workplace_reasons": get_args(NotWorkplaceReason),
    "channels": get_args(Channel),
    "screening_fields": SCREENING_FIELDS,
    "optional_screening_fields": SCREENING_FIELDS,
}
_BOUNDS: Mapping[str, tuple[int, int]] = {
    "imbalance_limit": (0, 1_000),
    "countable_days": (1, 5),
    "first_talk_within_days": (1, 1_000),
    "in_person_weeks": (0, 2_000),
    "activation_due_week": (2, 2_000),
    "min_weekly_hours": (1, 60),
    "max_activation_weeks": (1, 2_000),
    "max_programme_weeks": (1, 2_000),
    "grant_dkk": (0, 100_000_000),
    "remote_share_max": (0, 1),
}
_ID, _CODE = re.compile(r"[a-z0-9-]{1,60}"), re.compile(r"[a-z][a-z0-9_]{0,59}")


def read_protocol(document: Mapping[str, Any]) -> Protocol:
    """A protocol that can be, from its parsed TOML; ProtocolError tells every fault that was found."""
    protocol = parse_protocol(document)
    if faults := validate_protocol(protocol):
        raise ProtocolError("; ".join(faults))
    return protocol


def validate_protocol(protocol: Protocol) -> list[str]:
    """Everything that is wrong with a protocol whose parameters are all there and of the right type."""
    return [fault for part in (_values, _lists, _together, _rules) for fault in part(protocol)]


def _values(protocol: Protocol) -> Iterator[str]:
    """Each parameter by itself."""
    if not _ID.fullmatch(protocol.id):
        yield "id must be 1 to 60 of a-z, 0-9 and -"
    for name, (least, most) in _BOUNDS.items():
        value = getattr(protocol, name)
        if value is not None and not isinstance(value, str) and not least <= value <= most:
            yield f"parameters.{name} must lie between {least} and {most}"
    if protocol.thresholds is not None:
        for name in ("conversation", "activation", "workplace"):
            if not 0 <= getattr(protocol.thresholds, name) <= 100:
                yield f"parameters.thresholds.{name} must lie between 0 and 100"
    for name, known in _CODES.items():
        if unknown := sorted(set(getattr(protocol, name)) - set(known)):
            yield f"parameters.{name} has unknown codes: {', '.join(unknown)} (known are {', '.join(sorted(known))})"


def _lists(protocol: Protocol) -> Iterator[str]:
    """Lists in which nothing may stand twice."""
    groups = protocol.target_groups
    if len(set(groups)) != len(groups) or any(not 1 <= group <= 99 for group in groups):
        yield "parameters.target_groups must be different numbers between 1 and 99"
    if len(set(protocol.channels)) != len(protocol.channels):
        yield "parameters.channels names one twice"


def _together(protocol: Protocol) -> Iterator[str]:
    """Parameters that contradict each other."""
    first, last, end = protocol.intake_from, protocol.intake_to, protocol.ends_on
    if first and last and last < first:
        yield "parameters.intake_to is before intake_from"
    if end and (begun := last or first) and end < begun:
        yield "parameters.ends_on is before the intake ends"
    if not protocol.accepted_forms:
        yield "parameters.accepted_forms must name at least one form"
    if not protocol.accepted_conductors:
        yield "parameters.accepted_conductors must name somebody"
    if extra := sorted(protocol.in_person_forms - protocol.accepted_forms):
        yield f"parameters.in_person_forms has what accepted_forms has not: {', '.join(extra)}"
    needs: tuple[tuple[bool, str], ...] = (
        (
            protocol.design == "randomised" and not protocol.imbalance_limit,
            "imbalance_limit must be 1 or more where people are drawn",
        ),
        (
            protocol.design == "one_arm" and protocol.imbalance_limit != 0,
            "imbalance_limit has no meaning where nothing is drawn",
        ),
        (
            protocol.max_activation_weeks is not None and protocol.activation_due_week is None,
            "max_activation_weeks counts nothing without activation_due_week",
        ),
        (
            protocol.max_activation_weeks is not None
            and protocol.activation_due_week is not None
            and protocol.max_activation_weeks < protocol.activation_due_week - 1,
            "max_activation_weeks would end the course before activation_due_week",
        ),
        (
            protocol.thresholds is not None and (protocol.cadence != "weekly" or protocol.activation_due_week is None),
            "thresholds can never be met where no conversation or no activation is due",
        ),
        (
            ("channel" in protocol.screening_fields) != bool(protocol.channels),
            "channels and screening_fields must both know of channels, or neither",
        ),
        (
            ("target_group" in protocol.screening_fields) != bool(protocol.target_groups),
            "target_groups and screening_fields must both know of target groups, or neither",
        ),
    )
    yield from (f"parameters.{sentence}" for wrong, sentence in needs if wrong)


def _rules(protocol: Protocol) -> Iterator[str]:
    """The rules of eligibility: their codes, checks, and what the checks are asked with."""
    for rule in protocol.eligibility:
        where = f"eligibility.{rule.code}"
        if not _CODE.fullmatch(rule.code):
            yield f"{where}: a code is made of a-z, 0-9 and _"
        if rule.code in IN_EVERY_PROTOCOL:
            yield f"{where}: this code is the register's own"
        check = CHECKS.get(rule.check)
        if check is None:
            yield f"{where}: there is no check {rule.check} (there are {', '.join(sorted(CHECKS))})"
            continue
        kinds = {**check.required, **check.optional}
        for name in sorted(check.required.keys() - rule.parameters.keys()):
            yield f"{where}: the check {rule.check} needs {name}"
        for name in sorted(rule.parameters.keys() - kinds.keys()):
            yield f"{where}: the check {rule.check} knows no {name}"
        for name in sorted(rule.parameters.keys() & kinds.keys()):
            if wrong := _wrong(kinds[name], rule.parameters[name]):
                yield f"{where}.{name} {wrong}"
        yield from _stated(protocol, rule, check.reads)


def _stated(protocol: Protocol, rule: EligibilityRule, reads: Collection[str]) -> Iterator[str]:
    """What a rule looks at must be asked for; candidates of the supplement state their time unemployed anyway."""
    channel = rule.parameters.get("channel")
    if channel is not None and channel not in protocol.channels:
        yield f"eligibility.{rule.code}.channel is none of the protocol's channels"
    asked = protocol.screening_fields | ({"unemployed_since"} if channel == "supplement" else set())
    for name in sorted(set(reads) - asked):
        yield f"eligibility.{rule.code} looks at {name}, which screening_fields does not ask for"


def _wrong(kind: CheckKind, value: Any) -> str | None:
    """Why a check's parameter cannot have a value; None where it can."""
    if kind in KIND_CODES:
        known = f"{', '.join(sorted(KIND_CODES[kind]))}"
        if kind != "benefits":
            return None if isinstance(value, str) and value in KIND_CODES[kind] else f"must be one of {known}"
        fits = isinstance(value, list) and value and all(isinstance(each, str) for each in value)
        return None if fits and set(value) <= KIND_CODES[kind] else f"must be a list of some of {known}"
    accepts = _PLAIN[kind]
    return None if accepts(value) else _PLAIN_SENTENCE[kind]


_PLAIN: Mapping[CheckKind, Callable[[Any], bool]] = {
    "number": lambda value: type(value) is int and 1 <= value <= 10_000,
    "flag": lambda value: type(value) is bool,
}
_PLAIN_SENTENCE: Mapping[CheckKind, str] = {
    "number": "must be a whole number, 1 or more",
    "flag": "must be true or false",
}

"""Closed lists of codes of corrected CPR numbers (domain 3.4)."""

from collections.abc import Mapping
from typing import Final

from app.domain.codes.code_list import CodeList

CORRECTION_CODES: Final[Mapping[str, CodeList]] = {
    "Sex": CodeList("Sex, by the CPR number.", {"female": "female", "male": "male"}),
    "ParticipantChange": CodeList(
        "What changed of a participant, in the change feed.",
        {
            "drawn": "drawn, or assigned in a trial of one arm",
            "number_changed": "the CPR number was corrected: what was sent by number is to be sent again",
            "duplicate": "the same person as another participant, who governs",
            "handed_over": "records passed to another client",
            "withdrawn": "a candidate who waits no more",
            "erased": "the CPR number was erased: the person is found by the participant id only",
        },
    ),
    "CorrectionKind": CodeList(
        "What is requested of CPR numbers.",
        {"single": "another number for one person", "swap": "the numbers of two people, exchanged"},
    ),
    "CorrectionReason": CodeList(
        "Why a CPR number is corrected.",
        {
            "typing_error": "the number was mistyped; the person is found by the corrected one only",
            "new_number": "the person got another number, and is found by both",
        },
    ),
    "CorrectionStatus": CodeList(
        "The status of a request for a corrected CPR number.",
        {
            "waiting": "not decided",
            "accepted": "accepted by a registrar",
            "refused": "refused by a registrar, by the closing of the trial or by an erasure",
            "replaced": "a later request took its place",
            "cancelled": "cancelled by the jobcentre",
        },
    ),
    "CorrectionDecision": CodeList(
        "The decision on a request for a corrected CPR number.",
        {"accepted": "the number is corrected", "refused": "the number stays as it is"},
    ),
    "CorrectionDecisionReason": CodeList(
        "Why a registrar accepts or refuses a corrected CPR number.",
        {
            "document_seen": "the registrar saw a document",
            "register_confirms": "a register confirms it",
            "not_plausible": "the correction is not plausible",
            "suspected_choice": "the correction may have been made to choose an arm or a person",
            "other": "another reason",
        },
    ),
    "DrawnAgo": CodeList(
        "Time from the draw to the request for a corrected CPR number.",
        {
            "same_day": "the same day",
            "7_days": "1 to 7 days",
            "30_days": "8 to 30 days",
            "more": "more than 30 days",
        },
    ),
    "NumberIs": CodeList(
        "What a requested CPR number is already for others in the trial.",
        {
            "no": "nothing",
            "drawn_here": "the number of a person drawn in the jobcentre",
            "drawn_elsewhere": "the number of a person drawn in another jobcentre",
            "waiting_here": "the number of a candidate who waits in the jobcentre",
            "waiting_elsewhere": "the number of a candidate who waits in another jobcentre",
            "former_here": "a former number of a person drawn in the jobcentre",
            "former_elsewhere": "a former number of a person drawn in another jobcentre",
            "erased": "the number of an erased person",
        },
    ),
}

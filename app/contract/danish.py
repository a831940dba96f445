"""The Danish words of the register's terms: those that the page shows, and those that only the API has."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

_PAGE: Final = Path(__file__).parents[1] / "page" / "texts" / "da.json"

TECHNICAL: Final = frozenset({"ReportSource", "AuditChain", "ReportLevel", "EffectWarning"})
"""Lists of codes about the service itself, for which Danish users have no word."""

TERMS: Final[Mapping[str, tuple[str, str]]] = {
    "trial": ("forsøg", "two arms of people at jobcentres, compared by the rules of a protocol"),
    "pilot": ("pilot", "a trial of its own that tries the procedure; in nobody else's figures"),
    "protocol": ("forsøgsprotokol", "the rule book of a trial as data"),
    "arm": ("gruppe", "what a person is drawn to: treatment or control"),
    "treatment": ("deltagergruppe", "the arm that goes through the intensive course"),
    "control": ("kontrolgruppe", "the arm that gets what everybody gets"),
    "draw": ("lodtrækning", "the random choice of the arm; by a seed that is told when the trial is closed"),
    "seed": ("frø", "the secret number from which every draw follows"),
    "jobcentre": ("jobcenter", "a municipality's employment office, known by the municipality's code"),
    "region": ("beskæftigelsesregion", "one of four; sees figures of its jobcentres, no person"),
    "agency": ("styrelse (Arbejdsmarkedsstyrelsen)", "creates and closes trials, pays the grant"),
    "case system": ("fagsystem", "a municipality's system, which sends records"),
    "register integration": ("registerleverance", "sends activations of people whom the trial may not know"),
    "CPR number": ("CPR-nummer", "the personal identification number; in bodies only, never in an address"),
    "CVR number, P-number": ("CVR-nummer, P-nummer", "numbers of a company and of its workplace"),
    "cash benefit, start benefit": ("kontanthjælp, starthjælp", "the benefits of the people of PRVIJ"),
    "sickness benefit": ("sygedagpenge", "the benefit of the 2008 trials"),
    "match group": ("matchgruppe", "1, 2 or 3: how ready for the labour market"),
    "job interview": ("jobsamtale", "where people are assessed, screened and drawn"),
    "rematch": ("ommatchning", "a new assessment of the match group"),
    "screening": ("visitation", "whether a person is eligible, by the rules of the protocol, that day"),
    "eligible": ("omfattet af målgruppen", "no rule of eligibility fails"),
    "intake period": ("optagsperiode", "the days on which people are taken in"),
    "supplement": ("supplerende optag", "people in match group 2 already, drawn when a week's intake is too small"),
    "exit, re-entry": ("ophør, genindtræden", "the first day out, the first day in again"),
    "exemption": ("fritagelse (friholdelse)", "days on which conversations, activation or both are not due"),
    "conversation": ("samtale", "a talk with the caseworker; one a week in the intensive course"),
    "in person": ("personligt fremmøde", "face to face, as the first weeks ask for"),
    "no-show": ("udeblivelse", "the person did not come"),
    "remote ground": ("grund til ikke at mødes", "what excuses a talk that is not in person"),
    "activation": ("aktivt tilbud", "work placement, wage subsidy, part-time job, guidance"),
    "work placement": ("virksomhedspraktik", "unpaid, at a workplace"),
    "wage subsidy": ("løntilskud", "paid in part by the public, at a workplace"),
    "part-time job": ("deltidsjob med supplerende kontanthjælp", "an activation, not an exit"),
    "partial return": ("delvis raskmelding", "back to work for some hours from sickness"),
    "company centre": ("virksomhedscenter", "a company that takes several people with a mentor"),
    "mentor": ("mentor", "helps at the workplace; a talk with the mentor replaces no conversation"),
    "support effort": ("understøttende og koordinerende indsats", "help with company, social services or health"),
    "contact person": ("kontaktperson", "one at a time, who answers for the person"),
    "external provider": ("anden aktør", "holds conversations for the jobcentre"),
    "declined offer": ("afslået tilbud", "with date, kind and reason"),
    "outcome": ("udfald", "what a person lived on in a week"),
    "programme week": ("programuge", "the number of a week that counts; the clock stands still in others"),
    "meter of nine months": ("måler af de ni måneder", "weeks of activation used up, of 39"),
    "deviation": ("afvigelse", "how a week that is over departs from the protocol"),
    "warning": ("advarsel", "what the rules say of a record at the door; it is stored all the same"),
    "rejection": ("afvisning", "a record that is malformed, contradicts itself or is not yours; it is not stored"),
    "revision": ("revision", "which version of a record; the highest stands"),
    "retraction": ("tilbagekaldelse", "takes a record back; a higher revision brings it back"),
    "condition": ("betingelse", "a rate against its threshold; three decide the grant"),
    "grant": ("resultattilskud", "DKK for each treatment participant, payable while the conditions are met"),
    "action plan": ("handlingsplan", "asked of a jobcentre that misses the same condition two weeks running"),
    "worklist": ("arbejdsliste", "what a jobcentre has to do this week, for whom"),
    "weekly summary": ("ugeopgørelse", "the figures of a week by jobcentre, region or trial"),
    "activity curve": ("aktivitetskurve", "treatment against control by weeks since the assignment"),
    "flow diagram": ("flowdiagram", "from screened to complete, after CONSORT"),
    "intention to treat": ("alle lodtrukne", "everyone drawn, in the trial or out of it"),
    "panel": ("analysedatasæt", "the pseudonymous person-weeks for evaluators"),
    "watermark": ("seneste registrering", "up to when registrations are in a figure"),
    "audit trail": ("revisionsspor", "who did or read what, when, in hash chains"),
}
"""Term: the Danish word, and what it is."""

PARAMETERS: Final[Mapping[str, tuple[str, str]]] = {
    "design": ("Who gets which arm", "Fordeling på grupper"),
    "imbalance_limit": (
        "How far one arm may be ahead in a jobcentre",
        "Største forspring for en gruppe i et jobcenter",
    ),
    "intake_from": ("First day of intake", "Første optagsdag"),
    "intake_to": ("Last day of intake", "Sidste optagsdag"),
    "ends_on": ("Last day of the trial", "Forsøgets sidste dag"),
    "countable_days": ("Working days that make a week count", "Hverdage, før en uge tæller"),
    "accepted_forms": ("Forms of a conversation that count", "Samtaleformer, der tæller"),
    "in_person_forms": ("Forms as good as in person", "Former, der tæller som fremmøde"),
    "accepted_conductors": ("Whose conversations count", "Hvem der kan holde samtalen"),
    "cadence": ("How often", "Hvor ofte"),
    "in_person_weeks": ("Weeks in person", "Uger med fremmøde"),
    "remote_grounds": ("Grounds for not meeting", "Grunde til ikke at mødes"),
    "remote_share_max": ("Largest share not in person afterwards", "Højeste andel uden fremmøde derefter"),
    "activation_due_week": ("Activation from programme week", "Aktivering fra programuge"),
    "min_weekly_hours": ("Fewest hours a week", "Mindste timetal om ugen"),
    "reduced_hours_reasons": ("Reasons for fewer hours", "Grunde til færre timer"),
    "sufficient_not_workplace_reasons": (
        "Reasons for not being at a workplace",
        "Grunde til ikke at være på virksomhed",
    ),
    "max_activation_weeks": ("Weeks of activation in all", "Ugers aktivering i alt"),
    "max_programme_weeks": ("Programme weeks in all", "Programuger i alt"),
    "judges_workplace": ("Place, workplace and mentor are judged", "Sted, virksomhed og mentor bedømmes"),
    "requires_justification": ("A justification is asked for", "Begrundelse kræves"),
    "thresholds": ("Conditions of the grant, per cent", "Betingelser for tilskud, procent"),
    "grant_dkk": ("Grant for each participant, DKK", "Tilskud pr. deltager, kr."),
    "channels": ("How people come", "Veje ind i forsøget"),
    "screening_fields": ("What a screening states", "Hvad visitationen oplyser"),
    "target_groups": ("Target groups (numbers of § 2)", "Målgrupper (numre i § 2)"),
}
"""Parameter of a protocol: in English, in Danish."""

_RETRACTED = {
    "entered_in_error": "registreret ved en fejl",
    "duplicate": "dobbelt registreret",
    "wrong_person": "forkert person",
}
_DONE = {
    "created": "oprettet",
    "updated": "ændret",
    "unchanged": "uændret",
    "stale": "forældet",
    "retracted": "tilbagekaldt",
    "rejected": "afvist",
}
_FAULTS = {
    "missing_field": "felt mangler",
    "unknown_field": "ukendt felt",
    "invalid_value": "ugyldig værdi",
    "invalid_json": "ikke JSON",
    "invalid_cpr": "ikke et CPR-nummer",
    "invalid_cvr": "ikke et CVR-nummer",
    "date_in_future": "dato i fremtiden",
    "ends_before_start": "slutter før det begynder",
    "hours_out_of_range": "timetal uden for grænserne",
    "unknown_participant": "ukendt deltager",
    "not_drawn": "ikke lodtrukket",
    "event_order": "hændelse før optagelsen",
    "revision_conflict": "samme revision med andet indhold",
}
_AT_THE_DOOR = {
    "form_not_accepted": "samtaleformen tæller ikke",
    "remote_too_early": "ikke fremmøde i de første uger",
    "conducted_by_mentor": "mentoren holdt samtalen",
    "hours_too_few": "for få timer",
    "not_at_workplace": "ikke på virksomhed",
}
_MORE: Final[Mapping[str, Mapping[str, str]]] = {
    "Enforcement": {"flag": "gem og advar", "refuse": "afvis"},
    "Benefit": {
        "cash_benefit": "kontanthjælp",
        "start_benefit": "starthjælp",
        "sickness_benefit": "sygedagpenge",
        "other": "anden ydelse",
    },
    "Circumstance": {
        "in_stu": "i STU",
        "pregnancy_related_illness": "graviditetsbetinget sygdom",
        "residential_programme": "døgntilbud eller prøveløsladt",
        "after_first_follow_up": "efter første opfølgning",
        "referred_to_flexjob": "visiteret til fleksjob",
        "pension_case_started": "pensionssag påbegyndt",
        "terminal_illness": "uhelbredeligt syg",
        "treatment_prevents_offers": "behandling hindrer tilbud",
    },
    "ExemptFrom": {"none": "ingen", "conversations": "samtaler", "activation": "aktivering", "both": "begge dele"},
    "WithdrawalReason": {
        "job": "job",
        "moved": "flyttet",
        "not_interviewed": "jobsamtale ikke holdt",
        "entered_in_error": "registreret ved en fejl",
    },
    "ConversationFocus": {
        "clarification": "afklaring",
        "motivation": "motivation",
        "preparation": "forberedelse",
        "follow_up": "opfølgning",
        "retention": "fastholdelse",
        "progression": "progression",
        "transition_to_job": "overgang til job",
    },
    "OutcomeStatus": {
        "employed": "beskæftiget",
        "education": "under uddannelse",
        "benefit": "offentlig ydelse",
        "other": "andet eller ukendt",
    },
    "MatchGroup": {"1": "jobklar", "2": "indsatsklar", "3": "midlertidigt passiv"},
    "RetractionReason": _RETRACTED,
    "RetractionTold": {**_RETRACTED, "moved": "overgået til en anden"},
    "Outcome": _DONE,
    "WriteOutcome": _DONE,
    "GroupBy": {"jobcentre": "jobcenter", "region": "beskæftigelsesregion", "trial": "forsøg"},
    "WarningCode": {
        **_AT_THE_DOOR,
        "remote_too_often": "for sjældent fremmøde",
        "before_assignment": "før optagelsen",
        "week_without_number": "ugen tæller ikke",
        "starts_late": "begynder sent",
        "mentor_missing": "mentor mangler",
    },
    "FaultCode": {
        **_FAULTS,
        **_AT_THE_DOOR,
        "other_jobcentre": "et andet jobcenter",
        "outside_span": "uden for perioden",
    },
    "ProblemCode": {
        **_FAULTS,
        **_AT_THE_DOOR,
        "unauthorized": "ingen adgang uden token",
        "invalid_token": "ugyldigt token",
        "insufficient_scope": "rettighed mangler",
        "not_found": "findes ikke",
        "rate_limited": "for mange forespørgsler",
        "malformed": "fejl i forespørgslen",
        "trial_exists": "forsøget findes",
        "trial_closed": "forsøget er lukket",
        "trial_open": "forsøget er ikke lukket",
        "pilot_trial": "pilotforsøg",
        "already_drawn": "lodtrukket allerede",
        "screening_conflict": "modstridende visitation",
        "intake_sufficient": "optaget er stort nok",
        "supplement_order": "en anden står først",
        "not_waiting": "venter ikke på lodtrækning",
        "stale": "forældet",
    },
}


def danish(component: str, code: object) -> str | None:
    """The Danish word of a code of one of the contract's lists, or None where users have none."""
    words = {**_MORE.get(component, {}), **_shown_on_the_page().get(component, {})}
    return words.get(str(code))


@cache
def _shown_on_the_page() -> Mapping[str, Mapping[str, str]]:
    texts: dict[str, Any] = json.loads(_PAGE.read_text("utf-8"))
    codes: Mapping[str, Mapping[str, str]] = texts["codes"]
    return codes

"""Ids as other programs write them: relatives of wild.md A2, A11, A29 and A33."""

from urllib.parse import quote

import pytest

from tests.register import Client, Register, record_id

CPR, NONE = "looks_like_cpr", "invalid_value"

REFUSED = {
    # A11: a CPR number in other digits, with other dashes, with what cannot be seen in it.
    "arabic digits": ("\u0667\u0661\u0660\u0661\u0667\u0660\u0661\u0662\u0663\u0664", CPR),
    "devanagari digits": ("\u096d\u0967\u0966\u0967\u096d\u0966\u0967\u0968\u0969\u096a", CPR),
    "full width": ("\uff17\uff11\uff10\uff11\uff17\uff10\uff0d\uff11\uff12\uff13\uff14", CPR),
    "mathematical digits": ("\U0001d7d5\U0001d7cf\U0001d7ce\U0001d7cf\U0001d7d5\U0001d7ce-1234", CPR),
    "superscript": ("71017012\u00b3\u2074", CPR),
    "zero width space": ("710170\u200b1234", CPR),
    "zero width joiners": ("7\u200d1\u200d0\u200d1\u200d7\u200d0\u200d1\u200d2\u200d3\u200d4", CPR),
    "soft hyphen": ("710170\u00ad1234", CPR),
    "byte order mark": ("\ufeff7101701234", CPR),
    "word joiner": ("710170\u2060-1234", CPR),
    "direction mark": ("\u200e710170-1234", CPR),
    "combining mark": ("7101701234\u0301", CPR),
    "no-break space": ("710170\u00a01234", CPR),
    "narrow no-break space": ("710170\u202f1234", CPR),
    "en dash": ("710170\u20131234", CPR),
    "minus sign": ("710170\u22121234", CPR),
    "points": ("71.01.70.1234", CPR),
    "slashes": ("71/01/70-1234", CPR),
    "within a text": ("sag 710170 - 1234, to", CPR),
    "after a dash": ("201011-0042", CPR),
    "after a prefix": ("CPR-7101701234", CPR),
    # A33: words by which programs write nothing.
    "null": ("nUlL", NONE),
    "not a number": ("NaN", NONE),
    "pandas": ("<NA>", NONE),
    "pandas time": ("NaT", NONE),
    "postgres": ("\\N", NONE),
    "python": (" None ", NONE),
    "javascript": ("[object Object]", NONE),
    "danish excel": ("#I/T", NONE),
    # A2: what an address cannot name again, or names differently.
    "line separator": ("sag\u2028 1", NONE),
    "next line": ("sag\u0085 1", NONE),
    "tab": ("sag\t1", NONE),
    "escape": ("sag\x1b[0m", NONE),
    "parent": ("..", NONE),
    "parent within": ("a/../b", NONE),
    "self": ("a/./b", NONE),
    "two slashes": ("a//b", NONE),
    "trailing slash": ("sag/", NONE),
    "leading slash": ("/sag", NONE),
    "history": ("x/history", NONE),
    "history alone": ("history", NONE),
    "zero width only": ("\u200b\u200d", NONE),
    "no-break space only": ("\u00a0", NONE),
}
TAKEN = {
    "emoji": "sag-\U0001f642-{}",
    "family emoji": "\U0001f468\u200d\U0001f469-{}",
    "danish": "forløb Æ {}",
    "composed and decomposed": "Ange\u0301lique-{}",
    "greek": "\u03b1\u03b2-{}",
    "slash": "2010/11/{}",
    "percent": "50%-{}",
    "question": "a?b#c&d={}",
    "plus": "a+b {}",
    "letter before": "K1301234567-{}",
    "case number of the trial's years": "JAM201103-0001-{}",
    "eleven digits": "71017012345-{}",
    "no such day": "9999991234-{}",
    "history within": "history/{}",
    "history as a part of a word": "{}-history",
    "nothing as a part of a word": "null-{}",
    "dots": "a..b...{}",
    "uuid": "01a22bab-e83a-72d0-8000-{}",
}


@pytest.fixture(scope="module")
def trial(register: Register) -> str:
    return register.new_trial()


@pytest.fixture(scope="module")
def anna(register: Register, trial: str) -> str:
    return register.drawn(trial)


@pytest.fixture(scope="module")
def case(register: Register) -> Client:
    return register.case_system()


@pytest.mark.parametrize(("external_id", "code"), REFUSED.values(), ids=REFUSED)
def test_it_is_no_id(case: Client, trial: str, anna: str, external_id: str, code: str) -> None:
    """In a batch, and where an address can carry it: 404 or 422. It is repeated nowhere."""
    record = {"external_id": external_id, "participant_id": anna, "date": "2010-11-16"}
    report = case.push(trial, "conversations", [record])
    (result,) = report["results"]
    assert (result["outcome"], result["external_id"]) == ("rejected", None)
    assert [(error["pointer"], error["code"]) for error in result["errors"]] == [("/records/0/external_id", code)]
    path = f"/v1/trials/{trial}/conversations/{quote(external_id, safe='')}"
    answer = case.put(path, {"participant_id": anna, "date": "2010-11-16"})
    assert answer.status_code in (404, 405, 422), answer.text


@pytest.mark.parametrize("pattern", TAKEN.values(), ids=TAKEN)
def test_it_is_an_id(case: Client, trial: str, anna: str, pattern: str) -> None:
    """What is stored in a batch is read, and taken back, at its address."""
    external_id = pattern.format(record_id())
    record = {"external_id": external_id, "participant_id": anna, "date": "2010-11-16"}
    assert case.push(trial, "conversations", [record])["counts"]["created"] == 1
    path = f"/v1/trials/{trial}/conversations/{quote(external_id, safe='')}"
    assert case.get(path).json()["external_id"] == external_id
    assert case.get(f"{path}/history").status_code == 200
    assert case.delete(path).status_code == 200

"""Numbers of people in texts that a sender chooses (issue 3, 4): found wherever they stand, seldom where none is."""

import hashlib
from uuid import UUID

import pytest
from pydantic_core import PydanticCustomError

from app.web.identifiers import holds_cpr, without_cpr


@pytest.mark.parametrize(
    "text",
    [
        "7101701234",
        "710170-1234",
        "710170 1234",
        " 7101701234 ",
        "samtale-7101701234",
        "CPR-7101701234",
        "Anna (710170-1234), Team 3",
        "0101701234/2010",
        "20110207 og 710170-1234",
        "x" * 40 + "-7101701234",
    ],
)
def test_a_number_within_a_text(text: str) -> None:
    assert holds_cpr(text)
    with pytest.raises(PydanticCustomError, match="not accepted") as raised:
        without_cpr(text)
    assert "7101701234" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "samtale-4711",
        "Team 3, tlf. 12345678",
        "9999991234",
        "dream-1-2011-W02",
        "71017012345",
        "CPR7101701234",  # a letter touches it: a case number (wild A11)
        "JAM201103-0001",
        "7101701234567890",
        "2010-11-08 849",
        "0192f0c1-1234-7000-8000-710170123456",
        "å" * 200,
    ],
)
def test_no_number(text: str) -> None:
    assert without_cpr(text) == text


def test_ids_of_computers_are_no_numbers() -> None:
    """Some of thousands would be refused by chance, and their records lost."""
    for number in range(20_000):
        digest = hashlib.sha256(str(number).encode())
        assert not holds_cpr(str(UUID(bytes=digest.digest()[:16])))
        assert not holds_cpr(digest.hexdigest())

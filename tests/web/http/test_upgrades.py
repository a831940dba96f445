"""Upgrade headers are ignored, whatever pieces the head comes in (wild B14)."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.web.http.upgrades import UpgradeFilter

HEAD = (
    b"POST /v1/x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUPGRADE: h2c\r\n"
    b"Up: 1\r\nContent-Length: 12\r\n\r\n"
)
BODY = b"\r\nUpgrade: h2"


@given(st.lists(st.integers(0, len(HEAD)), max_size=6))
def test_the_header_is_renamed_in_any_pieces(cuts: list[int]) -> None:
    stream = UpgradeFilter()
    places = [0, *sorted(cuts), len(HEAD)]
    passed = b"".join(stream.feed(HEAD[a:b]) for a, b in pairwise(places))
    assert passed == HEAD.replace(b"\r\nUPGRADE:", b"\r\nignored-upgrade:")
    stream.end_head()
    assert stream.feed(BODY) == BODY
    stream.begin_head()
    assert b"ignored-upgrade" in stream.feed(HEAD)


def test_a_body_in_the_same_piece_is_left_alone() -> None:
    assert UpgradeFilter().feed(HEAD + BODY).endswith(b"\r\n\r\n" + BODY)

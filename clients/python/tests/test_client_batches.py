"""Batches: nothing is lost, nothing is doubled, none is larger than the register accepts, nothing is read ahead."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rettevej_client.batches import MAX_BYTES, MAX_RECORDS, Batch, Batcher, TooLarge, encode_line
from rettevej_client.errors import RecordError

LINES = st.lists(st.binary(min_size=1, max_size=30).filter(lambda line: b"\n" not in line), max_size=60)


def cut(lines: list[bytes], max_records: int, max_bytes: int, run: str = "run") -> list[Batch | TooLarge]:
    batcher = Batcher(run, max_records, max_bytes)
    return [each for line in lines for each in batcher.add(line)] + list(batcher.flush())


@given(LINES, st.integers(1, 9), st.integers(5, 60))
def test_every_record_is_in_one_batch_in_order_or_told_to_be_too_large(
    lines: list[bytes], max_records: int, max_bytes: int
) -> None:
    place = 0
    for each in cut(lines, max_records, max_bytes):
        if isinstance(each, TooLarge):
            assert each.index == place
            assert len(lines[place]) + 1 > max_bytes
            place += 1
            continue
        assert each.first == place
        assert each.body == b"".join(line + b"\n" for line in lines[place : place + each.records])
        assert 1 <= each.records <= max_records
        assert len(each.body) <= max_bytes
        place += each.records
    assert place == len(lines)


@given(LINES, st.integers(1, 9))
def test_the_same_batch_of_a_run_has_the_same_key_and_no_other_batch_has_it(lines: list[bytes], size: int) -> None:
    keys = [each.key for each in cut(lines, size, 1000) if isinstance(each, Batch)]
    assert keys == [each.key for each in cut(lines, size, 1000) if isinstance(each, Batch)]
    others = [each.key for each in cut(lines, size, 1000, run="another run") if isinstance(each, Batch)]
    assert len({*keys, *others}) == len(keys) + len(others)


def test_a_run_that_goes_on_cuts_as_it_would_have_without_the_break() -> None:
    lines = [b"%d" % number for number in range(10)]
    whole = cut(lines, 4, 1000)
    batcher = Batcher("run", 4, 1000, first=4)
    rest = [each for line in lines[4:] for each in batcher.add(line)] + list(batcher.flush())
    assert rest == whole[1:]


def test_nothing_is_read_ahead_of_the_batch_that_is_filled() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"{}"

    batcher = Batcher("run", 3, 1000)
    first = next(each for line in endless() for each in batcher.add(line))
    assert isinstance(first, Batch)
    assert (first.records, taken) == (3, 4)


@pytest.mark.parametrize(("max_records", "max_bytes"), [(0, 10), (MAX_RECORDS + 1, 10), (1, MAX_BYTES + 1)])
def test_batches_that_the_register_would_refuse_are_not_made(max_records: int, max_bytes: int) -> None:
    with pytest.raises(ValueError, match="a batch holds"):
        Batcher("run", max_records, max_bytes)


def test_values_are_written_as_the_register_reads_them() -> None:
    class Scalar:
        """As numpy's."""

        def item(self) -> int:
            return 7

    record = {
        "external_id": "samtale-1",
        "revision": Scalar(),
        "participant_id": UUID(int=1),
        "date": date(2010, 11, 15),
        "starts_on": datetime(2010, 11, 15),  # noqa: DTZ001 - as data frames have days
        "at": datetime(2010, 11, 15, 8, tzinfo=UTC),
        "hours_per_week": Decimal("7.50"),
        "whole": Decimal(15),
        "focus": ("motivation", "retention"),
        "ends_on": float("nan"),
        "mentor_present": True,
    }
    assert json.loads(encode_line(record, 0)) == {
        "external_id": "samtale-1",
        "revision": 7,
        "participant_id": "00000000-0000-0000-0000-000000000001",
        "date": "2010-11-15",
        "starts_on": "2010-11-15",
        "at": "2010-11-15T08:00:00+00:00",
        "hours_per_week": 7.5,
        "whole": 15,
        "focus": ["motivation", "retention"],
        "ends_on": None,
        "mentor_present": True,
    }


@pytest.mark.parametrize("record", [{"cpr": object()}, {"cpr": float("inf")}, ["7101701234"], "7101701234", None])
def test_what_cannot_be_written_is_named_by_its_place_and_not_by_its_value(record: object) -> None:
    with pytest.raises(RecordError) as caught:
        encode_line(record, 41)
    assert caught.value.index == 41
    assert "7101701234" not in str(caught.value)
    assert caught.value.__context__ is None, "an error in the background would tell the value"


def test_missing_values_of_data_frames_are_null() -> None:
    """Wild.md A16: pandas' NA stopped a push."""
    frame = pd.DataFrame(
        {
            "external_id": ["a"],
            "revision": pd.array([pd.NA], dtype="Int64"),
            "form": pd.array([pd.NA], dtype="string"),
            "mentor_present": pd.array([pd.NA], dtype="boolean"),
            "date": [pd.NaT],
            "hours": [float("nan")],
        }
    )
    (record,) = frame.astype(object).to_dict("records")
    decoded = json.loads(encode_line({**record, "masked": np.ma.masked}, 0))
    assert decoded == {"external_id": "a", **dict.fromkeys([*record, "masked"])} | {"external_id": "a"}


def test_values_of_data_frames_keep_their_meaning() -> None:
    frame = pd.DataFrame(
        {
            "revision": pd.array([1, pd.NA], dtype="Int64"),
            "date": pd.to_datetime(["2010-11-15", None]),
            "hours": [7.5, None],
        }
    )
    first, second = (json.loads(encode_line(record, 0)) for record in frame.to_dict("records"))
    assert first == {"revision": 1, "date": "2010-11-15", "hours": 7.5}
    assert second == {"revision": None, "date": None, "hours": None}

"""Codes and limits that the client has of its own: those of the register."""

from rettevej_client import batches
from rettevej_client.descriptions import WARNINGS
from rettevej_client.results import OUTCOMES

from app.domain.codes import CODES
from app.domain.records import ingest
from app.routers.records.batch_io import MAX_RECORDS
from app.settings import Settings


def test_every_code_of_a_warning_has_its_words() -> None:
    assert set(WARNINGS) == set(CODES["WarningCode"].meaning)
    assert OUTCOMES == ingest.OUTCOMES


def test_batches_are_as_large_as_the_register_accepts() -> None:
    assert batches.MAX_RECORDS == MAX_RECORDS
    assert Settings.model_fields["max_body_bytes"].default == batches.MAX_BYTES

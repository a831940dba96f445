"""A large JSON body that is no batch is refused at the first value of a wrong type."""

import pytest

from app.routers.records import batch_io
from app.web.json_body import SMALL_BODY
from app.web.problems import Problem


@pytest.mark.parametrize(
    ("begins", "pointer"),
    [(b"[", ""), (b'"x",', ""), (b'{"records":{"a":1},', "/records"), (b'{"records":7,', "/records")],
)
def test_a_large_body_of_the_wrong_type_is_read_no_further(
    begins: bytes, pointer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_io, "read_json", lambda _: pytest.fail("it is decoded"))
    with pytest.raises(Problem) as raised:
        batch_io._json_records(begins + b"[]," * SMALL_BODY)
    assert [(fault.pointer, fault.code) for fault in raised.value.errors] == [(pointer, "invalid_value")]


@pytest.mark.parametrize(
    "content", [b'{"records":[1e400]', b'{"records":null', b'{"record":[]', b'{"records":[], "x":1']
)
def test_another_fault_of_a_large_body_is_named_as_of_a_small_one(content: bytes) -> None:
    def fault(body: bytes) -> object:
        try:
            return batch_io._json_records(body)
        except Problem as problem:
            return problem.code, problem.errors

    assert fault(content + b" " * SMALL_BODY + b"}") == fault(content + b"}")

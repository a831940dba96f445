"""How much the slow tests try. What CI has time for is a twentieth; a quiet hour sets ``RETTEVEJ_THOROUGHNESS=1``."""

import os

import pytest

THOROUGHNESS = float(os.environ.get("RETTEVEJ_THOROUGHNESS", "0.05"))


def so_many(all_of_them: int) -> int:
    """The share of a number that is tried, one at least."""
    return max(1, round(all_of_them * THOROUGHNESS))


def few_or_many(few: int) -> pytest.MarkDecorator:
    """Parametrize ``examples``: a few in the quick suite, up to eight hundred in the slow one."""
    many = pytest.param(so_many(800), marks=[pytest.mark.slow, pytest.mark.timeout(900)])
    return pytest.mark.parametrize("examples", [few, many])

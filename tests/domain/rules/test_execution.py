"""A checkout runs its sources, and no compiled module shadows one; in a wheel every module of logic is compiled."""

import importlib
import os
import pkgutil
import tomllib
from pathlib import Path

import app.domain
from app.domain.rules.execution import execution

ROOT = Path(__file__).parents[3]
EXPECTED = os.environ.get("EXPECTED_EXECUTION", "interpreted")
"""Set by ``make test-compiled``."""


def _interpreted_in_a_wheel() -> set[str]:
    """The modules and packages that the build leaves interpreted."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    names: list[str] = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["interpreted"]
    return {name.removesuffix(".py").replace("/", ".") for name in names}


def test_every_module_runs_as_expected() -> None:
    assert execution() == EXPECTED
    declarations = _interpreted_in_a_wheel()
    names = [module.name for module in pkgutil.walk_packages(app.domain.__path__, "app.domain.")]
    assert "app.domain.rules.weeks" in names
    for name in names:
        file = importlib.import_module(name).__file__
        assert file is not None
        interpreted = EXPECTED == "interpreted" or not declarations.isdisjoint((name, name.rpartition(".")[0]))
        assert file.endswith(".py") == interpreted, file


def test_the_wheel_is_not_shadowed_by_the_checkout() -> None:
    folder = Path(app.domain.__path__[0])
    assert (folder.parts[-3] == "site-packages") == (EXPECTED == "compiled"), folder

"""Build hook: compile the rules with mypyc into the wheel (docs/decisions/0005). The sources are in it beside them."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from mypyc.build import mypycify
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext
from setuptools.errors import CCompilerError, ExecError, PlatformError


class CompileRules(BuildHookInterface):  # type: ignore[type-arg]  # the configuration of a builder, which is not used
    """Adds compiled modules to a wheel. An editable installation gets none: a checkout runs its sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile into a temporary folder. Without a C compiler the wheel has the sources alone, which are slower."""
        self.folder = TemporaryDirectory()
        folder = Path(self.folder.name)
        if version == "editable":
            return
        if not _has_compiler(folder):
            self.app.display_warning("No C compiler, or no Python.h: the rules stay interpreted, which is slower.")
            return
        interpreted = {Path(name) for name in self.config["interpreted"]}
        modules = [path for path in Path("app/domain").rglob("*.py") if interpreted.isdisjoint((path, *path.parents))]
        options = ["--strict", *sorted(map(str, modules))]
        built = _build(mypycify(options, group_name="rettevej", target_dir=str(folder / "c"), debug_level="0"), folder)
        build_data["force_include"] |= {str(path): str(path.relative_to(built)) for path in built.rglob("*.*")}
        build_data["pure_python"], build_data["infer_tag"] = False, True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - the hook's interface
        """Remove the temporary folder."""
        self.folder.cleanup()


def _build(extensions: list[Extension], folder: Path) -> Path:
    """Return the folder with the built extensions."""
    command = build_ext(Distribution({"ext_modules": extensions}))
    command.build_lib, command.build_temp = str(folder / "built"), str(folder / "objects")
    command.ensure_finalized()
    command.run()
    return folder / "built"


def _has_compiler(folder: Path) -> bool:
    source = folder / "probe.c"
    source.write_text("#include <Python.h>\n")
    try:
        _build([Extension("probe", [str(source)])], folder / "probe")
    except (CCompilerError, ExecError, PlatformError):
        return False
    return True

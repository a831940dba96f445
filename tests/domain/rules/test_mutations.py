"""Thirty changed rules: each is caught by a test of ``test_sentences`` whose docstring cites the rule.

A change is a text of one module, and what stands in its place. The changed copy of the domain lies in a temporary
folder; the tests run against it in a process of their own.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.domain.rules import test_sentences

ROOT = Path(__file__).parents[3]
DOMAIN = Path("app", "domain")
MUTATIONS = [
    # presence and exemptions
    ("4.1", "rules/presence.py", "min(event.date - _ONE_DAY, ends_on)", "min(event.date, ends_on)"),
    (
        "4.1",
        "rules/presence.py",
        "since, by_rematch = event.date, rematch",
        "since, by_rematch = event.date + _ONE_DAY, rematch",
    ),
    ("4.1", "rules/presence.py", "if rematch and not protocol.rematch_to_group_3_exits:", "if rematch and False:"),
    ("4.1", "rules/presence.py", "if rematch and exits[-1][1] != _GROUP_3:", "if rematch and False:"),
    ("4.1", "rules/presence.py", "return event.date, 2, 0", "return event.date, -1, 0"),
    ("4.1", "rules/presence.py", "same_again = by_rematch if", "same_again = False if"),
    (
        "4.2",
        "rules/presence.py",
        "exemption.ends_on.toordinal() - first_monday + 1",
        "exemption.ends_on.toordinal() - first_monday",
    ),
    ("4.3", "rules/presence.py", "_IN + _NO_TALK, _NO_OFFER + _NEITHER", "_IN + _NO_TALK, _NO_OFFER + _NO_OFFER"),
    # numbers, what is due, the meter
    ("4.3", "rules/weeks.py", "elif available[index] >= enough:", "elif available[index] > enough:"),
    ("4.3", "rules/weeks.py", "if in_trial[index] < enough else", "if in_trial[index] <= enough else"),
    ("4.3", "rules/weeks.py", "ends_on.weekday() + 1 >= countable_days", "ends_on.weekday() + 1 > countable_days"),
    ("4.4", "rules/weeks.py", "if open_to_talks[index] >= enough:", "if open_to_talks[index] > enough:"),
    ("4.4", "rules/weeks.py", "number >= due_week and open_to_offers", "number > due_week and open_to_offers"),
    ("4.4", "rules/weeks.py", "and open_to_offers[index] >= enough", "and open_to_talks[index] >= enough"),
    ("4.4", "rules/weeks.py", "if active[index]:", "if active[index] and activation_due[index]:"),
    ("6 [S]", "rules/weeks.py", "if used == most_active or number == most_weeks:", "if used == most_active:"),
    # conversations
    ("4.5 [S]", "rules/conversations.py", "(0 if protocol.talk_on_assignment_counts else 1)", "1"),
    ("4.5", "rules/conversations.py", "day >= self.first_day", "day > self.first_day"),
    ("4.5", "rules/conversations.py", "if not history.settings.external_provider_talks:", "if False:"),
    ("4.5", "rules/conversations.py", "-len(sent), client)", "len(sent), client)"),
    ("4.5", "rules/conversations.py", "if number > last_number:", "if number >= last_number:"),
    (
        "4.5",
        "rules/conversations.py",
        "-(-share.numerator * held // share.denominator)",
        "share.numerator * held // share.denominator",
    ),
    (
        "4.5",
        "rules/conversations.py",
        'elif form == "in_person":\n            later_held',
        'elif form != "remote":\n            later_held',
    ),
    ("4.5", "rules/conversations.py", "timedelta(days=days + 1)", "timedelta(days=days)"),
    # activations
    ("4.6", "rules/activity.py", "activation.hours_per_week >= minimum", "activation.hours_per_week > minimum"),
    ("4.6", "rules/activity.py", "changes.setdefault(client, {})", 'changes.setdefault("", {})'),
    ("4.6", "rules/activity.py", "in protocol.sufficient_not_workplace_reasons", "is not None"),
    ("4.6", "judged_weeks.py", "- first_monday + 7 - WORKING_DAYS) // 7", "- first_monday) // 7"),
    # warnings, and the screening
    ("4.8", "rules/warnings.py", "> self._due_week", ">= self._due_week"),
    (
        "3.1",
        "rules/eligibility.py",
        'add_months(since, rule["months"]) >= day',
        'add_months(since, rule["months"]) > day',
    ),
]
"""The rule, the module below ``app/domain``, what is there once, and what is put in its place."""


def failed_against(folder: Path) -> list[str]:
    """The names of the tests of ``test_sentences`` that fail against the copy of the application in a folder."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--noconftest", "-rf"]
    command += ["--rootdir", str(folder), "--import-mode=importlib", "--tb=no", test_sentences.__file__]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    return re.findall(r"^FAILED .*::(test_\w+)", ran.stdout, re.MULTILINE)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__")
    for package in ("domain", "protocols"):
        shutil.copytree(ROOT / "app" / package, tmp_path / "app" / package, ignore=ignored)
    shutil.copy(ROOT / "app" / "__init__.py", tmp_path / "app")
    return tmp_path


def test_the_list() -> None:
    """Thirty, all different; each text is in its module exactly once."""
    assert len(set(MUTATIONS)) == 30
    for _, module, text, replacement in MUTATIONS:
        assert (ROOT / DOMAIN / module).read_text("utf-8").count(text) == 1, text
        assert text != replacement


@pytest.mark.slow
def test_unchanged_rules_pass(copied: Path) -> None:
    assert failed_against(copied) == []


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "module", "text", "replacement"), MUTATIONS)
def test_a_changed_rule_is_caught(copied: Path, rule: str, module: str, text: str, replacement: str) -> None:
    """By a test that names the rule."""
    file = copied / DOMAIN / module
    file.write_text(file.read_text("utf-8").replace(text, replacement), "utf-8")
    failed = failed_against(copied)
    cited = [name for name in failed if f"Domain {rule}" in (getattr(test_sentences, name).__doc__ or "")]
    assert cited, failed

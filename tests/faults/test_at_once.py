"""Two servers on one database, and two migrations of an empty one, at once."""

import subprocess
from collections.abc import Callable

import pytest

from tests.faults.elsewhere import MASTER_KEY, Elsewhere
from tests.faults.figures import Figures, query
from tests.faults.harness import RETTEVEJ
from tests.faults.load import Load, new_trial

pytestmark = pytest.mark.slow  # it starts servers


def test_two_servers_start_on_an_empty_database_and_share_it(
    elsewhere: Elsewhere, keep: Callable[[Figures], None]
) -> None:
    with elsewhere.server("one", wait=False) as one, elsewhere.server("two", wait=False) as two:
        for server in (one, two):
            server.wait_until_ready()
        issuer = elsewhere.issuer.issuer
        trial = new_trial(one.url, issuer)
        with Load([one.url, two.url], trial, issuer, most=20_000) as load:
            load.wait_for(40)
        assert set(load.answers) == {207}
        for server in (one, two):
            assert server.in_use() == 0
            server.stop()
            assert "Traceback" not in server.log()
    figures = elsewhere.figures(load)
    keep(figures)
    figures.all_is_well(at_least=40)


def test_a_migration_runs_twice_at_once(elsewhere: Elsewhere) -> None:
    """Each time one does the work and the other finds it done; also in a cluster that knows the application's role."""
    for name in ("first", "second"):
        url = elsewhere.new_database(name)
        command = [str(RETTEVEJ), "migrate", "--database-url", url, "--data-dir", str(elsewhere.directory)]
        running = [
            subprocess.Popen(
                command,
                env={"RETTEVEJ_MASTER_KEY": MASTER_KEY.hex()},
                cwd=elsewhere.directory,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(2)
        ]
        said = [each.communicate(timeout=60)[0] for each in running]
        assert [each.returncode for each in running] == [0, 0], said
        assert len(query(url, "select version_num from alembic_version")) == 1
        figures = elsewhere.figures(database=name)
        assert figures.faults == []

"""A real PostgreSQL for every test that stores: one embedded server a run, a copied database for each use."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings
from sqlalchemy.engine import make_url

from app.db.core.migrate import migrate
from app.db.core.session import make_engine
from app.postgres.supervisor import EmbeddedPostgres
from tests.register import Register

settings.register_profile("rettevej", deadline=None)  # a busy machine is no failure
settings.load_profile("rettevej")
_TEMPLATE = "rettevej_template"
_numbers = itertools.count(1)


def _run_sql(url: str, *statements: str) -> None:
    async def run() -> None:
        parts = make_url(url)
        connection = await asyncpg.connect(
            host=str(parts.query["host"]), port=5432, user=parts.username, password=parts.password, database="postgres"
        )
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


async def _migrate(url: str) -> None:
    engine = make_engine(url, 1)
    await migrate(engine)
    await engine.dispose()


def _url_of(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The run's PostgreSQL server."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data", durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """The name of a database with the newest schema and nothing in it."""
    _run_sql(postgres.url, f"create database {_TEMPLATE}")
    asyncio.run(_migrate(_url_of(postgres.url, _TEMPLATE)))
    return _TEMPLATE


@pytest.fixture(scope="session")
def new_database(postgres: EmbeddedPostgres, template: str) -> Callable[[], str]:
    """Makes an empty database with the newest schema and gives its URL."""

    def make() -> str:
        name = f"test_{next(_numbers)}"
        _run_sql(postgres.url, f"create database {name} template {template}")
        return _url_of(postgres.url, name)

    return make


@contextmanager
def _register(url: str, directory: Path) -> Iterator[Register]:
    with Register(url, directory) as register:
        yield register


@pytest.fixture(scope="session")
def register(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Register]:
    """The application on a database of the run; tests keep apart by using trials of their own."""
    with _register(new_database(), tmp_path_factory.mktemp("register")) as register:
        yield register


@pytest.fixture
def fresh_register(new_database: Callable[[], str], tmp_path: Path) -> Iterator[Register]:
    """The application on a database of its own, for tests that look at everything there is."""
    with _register(new_database(), tmp_path) as register:
        yield register

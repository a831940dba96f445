"""A server whose database and token issuer are other processes."""

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.engine import make_url

from app.postgres.supervisor import EmbeddedPostgres
from app.web.tokens import LocalIssuer
from tests.faults.figures import Figures, figures_of, query
from tests.faults.harness import Server
from tests.faults.load import Load


class Issuer:
    """Somebody else's issuer: its keys are served on this machine, the tokens are signed as the local issuer does."""

    def __init__(self, directory: Path) -> None:
        self.issuer = LocalIssuer.load_or_create(directory)
        keys = json.dumps(self.issuer.jwks()).encode()

        class Keys(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(keys)))
                self.end_headers()
                self.wfile.write(keys)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
        self.jwks_url = f"http://127.0.0.1:{self._http.server_address[1]}/jwks"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()


MASTER_KEY = bytes(range(32))


@dataclass(frozen=True)
class Elsewhere:
    """A database server and an issuer that rettevej is only told of."""

    postgres: EmbeddedPostgres
    issuer: Issuer
    directory: Path

    def server(self, name: str = "api", *, workers: int = 1, wait: bool = True, database: str | None = None) -> Server:
        """A server on this database, not yet started."""
        return Server(
            self.directory / name,
            workers=workers,
            wait=wait,
            database_url=self.url(database),
            master_key=MASTER_KEY.hex(),
            issuer="rettevej-local",
            jwks_url=self.issuer.jwks_url,
        )

    def url(self, database: str | None = None) -> str:
        url = make_url(self.postgres.url)
        return url.set(database=database or url.database).render_as_string(hide_password=False)

    def new_database(self, name: str) -> str:
        """Makes a database with nothing in it and gives its URL."""
        query(self.postgres.url, f"create database {name}")
        return self.url(name)

    def figures(self, *loads: Load, database: str | None = None) -> Figures:
        return figures_of(self.url(database), MASTER_KEY, *loads)

"""Many small requests over several connections, by a client that costs little: sockets, and the bytes of HTTP/1.1."""

import asyncio
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Load:
    """What came of it."""

    rate: float
    p50: float
    p99: float


def requests_per_second(url: str, connections: int, make: Callable[[], bytes], seconds: float = 3.0) -> float:
    """POST requests a second."""
    return run(lambda: ("POST", url, make()), connections, seconds).rate


def run(
    make: Callable[[], tuple[str, str, bytes]],
    connections: int,
    seconds: float = 3.0,
    headers: Mapping[str, str] | None = None,
) -> Load:
    """Requests (method, url, body) over connections for some seconds; an answer of 400 or more is an error."""
    return asyncio.run(_run(make, connections, seconds, headers or {}))


async def _run(
    make: Callable[[], tuple[str, str, bytes]], connections: int, seconds: float, headers: Mapping[str, str]
) -> Load:
    taken: list[float] = []
    end = time.perf_counter() + seconds
    start = time.perf_counter()
    await asyncio.gather(*(_one(make, end, headers, taken) for _ in range(connections)))
    elapsed = time.perf_counter() - start
    ordered = sorted(taken)
    return Load(len(taken) / elapsed, statistics.median(ordered), ordered[int(len(ordered) * 0.99)])


async def _one(
    make: Callable[[], tuple[str, str, bytes]], end: float, headers: Mapping[str, str], taken: list[float]
) -> None:
    _, url, _ = make()
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    while time.perf_counter() < end:
        method, url, content = make()
        path = url[len(f"{place.scheme}://{place.netloc}") :]
        start = time.perf_counter()
        writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n{extra}\r\n".encode()
            + content
        )
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        answer = await reader.readexactly(length) if length else b""
        if status >= 400:
            raise RuntimeError(f"{status}: {answer[:300]!r}")
        taken.append(time.perf_counter() - start)
    writer.close()

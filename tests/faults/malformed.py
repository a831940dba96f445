"""Requests that are wrong, for every operation of the contract: types, sizes, encodings, nesting, headers."""

import gzip
import json
import random
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

MARK = "zq7canary"
"""Stands in what is sent, and must stand in no answer."""
TEXTS = (
    f"{MARK}",
    f"{MARK}\x00",
    f"\ud800{MARK}",
    f"{MARK}\u202e\ufeff😀",
    f"{MARK}' or 1=1; drop table trial; --",
    MARK * 800,
    f"0101701234{MARK}",
    f"%00{MARK}",
    f"../../{MARK}",
    f"{MARK}{{{{7*7}}}}",
    "",
    "\x00",
    "NaN",
    "2010-02-30",
    "0000-00-00",
    "+999999-12-31",
    "2010-11-16T00:00:00+99:99",
)
NUMBERS = (0, -1, 2**31, 2**63, -(2**63) - 1, 10**400, 1e308, -0.0, 1e-320, 0.1, float("inf"), float("nan"))
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], {MARK: MARK}, {"\x00": 1})


@dataclass(frozen=True)
class Malformed:
    """One request that is wrong; ``path`` is as it stands on the wire."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True)
class Operation:
    """An operation of the contract: where it lies, what its path and its query take, what it reads."""

    method: str
    path: str
    parameters: Sequence[Mapping[str, Any]]
    media_types: Sequence[str]
    properties: Sequence[str]


def operations_of(document: Mapping[str, Any]) -> list[Operation]:
    """Every operation of an OpenAPI document."""

    def resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in node:
            target: Any = document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    found = []
    for path, item in document["paths"].items():
        for method in item.keys() & {"get", "post", "put", "patch", "delete"}:
            operation = item[method]
            parameters = [resolved(each) for each in (*item.get("parameters", ()), *operation.get("parameters", ()))]
            content = resolved(operation.get("requestBody", {})).get("content", {})
            names: set[str] = set()
            pending = [resolved(each.get("schema", {})) for each in content.values()]
            for schema in pending[:]:
                pending += [resolved(each) for kind in ("anyOf", "oneOf", "allOf") for each in schema.get(kind, ())]
                pending += [
                    resolved(each.get("items", {})) for each in map(resolved, schema.get("properties", {}).values())
                ]
            for schema in pending:
                names |= set(schema.get("properties", {}))
            found.append(Operation(method.upper(), path, parameters, list(content), sorted(names)))
    return sorted(found, key=lambda each: (each.path, each.method))


class Maker:
    """Makes malformed requests, the same ones for the same seed.

    ``known``: values that exist, so that what is behind them is reached; ``tokens``: of clients that may.
    """

    def __init__(
        self, operations: Sequence[Operation], known: Mapping[str, str], tokens: Sequence[str], seed: int
    ) -> None:
        self._operations = operations
        self._known = known
        self._tokens = tokens
        self._chance = random.Random(seed)

    def requests(self, number: int) -> Iterator[Malformed]:
        """So many, each operation in its turn."""
        for place in range(number):
            yield self._request(self._operations[place % len(self._operations)])

    def _text(self) -> str:
        return self._chance.choice(TEXTS)

    def _value(self, depth: int = 0) -> Any:
        kind = self._chance.randrange(8)
        if kind < 3:
            return self._text()
        if kind < 5:
            return self._chance.choice(NUMBERS)
        if kind < 7 or depth > 3:
            return self._chance.choice(OTHERS)
        return [self._value(depth + 1) for _ in range(self._chance.randrange(4))]

    def _request(self, operation: Operation) -> Malformed:
        chance = self._chance
        path = operation.path
        query: list[str] = []
        headers = {"Authorization": f"Bearer {chance.choice(self._tokens)}"}
        for parameter in operation.parameters:
            name = parameter["name"]
            if parameter["in"] == "path":
                known = (
                    None if path.endswith("/close") else self._known.get(name)
                )  # a closed trial would refuse the rest
                value = known if known is not None and chance.random() < 0.85 else self._text()
                path = path.replace(f"{{{name}}}", quote(value.encode("utf-8", "surrogatepass"), safe="") or "%20")
            elif parameter["in"] == "query" and (parameter.get("required") or chance.random() < 0.3):
                for _ in range(chance.choice((1, 1, 2))):
                    text = self._text() if chance.random() < 0.7 else str(self._value())
                    query.append(f"{name}={quote(text.encode('utf-8', 'surrogatepass'))}")
            elif parameter["in"] == "header" and chance.random() < 0.3:
                headers[name] = chance.choice((MARK, "*", '"', '""', "W/", f'"{MARK}"', MARK * 300, ", , ,", "\t\x7f"))
        if chance.random() < 0.05:
            query.append(f"{MARK}=%ff%fe&&=&{quote(self._text().encode('utf-8', 'surrogatepass'))}")
        if chance.random() < 0.03:
            headers["Authorization"] = chance.choice(
                (MARK, "Bearer", f"Bearer {MARK}", "Basic AAAA", f"Bearer {MARK * 2000}")
            )
        body = None
        if operation.media_types or chance.random() < 0.2:
            headers["Content-Type"] = chance.choice(operation.media_types or ("application/json",))
            body = self._body(operation, headers)
        return Malformed(operation.method, "?".join([path, "&".join(query)]).removesuffix("?"), headers, body)

    def _body(self, operation: Operation, headers: dict[str, str]) -> bytes:
        chance = self._chance
        make: Callable[[Operation, dict[str, str]], bytes] = chance.choice(
            (
                self._typed,
                self._typed,
                self._typed,
                self._broken,
                self._encoded,
                self._nested,
                self._repeated,
                self._lines,
            )
        )
        return make(operation, headers)

    def _object(self, operation: Operation) -> dict[str, Any]:
        names = [*operation.properties, MARK]
        made = {name: self._value() for name in names if self._chance.random() < 0.6}
        made |= {name: value for name, value in self._known.items() if name in made and self._chance.random() < 0.7}
        if operation.path.endswith("/batch") and self._chance.random() < 0.9:
            fields = (
                "external_id",
                "participant_id",
                "cpr",
                "revision",
                "date",
                "starts_on",
                "ends_on",
                "kind",
                "type",
            )
            one = {name: self._value() for name in fields if self._chance.random() < 0.7}
            return {"records": [one] * self._chance.choice((1, 2, 50))}
        return made

    def _typed(self, operation: Operation, headers: dict[str, str]) -> bytes:
        """The right form, with values of every wrong type."""
        if "application/json" in operation.media_types and self._chance.random() < 0.9:
            headers["Content-Type"] = "application/json"
        return json.dumps(self._object(operation)).encode()

    def _broken(self, operation: Operation, headers: dict[str, str]) -> bytes:
        """Cut off, or with bytes changed."""
        whole = bytearray(json.dumps(self._object(operation)).encode())
        if self._chance.random() < 0.5:
            return bytes(whole[: self._chance.randrange(len(whole))])
        for _ in range(3):
            whole[self._chance.randrange(len(whole))] = self._chance.randrange(256)
        return bytes(whole)

    def _encoded(self, operation: Operation, headers: dict[str, str]) -> bytes:
        """In another character set, compressed, or of another media type, with or without saying so."""
        text = json.dumps(self._object(operation), ensure_ascii=True)
        kind = self._chance.randrange(7)
        if kind == 0:
            headers["Content-Type"] += "; charset=utf-16"
            return text.encode("utf-16")
        if kind == 1:
            return text.encode("utf-32")
        if kind == 2:
            headers["Content-Encoding"] = "gzip"
            return gzip.compress(b"[" * 1_000_000)
        if kind == 3:
            headers["Content-Encoding"] = self._chance.choice(("deflate", "br", MARK, "gzip, gzip"))
            return zlib.compress(text.encode())
        if kind == 4:
            headers["Content-Type"] = self._chance.choice(
                ("text/plain", "multipart/form-data", "application/json; charset=", "a" * 500, MARK, "application/xml")
            )
            return text.encode()
        if kind == 5:
            return b"\xef\xbb\xbf" + text.encode()
        return text.replace(MARK, "\udcff").encode("utf-8", "surrogateescape")

    def _nested(self, operation: Operation, headers: dict[str, str]) -> bytes:
        """Deeper than anybody means it."""
        depth = self._chance.choice((200, 2_000, 100_000))
        opening, closing = self._chance.choice(((b"[", b"]"), (b'{"records":', b"}"), (b'{"a":[', b"]}")))
        return opening * depth + (closing * depth if self._chance.random() < 0.5 else b"")

    def _repeated(self, operation: Operation, headers: dict[str, str]) -> bytes:
        """The same name many times, or long numbers."""
        names = [*operation.properties, "records", MARK]
        values = ("1" * 5000, "1e999999", "-0", "[]", "null", "{}")
        pairs = [f"{json.dumps(self._chance.choice(names))}: {self._chance.choice(values)}" for _ in range(30)]
        return ("{" + ",".join(pairs) + "}").encode()

    def _lines(self, operation: Operation, headers: dict[str, str]) -> bytes:
        """NDJSON or CSV that is none."""
        if "text/csv" in operation.media_types:
            headers["Content-Type"] = self._chance.choice(("text/csv", "application/x-ndjson"))
        lines = [
            "external_id,participant_id,date,focus",
            f'"{MARK}',
            f"{MARK},\x00,2010-11-16,a|b|c,too,many",
            '"a""b",,,',
            "{}",
            "null",
            f'{{"external_id": "{MARK}", "revision": 99999999999999999999}}',
            "," * 3000,
            "\r\r\n",
            "x" * 200_000,
        ]
        return "\n".join(self._chance.choices(lines, k=8)).encode()

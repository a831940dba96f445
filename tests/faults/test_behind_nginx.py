"""docs/deploy/nginx.conf before a real server: batch, report, page, trailing slash, an offered upgrade, HTTP/2."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.web.tokens import LocalIssuer
from tests.faults.harness import Server, wait_for

NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
CONFIGURATION = (Path(__file__).parents[2] / "docs" / "deploy" / "nginx.conf").read_text("utf-8")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed: tests/faults/install-nginx installs Debian's"),
]


def _certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "register.example")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    certificate = builder.not_valid_before(now).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    (folder / "key.pem").write_bytes(key.private_bytes(*form, plain))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("behind") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def url(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of nginx with the file of the documents; ports and certificates are the test's."""
    folder = tmp_path_factory.mktemp("nginx")
    _certificate(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = CONFIGURATION.replace("127.0.0.1:8000", server.url.removeprefix("http://"))
    text = text.replace("listen 443", f"listen 127.0.0.1:{port}")
    text = text.replace("/etc/ssl/certs/register.example.pem", str(folder / "certificate.pem"))
    text = text.replace("/etc/ssl/private/register.example.key", str(folder / "key.pem"))
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"daemon off;\nmaster_process off;\npid {folder}/pid;\nevents {{}}\n"
    main = f"{head}http {{\naccess_log off;\n{places}{text}}}\n"
    (folder / "nginx.conf").write_text(main, "utf-8")
    assert NGINX is not None
    command = [NGINX, "-e", str(folder / "errors"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(command) as process:
        try:
            address = f"https://127.0.0.1:{port}"
            wait_for(lambda: process.poll() is None and _answers(port), "nginx answers")
            yield address
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def http(server: Server, url: str) -> Iterator[httpx.Client]:
    token = LocalIssuer.load_or_create(server.data_dir).token
    with httpx.Client(base_url=url, verify=False, timeout=30) as http:
        trial = {
            "id": "prvij",
            "protocol": "prvij-2010-11",
            "title": "Behind nginx",
            "jobcentres": [{"code": "849", "name": "Jammerbugt", "region": "nord", "agreed_participants": 85}],
        }
        agency = {"Authorization": f"Bearer {token('agency')}"}
        assert http.post("/v1/trials", json=trial, headers=agency).status_code == 201
        http.headers["Authorization"] = f"Bearer {token('case-system')}"
        yield http


BATCH = {"records": [{"external_id": "a", "cpr": "7101701234", "date": "2010-11-16"}]}


def test_a_batch_and_a_report(http: httpx.Client) -> None:
    assert http.post("/v1/trials/prvij/conversations/batch", json=BATCH).status_code == 207
    report = http.get("/v1/trials/prvij/weekly-summary.csv", params={"week": "2010-W46"})
    assert (report.status_code, report.headers["content-type"]) == (200, "text/csv; charset=utf-8")


def test_an_offered_upgrade_loses_no_body(http: httpx.Client) -> None:
    """Java's HttpClient and curl --http2 offer it."""
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
    assert http.post("/v1/trials/prvij/conversations/batch", json=BATCH, headers=offer).status_code == 207


def test_the_page_and_nothing_that_is_for_this_machine(http: httpx.Client) -> None:
    assert "page/js/main.js" in http.get("/").text
    assert http.get("/page/js/main.js").status_code == 200
    assert http.get("/metrics").status_code == 404


def test_a_trailing_slash_is_another_address(http: httpx.Client) -> None:
    """Nothing is sent on in clear."""
    answer = http.get("/v1/trials/prvij/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    encoded = http.get("/v1/trials/prvij/conversations/a%2Fb")
    assert encoded.json()["code"] == "not_found"


def test_a_body_that_is_too_large_is_a_problem(http: httpx.Client) -> None:
    content = b'{"records": ["' + b"a" * (16 * 1024 * 1024) + b'"]}'
    headers = {"Content-Type": "application/json"}
    answer = http.post("/v1/trials/prvij/conversations/batch", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_http_2(url: str) -> None:
    command = ["curl", "-sk", "--http2", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", f"{url}/readyz"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "2 200"

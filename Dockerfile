# The register with its embedded PostgreSQL in one image.
#
# Listening on all interfaces it does not sign tokens itself (the local issuer is for the loopback interface only), so an
# issuer must be configured. The data, the master key included, is in the volume unless a server and a key are given.
#
#   docker build -t rettevej .
#   docker run --init -p 8000:8000 -v rettevej:/data \
#       -e RETTEVEJ_ISSUER=https://issuer.example -e RETTEVEJ_JWKS_URL=https://issuer.example/keys rettevej
#
# Other settings: RETTEVEJ_DATABASE_URL with RETTEVEJ_MASTER_KEY, RETTEVEJ_WORKERS, … (app/settings.py).

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all:
WORKDIR /src
# The C compiler for the rules stays in this stage.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY requirements.lock requirements-dev.lock ./
RUN python -m venv /opt/rettevej && /opt/rettevej/bin/pip install --require-hashes -r requirements.lock
# The build backend is locked with the tools of development; they stay in this stage.
RUN python -m venv /opt/build && /opt/build/bin/pip install --require-hashes -r requirements-dev.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY app app
COPY clients/python clients/python
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir dist . ./clients/python \
    && /opt/rettevej/bin/pip install --no-deps --no-index dist/rettevej*.whl \
    && /opt/rettevej/bin/python -P -c "from app.domain.rules.execution import execution; assert execution() == 'compiled'"

FROM python:3.13-slim
# The number is fixed, so that a volume keeps its owner. PostgreSQL refuses to run as root, and need not.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin rettevej \
    && install -d -m 700 -o rettevej -g rettevej /data
COPY --from=build /opt/rettevej /opt/rettevej
ENV PATH=/opt/rettevej/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 RETTEVEJ_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.getenv('RETTEVEJ_PORT', '8000')}/readyz\", timeout=4)"]
CMD ["rettevej", "serve", "--host", "0.0.0.0"]

# The image holds Python, the exporter and nothing to log in with: no shell, no package manager.
# Both bases are pinned by digest (the digests name all architectures) and share one Python, 3.11.
ARG BUILD_IMAGE=docker.io/library/python:3.11.16-slim-bookworm@sha256:528257d48c1da0dcecc2e725d1ae34498d60c965f1241e39cd6a85a8859bdf84
ARG BASE_IMAGE=gcr.io/distroless/python3-debian12:nonroot@sha256:7d1042ce588ab97019fe95c24ffca7bc5a82ccdac572511d5e09bda4435c89c5

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
# Everything that is downloaded is named with its hash: scripts/requirements.py wrote these.
COPY requirements/build.txt requirements/image.txt requirements/
RUN python3 -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r requirements/build.txt \
 && python3 -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps --no-build-isolation --target /app -r requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY exporter exporter
COPY rules rules
COPY alertmanager alertmanager
# The wheel that users install, built and then installed as such.
RUN python3 -m pip wheel --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir /dist . \
 && python3 -m pip install --no-cache-dir --disable-pip-version-check --no-deps --target /app /dist/*.whl

FROM ${BASE_IMAGE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="jetstream-exporter" \
      org.opencontainers.image.description="Prometheus exporter for NATS JetStream" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /app /app
ENV PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 18222
STOPSIGNAL SIGTERM
# The process, never NATS: a dead NATS must not restart its monitoring.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
  CMD ["/usr/bin/python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:18222/-/healthy', timeout=4)"]
ENTRYPOINT ["/usr/bin/python3", "-m", "jetstream_exporter"]

# The agent as an image: an interpreter, our packages and git, and nothing that could run anything else.
#
#     docker build --tag cicd-agent .
#     docker run --rm --read-only --tmpfs /tmp --cap-drop ALL --network none \
#         --volume "$PWD:/repo:ro" cicd-agent review --base main --output-dir /tmp
#
# For a build that can be repeated, name the base by its digest; any with Python ≥ 3.11 will do:
#     docker build --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:… --tag cicd-agent .
# Without PyPI, put the wheels into `wheels/` first: `pip download --requirement requirements-fleet.lock --dest wheels`.
ARG PYTHON_IMAGE=python:3.13-slim

# Everything that is needed to install, and not to run, stays behind in this stage.
FROM ${PYTHON_IMAGE} AS install
ARG LOCK=requirements-fleet.lock
ARG VERSION=
RUN command -v git >/dev/null && test -e /etc/ssl/certs/ca-certificates.crt \
    || { apt-get update && apt-get install --yes --no-install-recommends git ca-certificates; }
COPY requirements.lock requirements-fleet.lock /tmp/
COPY wheel[s] /tmp/wheels/
RUN python3 -m venv /opt/cicd-agent \
    && /opt/cicd-agent/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-compile \
        $(test -d /tmp/wheels && echo --no-index --find-links /tmp/wheels) \
        --require-hashes --only-binary :all: --requirement "/tmp/$LOCK" \
    && /opt/cicd-agent/bin/python -m pip --disable-pip-version-check uninstall --yes pip setuptools \
    && find /opt/cicd-agent/bin -mindepth 1 ! -name 'python*' -delete
COPY src /opt/cicd-agent/src
COPY image /tmp/image
RUN echo /opt/cicd-agent/src >"$(/opt/cicd-agent/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/cicd_agent.pth" \
    && /opt/cicd-agent/bin/python /tmp/image/rootfs.py /rootfs \
    && /opt/cicd-agent/bin/python /tmp/image/sbom.py "/tmp/$LOCK" /rootfs

FROM scratch
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.title="cicd-agent" \
    org.opencontainers.image.description="Reviews changes, explains failures, routes pipelines and gates deployments, and proves what it says." \
    org.opencontainers.image.source="https://github.com/org/cicd-agent" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
COPY --from=install /rootfs /
ENV PATH=/opt/cicd-agent/bin:/usr/local/bin:/usr/bin HOME=/tmp TMPDIR=/tmp LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /repo
# It runs once and ends: its exit code is its health.
HEALTHCHECK NONE
ENTRYPOINT ["/opt/cicd-agent/bin/python", "-I", "-m", "cicd_agent"]
CMD ["--help"]

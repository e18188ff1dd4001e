# The agent as an image without a shell or a package manager: Python, git, and the locked packages. `make image` builds it.
#
#     docker build --tag cicd-agent .
#     docker run --rm --read-only --tmpfs /tmp --volume "$PWD:/repo:ro" cicd-agent review --base main --output-dir /tmp
#
# What it is built on: a name, and the packages of today. Only the commit of a release has the digest of the base here and
# a state of Debian's archive (YYYYMMDDTHHMMSSZ, of snapshot.debian.org), as its workflow got them from the two services:
# there the same build gives the same packages. Elsewhere, name them where it matters:
#     docker build --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:… --build-arg SNAPSHOT=… --tag cicd-agent .
ARG PYTHON_IMAGE=python:3.13-slim
ARG SNAPSHOT=

# Everything that is needed to install, and not to run, stays behind in this stage.
FROM ${PYTHON_IMAGE} AS build
ARG LOCK=requirements-fleet.lock
# A folder of wheels in image/, for a build without a package index.
ARG WHEELS=
ARG SNAPSHOT
COPY image/packages.sh /build/image/
RUN sh /build/image/packages.sh "$SNAPSHOT"
COPY requirements.lock requirements-fleet.lock /build/
COPY image /build/image
RUN python3 -m venv /opt/cicd-agent \
    && /opt/cicd-agent/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
        ${WHEELS:+--no-index --find-links "/build/image/$WHEELS"} \
        --require-hashes --only-binary :all: --requirement "/build/$LOCK" \
    && /opt/cicd-agent/bin/python -m pip --disable-pip-version-check uninstall --yes --quiet pip setuptools
COPY src /opt/cicd-agent/src
RUN echo /opt/cicd-agent/src \
        >"$(/opt/cicd-agent/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/cicd_agent.pth" \
    && /opt/cicd-agent/bin/python -I /build/image/rootfs.py /rootfs \
    && /opt/cicd-agent/bin/python -I /build/image/sbom.py /rootfs --lock "/build/$LOCK" \
        --to /rootfs/usr/share/cicd-agent/sbom.cdx.json

FROM scratch
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.title="cicd-agent" \
      org.opencontainers.image.description="Reviews changes, writes tests, explains failed runs, routes pipelines and gates deployments" \
      org.opencontainers.image.source="https://github.com/org/cicd-agent" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /rootfs /
ENV PATH=/usr/bin HOME=/tmp TMPDIR=/tmp LANG=C.UTF-8
USER 10001:10001
WORKDIR /repo
# A run ends by itself, and its exit code says how it went: there is no service to ask.
HEALTHCHECK NONE
ENTRYPOINT ["cicd-agent"]
CMD ["--help"]

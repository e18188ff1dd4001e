# The agent as an image: `cicd-agent` with git, run by a user without rights.
#
#     docker build --tag cicd-agent .
#     docker run --rm --volume "$PWD:/repo:ro" cicd-agent review --base main --output-dir /tmp
#
# For a build that can be repeated, name the base by its digest:
#     docker build --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:… --tag cicd-agent .
ARG PYTHON_IMAGE=python:3.13-slim

# Everything that is needed to install, and not to run, stays behind in this stage.
FROM ${PYTHON_IMAGE} AS install
COPY requirements.lock /tmp/
RUN python -m venv /opt/cicd-agent \
    && /opt/cicd-agent/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: --requirement /tmp/requirements.lock \
    && /opt/cicd-agent/bin/python -m pip --disable-pip-version-check uninstall --yes pip
COPY src /opt/cicd-agent/src
RUN echo /opt/cicd-agent/src >"$(/opt/cicd-agent/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/cicd_agent.pth" \
    && printf '#!/bin/sh\nexec /opt/cicd-agent/bin/python -I -m cicd_agent "$@"\n' >/opt/cicd-agent/bin/cicd-agent \
    && chmod 755 /opt/cicd-agent/bin/cicd-agent \
    && /opt/cicd-agent/bin/python -m compileall -q /opt/cicd-agent

FROM ${PYTHON_IMAGE}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home agent \
    && ln -s /opt/cicd-agent/bin/cicd-agent /usr/local/bin/cicd-agent
COPY --from=install /opt/cicd-agent /opt/cicd-agent
USER 10001
WORKDIR /repo
ENTRYPOINT ["cicd-agent"]
CMD ["--help"]

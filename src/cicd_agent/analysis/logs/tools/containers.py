"""What the builders and runners of containers print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind, Trouble
from cicd_agent.analysis.logs.registry import Message, Tool

_DOCKER_BUILD = Tool(
    "docker build",
    (
        Message(
            r"^#\d+ ERROR: |^ERROR: (?:failed to (?:solve|build|copy|do request|compute|receive|read)|process \")|"
            r"^(?:error: )?failed to solve: ",
            Kind.BUILD_ERROR,
            ("ERROR: ", "failed to solve"),
            weight=0.6,
            goes_on=r"^#\d+ CANCELED|^------$",
            most=3,
            example='#9 ERROR: process "/bin/sh -c make test" did not complete successfully: exit code: 2',
        ),
        Message(
            r"^ > \[[\w /.-]+\] \S|^ > \S.*:$",
            Kind.BUILD_ERROR,
            (" > [", " > "),
            lead=1,
            stops=r"^(?:ERROR|error): failed to|^failed to solve",
            closes=r"^-{20,}$",
            weight=0.9,
            most=30,
            example="""\
------
 > [build 4/6] RUN make test:
0.31 make: *** No rule to make target 'tset'.  Stop.
------
Dockerfile:14
--------------------""",
        ),
        Message(
            r"^(?P<path>\S*Dockerfile\S*):(?P<line>\d+)$",
            Kind.BUILD_ERROR,
            ("Dockerfile",),
            goes_on=r"^-{20,}$|^\s*\d+ \|",
            weight=0.7,
            most=12,
            example="""\
Dockerfile:14
--------------------
  12 |     COPY . .
  14 | >>> RUN make tset
--------------------""",
        ),
        Message(
            r"^The command '.*' returned a non-zero code: \d+|^ERROR: Service '\S+' failed to build",
            Kind.BUILD_ERROR,
            ("returned a non-zero code", "failed to build"),
            weight=0.4,
            example="The command '/bin/sh -c make test' returned a non-zero code: 2",
        ),
        Message(
            r"^(?:COPY|ADD) failed: |^(?:Error response from daemon: )?(?:dockerfile parse error|"
            r"Dockerfile parse error|unknown instruction|unable to prepare context|failed to compute cache key)|"
            r"^Error parsing reference: |invalid reference format|^unable to evaluate symlinks in Dockerfile path|"
            r"^invalid argument \".*\" for ",
            Kind.CONFIGURATION,
            (
                " failed: ",
                "parse error",
                "unknown instruction",
                "unable to ",
                "cache key",
                "Error parsing reference",
                "invalid reference format",
                "invalid argument",
            ),
            example=(
                "COPY failed: file not found in build context or excluded by .dockerignore: stat brick.toml: file "
                "does not exist"
            ),
        ),
        Message(
            r"^(?:error (?:building|pushing) image|Error: (?:error|building|committing|creating) .*|kaniko|"
            r"level=(?:error|fatal) msg=|error build(?:ing|) at STEP|Error: .*(?:buildah|podman|OCI runtime))",
            Kind.BUILD_ERROR,
            ("error building", "error pushing", "Error: ", "level=", "error build"),
            weight=0.8,
            example='error building at STEP "RUN make tset": error while running runtime: exit status 2',
        ),
    ),
    noise=(r"^#\d+ \d+\.\d+ .*\bERROR: 0\b",),
)

_DOCKER = Tool(
    "docker",
    (
        Message(
            r"(?:toomanyrequests: |You have reached your (?:unauthenticated )?pull rate limit)",
            Kind.INFRASTRUCTURE,
            ("toomanyrequests", "pull rate limit"),
            trouble=Trouble.RATE_LIMIT,
            example="toomanyrequests: You have reached your pull rate limit.",
        ),
        Message(
            r"(?:manifest (?:for \S+ not found|unknown)|pull access denied for|repository does not exist|"
            r"failed to (?:resolve reference|resolve source metadata|pull image)|Error pulling image|"
            r"error pulling image configuration|no basic auth credentials|unauthorized: (?:authentication|access|"
            r"incorrect)|denied: (?:requested|permission)|no matching manifest for)",
            Kind.DEPENDENCY,
            (
                "manifest ",
                "pull access denied",
                "repository does not exist",
                "failed to ",
                "rror pulling image",
                "no basic auth",
                "unauthorized: ",
                "denied: ",
            ),
            trouble=Trouble.REGISTRY,
            weight=0.95,
            example="Error response from daemon: manifest for example/brick:9.1 not found: manifest unknown",
        ),
        Message(
            r"^(?:docker: )?Error response from daemon: |^Cannot connect to the Docker daemon|^docker: (?!')\S|"
            r"^(?:ERROR|error): (?:Cannot connect to the Docker|.*failed to (?:create|start) container|"
            r".*docker daemon)",
            Kind.INFRASTRUCTURE,
            ("Error response from daemon", "Docker", "docker: ", "docker daemon", "container"),
            most=2,
            goes_on=r"^See 'docker",
            weight=0.9,
            example="Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        ),
        Message(
            r"(?:OCI runtime (?:create|exec|start) failed|exec format error|standard_init_linux\.go|"
            r"container_linux\.go|executable file not found in \$PATH|exec user process caused)",
            Kind.CONFIGURATION,
            (
                "OCI runtime ",
                "exec format error",
                "standard_init_linux",
                "container_linux",
                "executable file not found",
                "exec user process",
            ),
            weight=0.9,
            example="exec /usr/local/bin/bill: exec format error",
        ),
        Message(
            r"^(?:ERROR: )?(?:for \S+  \S|Version in \"\S+\" is unsupported|The Compose file '.*' is invalid|"
            r"service \"\S+\" (?:refers|has neither|depends)|no such service|yaml: line \d+|"
            r"dependency failed to start|container \S+ (?:is unhealthy|exited \([1-9]))|"
            r"^(?:\S+ )?exited with code [1-9]\d*$",
            Kind.CONFIGURATION,
            (
                "for ",
                "Version in ",
                "Compose file",
                "service ",
                "no such service",
                "yaml: line",
                "dependency failed",
                "container ",
                "exited with code",
            ),
            goes_on=r"^services\.|^\s+\S",
            weight=0.7,
            most=4,
            example="dependency failed to start: container bill-db-1 is unhealthy",
        ),
    ),
    noise=(r"exited with code 0$", r"denied: 0"),
)

CONTAINERS = (_DOCKER_BUILD, _DOCKER)

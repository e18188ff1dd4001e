"""What package managers print when they cannot fetch, resolve or build what was asked for."""

from cicd_agent.analysis.logs.failure_kind import Kind, Trouble
from cicd_agent.analysis.logs.registry import Message, Tool

_PIP = Tool(
    "pip",
    (
        Message(
            r"^\s*ERROR: (?:Could not find a version|No matching distribution|Cannot install|ResolutionImpossible|"
            r"Package '|Ignored the following)",
            Kind.DEPENDENCY,
            ("ERROR: ",),
            goes_on=r"^\s*ERROR: (?:No matching|ResolutionImpossible)|^The conflict is caused by|^\s{4}\S|^$",
            most=14,
            example="""\
ERROR: Could not find a version that satisfies the requirement brickwork==9.1 (from versions: 1.0, 1.1)
ERROR: No matching distribution found for brickwork==9.1""",
        ),
        Message(
            r"^\s*(?:ERROR: )?(?:Failed (?:building wheel|to build)|Could not build wheels|Command errored out|"
            r"Command \"python setup\.py|Failed cleaning build dir|Cannot uninstall|Could not open requirements file|"
            r"Invalid requirement|THESE PACKAGES DO NOT MATCH THE HASHES|Hashes are required|Can not perform a|"
            r"Could not install packages|Double requirement|HTTP error \d+ while getting|Exception:$)",
            Kind.DEPENDENCY,
            (
                "Failed ",
                "Could not ",
                "Command ",
                "Cannot uninstall",
                "Invalid requirement",
                "HASHES",
                "Hashes",
                "Can not perform",
                "Double requirement",
                "HTTP error",
                "Exception:",
            ),
            goes_on=r"^\s{2,}\S",
            most=20,
            weight=0.9,
            example="ERROR: Failed building wheel for lxml",
        ),
        Message(
            r"^\s*(?:error: subprocess-exited-with-error|× )",
            Kind.DEPENDENCY,
            ("subprocess-exited-with-error", "× "),
            goes_on=r"^\s*(?:×|│|╰|$)|^\s{2,}\S",
            most=40,
            example="""\
  error: subprocess-exited-with-error

  × python setup.py egg_info did not run successfully.
  │ exit code: 1
  ╰─> [2 lines of output]
      Missing header: libxml/xpath.h
      [end of output]""",
        ),
        Message(
            r"^\s*WARNING: Retrying \(Retry\(total=|^\s*(?:ERROR: )?(?:pip\._vendor\.)?\S*(?:ReadTimeoutError|"
            r"ProtocolError|SSLError): ",
            Kind.INFRASTRUCTURE,
            ("Retrying (Retry(", "ReadTimeoutError", "ProtocolError", "SSLError"),
            weight=0.85,
            trouble=Trouble.NETWORK,
            example="WARNING: Retrying (Retry(total=2, connect=None)) after connection broken by 'ReadTimeoutError'",
        ),
        Message(
            r"requires .+, but you(?:'ll)? have .+ (?:which is incompatible|installed)",
            Kind.DEPENDENCY,
            (", but you",),
            weight=0.5,
            example="brickwork 2.0 requires mortar>=3, but you have mortar 2.9 which is incompatible.",
        ),
        Message(
            r"^error: externally-managed-environment",
            Kind.CONFIGURATION,
            ("externally-managed-environment",),
            most=6,
            goes_on=r"^$|^×|^╰|^\s{4}",
            example="error: externally-managed-environment",
        ),
    ),
    noise=(r"^\s*WARNING: (?:You are using pip version|Running pip as)",),
)

_POETRY = Tool(
    "poetry",
    (
        Message(
            r"^\s*(?:SolverProblemError|PackageNotFoundError|EnvCommandError|ChefBuildError|RuntimeError|"
            r"TooManyRedirects)$",
            Kind.DEPENDENCY,
            (
                "SolverProblemError",
                "PackageNotFoundError",
                "EnvCommandError",
                "ChefBuildError",
                "RuntimeError",
                "TooManyRedirects",
            ),
            goes_on=r"^\s*$|^\s{2,}\S|^Because|^So,|^And because",
            most=20,
            example="""\
  SolverProblemError

  Because shed depends on brickwork (^3.0) which doesn't match any versions, version solving failed.""",
        ),
        Message(
            r"^(?:Because .{1,400} (?:version solving failed|forbidden)|"
            r".{0,20}pyproject\.toml changed significantly since|"
            r"The lock file is not up to date|Error: The lock file|The current project's .{1,40} requirement)",
            Kind.DEPENDENCY,
            ("version solving failed", "forbidden", "changed significantly", "lock file", "current project's"),
            example="Because shed depends on brickwork (^3.0) which has no versions, version solving failed.",
        ),
    ),
)

_UV = Tool(
    "uv",
    (
        Message(
            r"^\s*(?:×|x) (?:No solution found|Failed to (?:build|download|fetch|resolve)|Querying|Request failed)",
            Kind.DEPENDENCY,
            ("No solution found", "Failed to ", "Querying", "Request failed"),
            goes_on=r"^\s*(?:[╰│├]|hint:|help:|$)|^\s{4,}\S",
            most=14,
            example="""\
  × No solution found when resolving dependencies:
  ╰─▶ Because only brickwork<=2.0 is available and your project depends on brickwork>=3.0,
      we can conclude that your project's requirements are unsatisfiable.""",
        ),
        Message(
            r"^error: (?:Failed to|Error while fetching|The lockfile at|No (?:interpreter|virtual|`project`)|"
            r"Unable to find lockfile|Distribution |Request failed|Could not (?:connect|acquire))",
            Kind.DEPENDENCY,
            ("error: ",),
            goes_on=r"^\s+(?:Caused by|cause):|^\s{2,}\S",
            most=8,
            example="""\
error: Failed to fetch: `https://pypi.example/simple/brickwork/`
  Caused by: Request failed after 3 retries""",
        ),
    ),
)

_CONDA = Tool(
    "conda",
    (
        Message(
            r"^\s*(?P<code>PackagesNotFoundError|UnsatisfiableError|ResolvePackageNotFound|CondaHTTPError|CondaError|"
            r"LibMambaUnsatisfiableError|CondaValueError|ChecksumMismatchError|NoPackagesFoundError|SpecNotFound|"
            r"CondaVerificationError|EnvironmentFileNotFound|InvalidVersionSpec|CondaMultiError|"
            r"DirectoryNotACondaEnvironmentError)",
            Kind.DEPENDENCY,
            ("NotFound", "Unsatisfiable", "Conda", "Checksum", "NoPackages", "SpecNot", "InvalidVersion"),
            stops=r"^(?:Current channels|To search for|The command )",
            most=16,
            example="""\
PackagesNotFoundError: The following packages are not available from current channels:

  - brickwork=9.1
  - mortar[version='>=3']
""",
        ),
        Message(
            r"^(?:error\s+libmamba|Could not solve for environment specs|critical libmamba)",
            Kind.DEPENDENCY,
            ("libmamba", "Could not solve for"),
            goes_on=r"^(?:error\s|The following|\s*[├└│─])|^\s+\S",
            most=14,
            example="""\
error    libmamba Could not solve for environment specs
    The following package could not be installed
    └─ brickwork =9.1 * does not exist (perhaps a typo or a missing channel).""",
        ),
    ),
)

_APT = Tool(
    "apt",
    (
        Message(
            r"^(?:E|Err): ?(?P<code>Unable to locate package|Package '|Version '|Failed to fetch|Unable to (?:fetch|"
            r"correct|lock|acquire)|"
            r"The repository|Could not|Some index files|Sub-process|Type '|The method|Malformed|Broken|You must|"
            r"There (?:are|were)|"
            r"Release file|Some packages|Aborting)",
            Kind.DEPENDENCY,
            ("E: ", "Err:"),
            goes_on=r"^E: ",
            most=8,
            example="""\
E: Unable to locate package libbrick-dev
E: Couldn't find any package by glob 'libbrick-dev'""",
        ),
        Message(
            r"^(?:Err:\d+ (?:http|mirror)|W: (?:Failed to fetch|GPG error|An error occurred|Some index)|"
            r"E: Failed to fetch)",
            Kind.DEPENDENCY,
            ("Err:", "W: ", "E: Failed to fetch"),
            goes_on=r"^\s{2,}\S",
            most=4,
            weight=0.6,
            trouble=Trouble.REGISTRY,
            example="""\
Err:4 http://archive.example.org/ubuntu noble/main amd64 Packages
  404  Not Found [IP: 192.0.2.7 80]""",
        ),
        Message(
            r"^The following packages have unmet dependencies:",
            Kind.DEPENDENCY,
            ("unmet dependencies:",),
            goes_on=r"^\s+\S|^E: ",
            most=12,
            example="""\
The following packages have unmet dependencies:
 brick-dev : Depends: mortar (>= 3) but it is not going to be installed
E: Unable to correct problems, you have held broken packages.""",
        ),
        Message(
            r"^dpkg(?:-deb|-\w+)?: error|^dpkg: dependency problems",
            Kind.DEPENDENCY,
            ("dpkg",),
            goes_on=r"^\s+\S",
            most=6,
            example="""\
dpkg: error processing package brickd (--configure):
 installed brickd package post-installation script subprocess returned error exit status 1""",
        ),
    ),
)

_DISTRIBUTIONS = Tool(
    "distribution packages",
    (
        Message(
            r"^(?:ERROR: (?:unable to select packages|\S+: (?:temporary error|No such package|package mentioned|"
            r"IO ERROR|UNTRUSTED|BAD))|"
            r"WARNING: (?:Ignoring|fetching) http\S+: (?:temporary|network|DNS|No such|Permission))",
            Kind.DEPENDENCY,
            ("unable to select packages", "ERROR: ", "WARNING: "),
            goes_on=r"^\s{2,}\S",
            most=8,
            example="""\
ERROR: unable to select packages:
  brick-dev (no such package):
    required by: world[brick-dev]""",
        ),
        Message(
            r"^(?:No package \S+ available|Error: (?:Unable to find a match|Failed to download|Nothing to do|"
            r"Cannot (?:retrieve|prepare)|Package: |"
            r"GPG|Transaction)|No match for argument: |\[MIRROR\] |One of the configured repositories failed|"
            r" *Problem(?: \d+)?: )",
            Kind.DEPENDENCY,
            ("No package ", "Error: ", "No match for argument: ", "[MIRROR] ", "configured repositories", "Problem"),
            goes_on=r"^\s{2,}- ",
            most=6,
            example="Error: Unable to find a match: brick-devel",
        ),
        Message(
            r"^(?:error: (?:target not found: |failed retrieving file|failed to (?:commit|prepare|synchronize))|"
            r"Package '\S+' not found\.|No provider of ')",
            Kind.DEPENDENCY,
            ("error: ", "not found.", "No provider of "),
            example="error: target not found: brick-git",
        ),
        Message(
            r"^error: (?:builder for '|attribute '|undefined variable '|.{0,40}hash mismatch in fixed-output|"
            r"\d+ dependencies of derivation|Cannot build ')",
            Kind.BUILD_ERROR,
            ("error: ",),
            goes_on=r"^\s{3,}\S|^$",
            most=20,
            example="""\
error: builder for '/nix/store/abc-brick-1.0.drv' failed with exit code 2;
       last 2 log lines:
       > brick.c: No such file
       For full logs, run 'nix log /nix/store/abc-brick-1.0.drv'.""",
        ),
    ),
)

_BREW = Tool(
    "brew",
    (
        Message(
            r"^Error: (?:No (?:available formula|formulae|such keg|similarly)|The following|The `brew|Cask |"
            r"Failure while|Failed to download|An exception|Your |Calling |Formula|Could not symlink|Download failed)",
            Kind.DEPENDENCY,
            ("Error: ",),
            goes_on=r"^(?:To |The |Target |already exists|You can|rm |  |\s*brew )",
            weight=0.7,
            most=6,
            example='Error: No available formula with the name "brickwork".',
        ),
        Message(
            r"^(?:==> (?:Failed|FAILED)|curl: \(\d+\) .*ghcr|Error: Failure while executing; `)",
            Kind.DEPENDENCY,
            ("==> F", "curl: (", "Failure while executing"),
            weight=0.7,
            example="Error: Failure while executing; `git clone https://github.com/example/tap` exited with 128.",
        ),
    ),
    noise=(r"is already installed", r"^Warning: "),
)

PACKAGES = (_PIP, _POETRY, _UV, _CONDA, _APT, _DISTRIBUTIONS, _BREW)

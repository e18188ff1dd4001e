"""What the tools that describe and deploy infrastructure print when they fail."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_TERRAFORM = Tool(
    "terraform",
    (
        Message(
            r"^\s*│ Error: \S|^Error: (?:Invalid |Unsupported |Missing |Reference to |Error (?:creating|updating|"
            r"deleting|acquiring)|"
            r"Failed to (?:install provider|query available|load plugin)|Provider |Inconsistent |Backend |Module |"
            r"Duplicate |Cycle: |"
            r"Argument or block|Insufficient |Incorrect |Required |Could not load plugin|Unreadable |creating |"
            r"updating |deleting |reading )",
            Kind.CONFIGURATION,
            ("Error: ",),
            goes_on=r"^\s*│",
            closes=r"^\s*╵",
            says=r"on (?P<path>\S+\.tf(?:vars)?) line (?P<line>\d+)",
            weight=0.75,
            most=25,
            example="""\
│ Error: Reference to undeclared resource
│
│   on main.tf line 14, in output "total":
│   14:   value = brick.totl
│
│ A managed resource "brick" "totl" has not been declared.
╵""",
        ),
        Message(
            r"^(?:Error (?:acquiring the state lock|running plan|locking state|refreshing state)|Terraform (?:planned|"
            r"crashed|initialized) .*error|There are some problems with the configuration)",
            Kind.CONFIGURATION,
            ("Error ", "Terraform ", "problems with the configuration"),
            stops=r"^$",
            most=8,
            weight=0.9,
            example="Error running plan: 1 error(s) occurred:",
        ),
        Message(
            r"^(?P<path>\S+\.tf(?:vars)?)$|^(?:Failed|Check): (?P<code>CKV\S+): ",
            Kind.LINT_ERROR,
            (".tf", "CKV"),
            goes_on=r"^\s+(?:FAILED|File)",
            weight=0.4,
            most=4,
            example="main.tf",
        ),
    ),
)

_ANSIBLE = Tool(
    "ansible",
    (
        Message(
            r"^(?:fatal|failed): \[(?P<host>[^\]]+)\].*(?:FAILED!|UNREACHABLE!|=> \{|: )",
            Kind.CONFIGURATION,
            ("fatal: [", "failed: ["),
            goes_on=r"^\s+\S|^\}",
            most=16,
            example='fatal: [web1]: FAILED! => {"changed": false, "msg": "No package matching brick"}',
        ),
        Message(
            r"^ERROR! ",
            Kind.CONFIGURATION,
            ("ERROR! ",),
            stops=r"^(?:PLAY|TASK) ",
            most=14,
            example="""\
ERROR! couldn't resolve module/action 'bricks'.

The error appears to be in '/src/site.yml': line 14, column 7""",
        ),
        Message(
            r"^\S+ +: ok=\d+ .*(?:unreachable=[1-9]|failed=[1-9])|^(?:CRITICAL|ERROR) +(?:Ansible return code|Lint|"
            r"Idempotence)|^An exception occurred during task execution",
            Kind.CONFIGURATION,
            ("unreachable=", "failed=", "CRITICAL", "ERROR", "An exception occurred"),
            weight=0.5,
            example="web1                       : ok=3    changed=1    unreachable=0    failed=1    skipped=0",
        ),
    ),
    noise=(r"unreachable=0 +failed=0",),
)

_KUBERNETES = Tool(
    "kubernetes",
    (
        Message(
            r"^Error: (?:INSTALLATION FAILED|UPGRADE FAILED|rendered manifests|YAML parse error|template: |"
            r"parse error at|execution error|chart |failed (?:to|post|pre)|release |timed out waiting|"
            r"validation|values don't meet|found in|plugin|repo|UNINSTALL|unable to build kubernetes|create: failed|"
            r"cannot re-use)",
            Kind.CONFIGURATION,
            ("Error: ",),
            goes_on=r"^\s*- |^\s{2,}\S",
            most=6,
            example="Error: UPGRADE FAILED: timed out waiting for the condition",
        ),
        Message(
            r"^(?:Error from server(?: \(\w+\))?|error: (?:error (?:validating|parsing)|unable to recognize|"
            r"timed out waiting|You must be logged|no matches for kind|the server doesn't|deployment \"|"
            r"context \"|You don't|no objects passed|.*exceeded its progress deadline)|The \w+ \"\S*\" is invalid|"
            r"Unable to connect to the server)",
            Kind.CONFIGURATION,
            ("Error from server", "error: ", " is invalid", "Unable to connect to the server"),
            weight=0.95,
            example='Error from server (NotFound): deployments.apps "bill" not found',
        ),
        Message(
            r"(?:CrashLoopBackOff|ImagePullBackOff|ErrImagePull|CreateContainerConfigError|OOMKilled|"
            r"exceeded its progress deadline)",
            Kind.INFRASTRUCTURE,
            (
                "CrashLoopBackOff",
                "ImagePullBackOff",
                "ErrImagePull",
                "CreateContainerConfigError",
                "OOMKilled",
                "progress deadline",
            ),
            weight=0.7,
            example="bill-7c9d-x2v4   0/1   CrashLoopBackOff   4 (31s ago)   3m",
        ),
        Message(
            r"^\[ERROR\] (?:templates|values\.yaml|Chart\.yaml)|^Error: \d+ chart\(s\) linted, [1-9]",
            Kind.LINT_ERROR,
            ("[ERROR] templates", "[ERROR] values", "[ERROR] Chart", "linted, "),
            example="[ERROR] templates/: template: bill/templates/deployment.yaml:14:9: undefined variable",
        ),
    ),
)

_CLOUD = Tool(
    "cloud clients",
    (
        Message(
            r"^(?:An error occurred \((?P<code>\w+)\) when calling the |ERROR: \(gcloud\.|(?:fatal error|"
            r"Unable to locate credentials)|error: (?:creating|deleting|updating) urn:|"
            r"\S+ failed: .*ResourceStatusReason|Error: (?:The stack named|Failed to create change-?set|"
            r"Need to perform AWS calls|Credentials could not be loaded|google-github-actions|HTTP Error|No (?:stack|"
            r"project)))",
            Kind.CONFIGURATION,
            (
                "An error occurred (",
                "ERROR: (gcloud",
                "fatal error",
                "credentials",
                "urn:",
                "ResourceStatusReason",
                "Error: ",
            ),
            weight=0.95,
            goes_on=r"^- '?@?type|^\s{2,}\S",
            most=5,
            example="An error occurred (AccessDenied) when calling the PutObject operation: Access Denied",
        ),
        Message(
            r"^(?:error: +(?:pre-receive hook declined|update failed|could not connect to (?:server|database))|psql: |"
            r"(?:ERROR|FATAL): +(?:database|role|relation|password authentication|column|syntax error|duplicate key)|"
            r"ERROR (?P<code>\d{4}) \(\w{5}\)|\S*SQLSTATE\[|Can't connect to (?:local )?MySQL)",
            Kind.CONFIGURATION,
            ("error: ", "psql: ", "ERROR: ", "FATAL: ", "ERROR ", "SQLSTATE[", "MySQL"),
            weight=0.85,
            goes_on=r"^\s+Is the server|^LINE \d+:|^\s+\^|^DETAIL|^HINT",
            most=4,
            example="""\
psql: error: connection to server at "localhost" (::1), port 5432 failed: Connection refused
	Is the server running on that host and accepting TCP/IP connections?""",
        ),
    ),
)

INFRASTRUCTURE = (_TERRAFORM, _ANSIBLE, _KUBERNETES, _CLOUD)

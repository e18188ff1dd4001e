"""What programs print when the world is in the way: a full disk, a network that is away, a server that refuses."""

from cicd_agent.analysis.logs.failure_kind import Kind, Trouble
from cicd_agent.analysis.logs.registry import Message, Tool

_DISK = Tool(
    "disk",
    (
        Message(
            r"No space left on device|ENOSPC\b|Disk quota exceeded|There is not enough space on the disk|disk is full|"
            r"not enough (?:free )?(?:disk )?space|"
            r"You don't have enough free space in|System\.IO\.IOException: No space left|low on disk space|"
            r"running out of disk space",
            Kind.INFRASTRUCTURE,
            ("No space left", "ENOSPC", "quota exceeded", "enough", "disk is full", "disk space"),
            trouble=Trouble.DISK,
            example="write /var/lib/brick/layer.tar: No space left on device",
        ),
        Message(
            r"(?:\bEMFILE\b|Too many open files|Resource temporarily unavailable|Read-only file system|"
            r"Input/output error|Stale (?:NFS )?file handle|Text file busy)",
            Kind.INFRASTRUCTURE,
            (
                "EMFILE",
                "Too many open files",
                "Resource temporarily",
                "Read-only file system",
                "Input/output error",
                "file handle",
                "Text file busy",
            ),
            weight=0.85,
            example="Error: EMFILE: too many open files, watch '/src/bill'",
        ),
    ),
    noise=(r"(?<!\d)\d{1,12} ?[GMK]B? (?:free|available)",),
)

_NETWORK = Tool(
    "network",
    (
        Message(
            r"Could not resolve (?:host|hostname|proxy)|[Tt]emporary failure (?:in name resolution|resolving)|"
            r"EAI_AGAIN|getaddrinfo (?:ENOTFOUND|failed)|ENOTFOUND\b|no such host|nodename nor servname|"
            r"Name or service not known|"
            r"UnknownHostException|[Uu]nable to resolve host|Unknown host '|failed to lookup address|"
            r"server misbehaving|dial tcp: lookup|NXDOMAIN|SERVFAIL|DNS resolution failed|Couldn't resolve host|"
            r"NameResolutionError",
            Kind.INFRASTRUCTURE,
            (
                "ould not resolve ",
                "emporary failure",
                "EAI_AGAIN",
                "getaddrinfo ",
                "ENOTFOUND",
                "no such host",
                "nodename nor",
                "Name or service",
                "UnknownHost",
                "nable to resolve host",
                "Unknown host",
                "lookup address",
                "server misbehaving",
                "dial tcp: lookup",
                "NXDOMAIN",
                "SERVFAIL",
                "DNS resolution",
                "ouldn't resolve host",
                "NameResolutionError",
            ),
            trouble=Trouble.NETWORK,
            example="curl: (6) Could not resolve host: bricks.example.org",
        ),
        Message(
            r"[Cc]onnection (?:refused|reset|timed out|was forcibly|aborted|closed by remote)|ECONNREFUSED|ECONNRESET|"
            r"ETIMEDOUT|EPIPE\b|Network is unreachable|No route to host|ENETUNREACH|socket hang up|"
            r"Connection (?:error: )?Connect timeout|[Cc]onnect(?:ion)? time(?:d )?out|Failed to connect to \S+ port|"
            r"[Rr]ead timed out|i/o timeout|Operation timed out|request timed out|Unable to connect to|"
            r"unexpected EOF|Could not create connection to|RemoteDisconnected|ConnectTimeout|ReadTimeout|"
            r"context deadline exceeded|net::ERR_|Premature close|Couldn't establish HTTP connection|Broken pipe",
            Kind.INFRASTRUCTURE,
            (
                "onnection ",
                "ECONN",
                "ETIMEDOUT",
                "EPIPE",
                "Network is unreachable",
                "No route to host",
                "ENETUNREACH",
                "socket hang up",
                "timed out",
                "onnect time",
                "Failed to connect to",
                "i/o timeout",
                "Unable to connect to",
                "unexpected EOF",
                "create connection to",
                "RemoteDisconnected",
                "ConnectTimeout",
                "ReadTimeout",
                "deadline exceeded",
                "net::ERR_",
                "Premature close",
                "HTTP connection",
                "Broken pipe",
                "nect timeout",
            ),
            trouble=Trouble.NETWORK,
            weight=0.85,
            example="curl: (7) Failed to connect to bricks.example.org port 443: Connection refused",
        ),
        Message(
            r"(?:certificate (?:verify failed|has expired|is not trusted|signed by unknown|problem)|CERT_HAS_EXPIRED|"
            r"UNABLE_TO_\w+CERT\w*|self[- ]signed certificate|SSL (?:certificate|handshake|routines|connect error)|"
            r"SSLError|"
            r"SSL_ERROR|TLS handshake|no certificate subject alternative name|x509: |sslv3 alert|Received fatal alert|"
            r"gnutls_handshake|SSLHandshakeException|PKIX path|schannel:|server certificate verification failed|"
            r"tlsv1 alert)",
            Kind.INFRASTRUCTURE,
            (
                "certificate",
                "CERT",
                "SSL",
                "TLS handshake",
                "x509: ",
                "sslv3 alert",
                "Received fatal alert",
                "gnutls_handshake",
                "PKIX path",
                "schannel:",
                "tlsv1 alert",
            ),
            trouble=Trouble.NETWORK,
            goes_on=r"^\s+requested host name|^To connect to \S+ insecurely|^requested host name",
            weight=0.9,
            most=3,
            example="""\
ERROR: no certificate subject alternative name matches
	requested host name 'bricks.example.org'.
To connect to bricks.example.org insecurely, use `--no-check-certificate'.""",
        ),
        Message(
            r"^(?:curl: \((?P<code>\d+)\) |wget: |aria2c: |.*ERROR 40[0-9]: |\S+: Error in (?:wget|curl)|fetch: |"
            r"Failed to download |Download(?:ing)? failed|tar: (?:This does not look|Error is not|Exiting with|"
            r"Child returned|\S+: Cannot open|Unexpected EOF)|"
            r"gzip: |unzip: |xz: |sha\d+sum: WARNING|\S+: FAILED$|md5sum: |E(?:rror|RROR):? (?:downloading|"
            r"Failed to (?:download|fetch)))",
            Kind.DEPENDENCY,
            (
                "curl: (",
                "wget: ",
                "aria2c: ",
                "ERROR 40",
                "Error in ",
                "fetch: ",
                "ailed to download",
                "Download failed",
                "Downloading failed",
                "rror downloading",
                "RROR downloading",
                "tar: ",
                "gzip: ",
                "unzip: ",
                "xz: ",
                "sum: ",
                ": FAILED",
                "An error occu",
                "ailed to fetch",
            ),
            goes_on=r"^(?:tar|gzip|xz|unzip): ",
            weight=0.85,
            most=5,
            example="""\
gzip: stdin: not in gzip format
tar: Child returned status 1
tar: Error is not recoverable: exiting now""",
        ),
    ),
    noise=(
        r"^\s*(?:#|//|/?\*)",
        r"\bretry(?:ing)?\b.{0,40}succe",
        r"ExperimentalWarning",
        r"^\s*(?:PASS|ok|✓|--- PASS)",
    ),
)

_SERVERS = Tool(
    "servers",
    (
        Message(
            r"(?:HTTP(?:/[\d.]+)?|status(?: code)?|returned error|response code|ERROR|server returned|"
            r"[Ee]rror)[: =(]{1,4}(?P<code>5(?:0[0-4]|2[0-7]))\b|\b(?P<status>50[0234]) (?:Internal Server Error|"
            r"Bad Gateway|Service (?:Temporarily )?Unavailable|"
            r"Gateway Time-?out|Server Error)|Internal Server Error|Bad Gateway|Service Unavailable",
            Kind.INFRASTRUCTURE,
            (
                "HTTP/",
                "HTTP 50",
                "HTTP: 50",
                "status",
                "returned error",
                "response code",
                "server returned",
                "rror: 50",
                "rror 50",
                "ERROR 50",
                "Internal Server Error",
                "Bad Gateway",
                "Service ",
                "Gateway Time",
                "Server Error",
            ),
            trouble=Trouble.SERVICE,
            weight=0.85,
            example="HTTP/1.1 503 Service Unavailable",
        ),
        Message(
            r"\b429\b.{0,20}Too Many Requests|Too Many Requests|HTTP(?:/[\d.]+)? 429|status(?: code)?[: ]{1,2}429|"
            r"[Rr]ate limit(?:ed|ing)?\b.{0,30}(?:exceeded|reached|hit)|API rate limit|secondary rate limit|"
            r"returned error: 429|"
            r"[Qq]uota exceeded for|RateLimitExceeded|ThrottlingException|abuse detection",
            Kind.INFRASTRUCTURE,
            (
                "HTTP 429",
                "HTTP/1.1 429",
                "HTTP/2 429",
                "status 429",
                "status: 429",
                "status code 429",
                "status code: 429",
                "error: 429",
                "Too Many Requests",
                "ate limit",
                "uota exceeded",
                "RateLimitExceeded",
                "ThrottlingException",
                "abuse detection",
            ),
            trouble=Trouble.RATE_LIMIT,
            example="gh: API rate limit exceeded for installation ID 4121. (HTTP 403)",
        ),
    ),
    noise=(
        r"^\s*(?:#|//|/?\*)",
        r"^\s*(?:PASS|ok|✓|--- PASS)",
        r"(?:GET|POST|PUT|HEAD|PATCH|DELETE|OPTIONS) /\S* HTTP/",
    ),
)

_TIME = Tool(
    "time limits",
    (
        Message(
            r"^The job exceeded the maximum (?:execution )?time|^No output has been received in the last \d+|"
            r"The action .{1,200} has timed out after \d+ minutes|has exceeded the maximum execution time of|"
            r"^ERROR: Job failed: execution took longer than|^Too long with no output|Timeout has been exceeded|"
            r"Build (?:execution time has reached|timed out \(after)|context deadline exceeded \(Client|"
            r"^(?:Timeout|TIMEOUT)\b.{0,40}(?:after|exceeded|reached)|timed out after \d+ ?(?:s|m|h|ms|sec|min|hour)|"
            r"^timeout: sending signal|exceeded the time limit|^The (?:job|build) (?:has )?timed out|took too long",
            Kind.TIMEOUT,
            (
                "exceeded the maximum",
                "No output has been received",
                "timed out",
                "took longer than",
                "Too long with no output",
                "Timeout",
                "TIMEOUT",
                "execution time has reached",
                "deadline exceeded",
                "timeout: sending",
                "time limit",
                "took too long",
            ),
            trouble=Trouble.TIMEOUT,
            goes_on=r"^Check the details on how to adjust",
            weight=0.95,
            most=3,
            example="No output has been received in the last 10m0s, this potentially indicates a stalled build.",
        ),
    ),
    noise=(r"^\s*(?:PASS|ok|✓|--- PASS)",),
)

SYSTEM = (_DISK, _NETWORK, _SERVERS, _TIME)

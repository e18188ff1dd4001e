"""What can be wrong when a job fails, as far as the words of its tools tell."""

from enum import StrEnum


class Kind(StrEnum):
    """The kind of failure; the words of the output `failure_type`, of which no log alone says `flaky_test`."""

    TEST_FAILURE = "test_failure"
    BUILD_ERROR = "build_error"
    LINT_ERROR = "lint_error"
    TIMEOUT = "timeout"
    INFRASTRUCTURE = "infrastructure"
    FLAKY_TEST = "flaky_test"
    DEPENDENCY = "dependency"
    CONFIGURATION = "configuration"
    UNKNOWN = "unknown"


class Trouble(StrEnum):
    """What outside of the code was in the way. The words of it are a hint, and no proof that the change is innocent."""

    NETWORK = "network"
    """DNS, TLS, connections refused, reset or timed out."""
    SERVICE = "service"
    """Another server answered with 5xx."""
    RATE_LIMIT = "rate_limit"
    """It answered with 429, or said that there were too many requests."""
    REGISTRY = "registry"
    """A package or image could not be fetched, although it exists."""
    DISK = "disk"
    MEMORY = "memory"
    RUNNER = "runner"
    """The machine itself: lost, shut down, never there."""
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"

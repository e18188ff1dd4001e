"""The registry of tools: one definition each, in the order of the documents."""

from collections.abc import Sequence

from cicd_agent.analysis.logs.registry import Tool
from cicd_agent.analysis.logs.tools.analysers import ANALYSERS
from cicd_agent.analysis.logs.tools.apple import APPLE
from cicd_agent.analysis.logs.tools.c import C
from cicd_agent.analysis.logs.tools.c_builds import C_BUILDS
from cicd_agent.analysis.logs.tools.containers import CONTAINERS
from cicd_agent.analysis.logs.tools.documents import DOCUMENTS
from cicd_agent.analysis.logs.tools.dotnet import DOTNET
from cicd_agent.analysis.logs.tools.functional import FUNCTIONAL
from cicd_agent.analysis.logs.tools.git import GIT
from cicd_agent.analysis.logs.tools.go import GO
from cicd_agent.analysis.logs.tools.infrastructure import INFRASTRUCTURE
from cicd_agent.analysis.logs.tools.javascript import JAVASCRIPT
from cicd_agent.analysis.logs.tools.javascript_tests import JAVASCRIPT_TESTS
from cicd_agent.analysis.logs.tools.jvm import JVM
from cicd_agent.analysis.logs.tools.jvm_builds import JVM_BUILDS
from cicd_agent.analysis.logs.tools.jvm_tests import JVM_TESTS
from cicd_agent.analysis.logs.tools.languages import LANGUAGES
from cicd_agent.analysis.logs.tools.linters import LINTERS
from cicd_agent.analysis.logs.tools.node_packages import NODE_PACKAGES
from cicd_agent.analysis.logs.tools.packages import PACKAGES
from cicd_agent.analysis.logs.tools.php import PHP
from cicd_agent.analysis.logs.tools.python import PYTHON
from cicd_agent.analysis.logs.tools.python_tests import PYTHON_TESTS
from cicd_agent.analysis.logs.tools.ruby import RUBY
from cicd_agent.analysis.logs.tools.runner import RUNNER
from cicd_agent.analysis.logs.tools.rust import RUST
from cicd_agent.analysis.logs.tools.sanitizers import SANITIZERS
from cicd_agent.analysis.logs.tools.scripting import SCRIPTING
from cicd_agent.analysis.logs.tools.shell import SHELL
from cicd_agent.analysis.logs.tools.system import SYSTEM
from cicd_agent.analysis.logs.tools.text_linters import TEXT_LINTERS


def tools() -> Sequence[Tool]:
    """Every tool that is known. Where two say the same of a line, the one listed first is named."""
    return (
        *PYTHON_TESTS,
        *PYTHON,
        *JAVASCRIPT_TESTS,
        *JAVASCRIPT,
        *NODE_PACKAGES,
        *JVM_BUILDS,
        *JVM_TESTS,
        *JVM,
        *GO,
        *RUST,
        *C_BUILDS,
        *C,
        *RUBY,
        *PHP,
        *DOTNET,
        *APPLE,
        *FUNCTIONAL,
        *SCRIPTING,
        *LANGUAGES,
        *LINTERS,
        *TEXT_LINTERS,
        *DOCUMENTS,
        *ANALYSERS,
        *PACKAGES,
        *CONTAINERS,
        *INFRASTRUCTURE,
        *SANITIZERS,
        *SYSTEM,
        *GIT,
        *RUNNER,
        *SHELL,
    )

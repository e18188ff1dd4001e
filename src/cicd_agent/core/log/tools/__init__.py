"""The registry of tools: one definition each, in the order of the documents."""

from collections.abc import Sequence

from cicd_agent.core.log.tool import Tool
from cicd_agent.core.log.tools.analysers import ANALYSERS
from cicd_agent.core.log.tools.apple import APPLE
from cicd_agent.core.log.tools.c import C
from cicd_agent.core.log.tools.c_builds import C_BUILDS
from cicd_agent.core.log.tools.containers import CONTAINERS
from cicd_agent.core.log.tools.documents import DOCUMENTS
from cicd_agent.core.log.tools.dotnet import DOTNET
from cicd_agent.core.log.tools.functional import FUNCTIONAL
from cicd_agent.core.log.tools.git import GIT
from cicd_agent.core.log.tools.go import GO
from cicd_agent.core.log.tools.infrastructure import INFRASTRUCTURE
from cicd_agent.core.log.tools.javascript import JAVASCRIPT
from cicd_agent.core.log.tools.javascript_tests import JAVASCRIPT_TESTS
from cicd_agent.core.log.tools.jvm import JVM
from cicd_agent.core.log.tools.jvm_builds import JVM_BUILDS
from cicd_agent.core.log.tools.jvm_tests import JVM_TESTS
from cicd_agent.core.log.tools.languages import LANGUAGES
from cicd_agent.core.log.tools.linters import LINTERS
from cicd_agent.core.log.tools.node_packages import NODE_PACKAGES
from cicd_agent.core.log.tools.packages import PACKAGES
from cicd_agent.core.log.tools.php import PHP
from cicd_agent.core.log.tools.python import PYTHON
from cicd_agent.core.log.tools.python_tests import PYTHON_TESTS
from cicd_agent.core.log.tools.ruby import RUBY
from cicd_agent.core.log.tools.runner import RUNNER
from cicd_agent.core.log.tools.rust import RUST
from cicd_agent.core.log.tools.sanitizers import SANITIZERS
from cicd_agent.core.log.tools.scripting import SCRIPTING
from cicd_agent.core.log.tools.shell import SHELL
from cicd_agent.core.log.tools.system import SYSTEM
from cicd_agent.core.log.tools.text_linters import TEXT_LINTERS


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

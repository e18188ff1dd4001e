"""All rules, in the order of the documents; each room holds the rules of one theme."""

from cicd_agent.modes.rulebook.access import ACCESS
from cicd_agent.modes.rulebook.assertions import ASSERTIONS
from cicd_agent.modes.rulebook.data import DATA
from cicd_agent.modes.rulebook.files import FILES
from cicd_agent.modes.rulebook.infrastructure import INFRASTRUCTURE
from cicd_agent.modes.rulebook.javascript import JAVASCRIPT
from cicd_agent.modes.rulebook.python_calls import PYTHON_CALLS
from cicd_agent.modes.rulebook.python_crypto import PYTHON_CRYPTO
from cicd_agent.modes.rulebook.python_flow import PYTHON_FLOW
from cicd_agent.modes.rulebook.python_queries import PYTHON_QUERIES
from cicd_agent.modes.rulebook.secrets import SECRETS
from cicd_agent.modes.rulebook.supply import SUPPLY
from cicd_agent.modes.rulebook.tests import TESTS
from cicd_agent.modes.rulebook.workflows import WORKFLOWS

RULES = (
    *SECRETS,
    *PYTHON_CALLS,
    *PYTHON_QUERIES,
    *PYTHON_CRYPTO,
    *PYTHON_FLOW,
    *JAVASCRIPT,
    *ACCESS,
    *TESTS,
    *ASSERTIONS,
    *DATA,
    *WORKFLOWS,
    *INFRASTRUCTURE,
    *SUPPLY,
    *FILES,
)

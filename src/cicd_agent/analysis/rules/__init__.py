"""All rules, in the order of the documents; each room holds the rules of one theme."""

from cicd_agent.analysis.rules.access import ACCESS
from cicd_agent.analysis.rules.assertions import ASSERTIONS
from cicd_agent.analysis.rules.data import DATA
from cicd_agent.analysis.rules.files import FILES
from cicd_agent.analysis.rules.infrastructure import INFRASTRUCTURE
from cicd_agent.analysis.rules.javascript import JAVASCRIPT
from cicd_agent.analysis.rules.python.calls import PYTHON_CALLS
from cicd_agent.analysis.rules.python.crypto import PYTHON_CRYPTO
from cicd_agent.analysis.rules.python.flow import PYTHON_FLOW
from cicd_agent.analysis.rules.python.queries import PYTHON_QUERIES
from cicd_agent.analysis.rules.secrets import SECRETS
from cicd_agent.analysis.rules.supply_chain import SUPPLY
from cicd_agent.analysis.rules.tests import TESTS
from cicd_agent.analysis.rules.workflows import WORKFLOWS

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

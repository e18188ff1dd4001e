# Runs the agent from its private environment. Every input is in the environment; this script interprets none of them.
set -u
source "$GITHUB_ACTION_PATH/launch/ground.sh"
# A mode with a dash in front must stay a wrong mode: as an option, `--help` would succeed and review nothing.
exec "$AGENT_PYTHON" -I -X pycache_prefix="$RUNNER_TEMP/cicd-agent-pycache" -m cicd_agent "${INPUT_MODE/#-/ -}"

# Runs the agent from its private environment. Every input is in the environment; this script interprets none of them.
set -u
source "$GITHUB_ACTION_PATH/launch/ground.sh"
exec "$AGENT_PYTHON" -I -X pycache_prefix="$RUNNER_TEMP/cicd-agent-pycache" -m cicd_agent -- "$INPUT_MODE"

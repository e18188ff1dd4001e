# Runs the agent where the installing step has made it ready. Every input is in the environment; this script interprets
# none of them.
set -u
source "${BASH_SOURCE[0]%/*}/ground.sh"
if [[ ${AGENT_RUNTIME-} == container ]]; then
  exec "$AGENT_PYTHON" -I -S -B "$agent_root/launch/contained.py"
fi
# A mode with a dash in front must stay a wrong mode: as an option, `--help` would succeed and review nothing.
exec "$AGENT_PYTHON" -I -X pycache_prefix="$RUNNER_TEMP/cicd-agent-pycache" -m cicd_agent "${INPUT_MODE/#-/ -}"

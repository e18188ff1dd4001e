# Finds a Python for the launcher, which chooses the runtime and makes it ready. Nothing of the job's own Python is
# used or changed, and nothing inside the workspace is run: a pull request wrote what lies there.
set -u
source "${BASH_SOURCE[0]%/*}/ground.sh"

supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'
arch=$(tr '[:upper:]' '[:lower:]' <<<"${RUNNER_ARCH:-x64}")

runs() {
  [[ -n $1 ]] && "$1" -I -S -c "$supported" >/dev/null 2>&1
}

# The runner's tool cache comes first: its Pythons are the same on every machine. On Windows they have no `bin`.
find_python() {
  local cache candidate
  cache=$(cd -- "${RUNNER_TOOL_CACHE:-/nonexistent}/Python" 2>/dev/null && pwd) || cache=/nonexistent
  while IFS= read -r candidate; do
    if runs "$candidate"; then
      echo "$candidate"
      return
    fi
  done < <(
    printf '%s\n' "$cache"/3.1{3,2,4,1}.*/"$arch"/{bin/python3,python.exe} && type -P python3.1{3,2,4,1} python3 python
  )
  candidate=$(fetch_python)
  runs "$candidate" && echo "$candidate"
}

# uv brings its own Python where the machine has none that fits.
fetch_python() {
  type -P uv >/dev/null || return 0
  export UV_PYTHON_INSTALL_DIR="$RUNNER_TEMP/cicd-agent-python"
  uv python install --no-config --quiet 3.13 && uv python find --no-config --managed-python 3.13
}

if ! python=$(find_python); then
  problem='no Python from 3.11 to 3.14 on this runner. Put actions/setup-python before this step, or install uv.'
  echo "::error title=cicd-agent::cicd-agent: $problem"
  printf 'conclusion=failure\ndegraded=true\nsummary=%s\n' "$problem" >>"$GITHUB_OUTPUT"
  # Nobody may take silence for a yes.
  [[ ${MODE-} != deploy-gate ]] || printf 'decision=hold\nrequires_approval=false\n' >>"$GITHUB_OUTPUT"
  printf '**cicd-agent did not run:** %s\n' "$problem" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
  exit 2
fi
# `-B`: nothing is written into the action's own folder, which a runner may share between jobs.
exec "$python" -I -S -B "$agent_root/launch/install.py"

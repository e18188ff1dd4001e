# Sourced first by both steps: leaves the workspace, and drops what could make it speak through our programs.
# Only this shell and its children are changed; the job's own environment, PATH and files stay as they are.
# Written for bash 3.2, which macOS has, and for Git Bash, which GitHub's Windows runners have.

# Where the whole action lies: a thin action of one mode is a folder in it, and GITHUB_ACTION_PATH is that folder.
agent_root=$(cd -P -- "${BASH_SOURCE[0]%/*}/.." && pwd)

# Prints a search path without its relative entries and those in the workspace: a pull request wrote what lies there,
# and must not choose which `git` or `python3` is run.
outside_workspace() {
  local workspace entry directory entries kept=() IFS=:
  workspace=$(cd -P -- "${GITHUB_WORKSPACE:-/nonexistent}" 2>/dev/null && pwd) || workspace=/nonexistent
  read -ra entries <<<"$1"
  # The form with `+` is for bash 3.2 on macOS, where an empty array is not set.
  for entry in ${entries[@]+"${entries[@]}"}; do
    [[ $entry == /* ]] && directory=$(cd -P -- "$entry" 2>/dev/null && pwd) || continue
    [[ $directory/ == "$workspace"/* ]] || kept+=("$directory")
  done
  echo "${kept[*]-}"
}

# setup-python's own builds may need LD_LIBRARY_PATH to start; nothing else of the loader's is kept.
libraries=$(outside_workspace "${LD_LIBRARY_PATH-}")
unset "${!PYTHON@}" "${!PIP_@}" "${!UV_@}" "${!LD_@}" "${!DYLD_@}" VIRTUAL_ENV BASH_ENV ENV
[[ -z $libraries ]] || export LD_LIBRARY_PATH=$libraries
PATH=$(outside_workspace "$PATH")
unset libraries
# Git Bash rewrites what looks like a path of its own; an input arrives as it was written.
export MSYS2_ENV_CONV_EXCL=INPUT_

# What people also call a mode.
for name in MODE INPUT_MODE; do
  case ${!name-} in
    analyze-failure) export "$name=analyse-failure" ;;
    test-gen) export "$name=gen-tests" ;;
  esac
done
unset name

cd "$RUNNER_TEMP"

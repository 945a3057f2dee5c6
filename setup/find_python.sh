#!/usr/bin/env bash
# Prints the path of a Python of the version given (3.12): one on PATH, one of pyenv, or one that uv brings.
# Usage: setup/find_python.sh VERSION UV
set -euo pipefail

version=$1
uv=$2

# pyenv's shims answer to every version's name but run only the selected one, so a candidate must say its version itself.
is_version() {
  [ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$version" ]
}

candidates=("$(command -v "python$version" || true)" "$(command -v python3 || true)")
if command -v pyenv >/dev/null; then
  for found in "$(pyenv root)"/versions/"$version"*/bin/python; do candidates+=("$found"); done
fi
candidates+=("$("$uv" python find --no-project "$version" 2>/dev/null || true)")

for candidate in "${candidates[@]}"; do
  if [ -n "$candidate" ] && [ -x "$candidate" ] && is_version "$candidate"; then
    # The interpreter itself, not a shim: an environment built on a shim breaks when the selected version changes.
    "$candidate" -c 'import sys; print(sys.executable)'
    exit 0
  fi
done

if "$uv" python install --quiet "$version" 2>/dev/null; then
  "$uv" python find --no-project "$version"
  exit 0
fi

cat >&2 <<EOF
Python $version is missing and uv could not bring it. Install it with one of:
  pyenv install $version
  sudo apt-get install python$version python$version-venv    (Debian, Ubuntu)
  brew install python@$version                               (macOS)
EOF
exit 1

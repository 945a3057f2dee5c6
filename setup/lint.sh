#!/usr/bin/env bash
# Runs the checks of `make lint`: all of them, or those that are named.
# Usage: setup/lint.sh [style | types | sql | templates | shell | words] ...
set -euo pipefail
cd "$(dirname "$0")/.."
dev=.venv/dev/bin

style() {
  $dev/ruff check
  $dev/ruff format --check
}

# Each folder is checked against the packages of the environment that runs it, and so are the tests of that environment.
types() {
  check_types airflow dags plugins demo infra simulator include bench tools
  check_types local local
  check_types lambda lambda
  check_types spark
}

check_types() {
  # shellcheck disable=SC2046 # the folders of the tests
  $dev/mypy --python-executable ".venv/$1/bin/python" "${@:2}" $(setup/test.sh folders "$1")
}

sql() {
  $dev/sqlfluff lint --disable-progress-bar include/sql
}

# What is left out of the scan is said beside the resource it is left out for.
templates() {
  $dev/cfn-lint infra/*.yaml
  .venv/scan/bin/checkov --config-file .checkov.yaml --directory infra
}

shell() {
  $dev/shellcheck .ci/run setup/*.sh
}

words() {
  git ls-files -z | xargs -0 $dev/codespell
}

checks=("$@")
[ ${#checks[@]} -gt 0 ] || checks=(style types sql templates shell words)
for check in "${checks[@]}"; do
  case $check in
    style | types | sql | templates | shell | words) "$check" ;;
    *)
      printf 'There is no check "%s"; name one of: style, types, sql, templates, shell, words.\n' "$check" >&2
      exit 2
      ;;
  esac
done

#!/usr/bin/env bash
# Runs tests with the interpreter of their folder: a suite of `make test`, a test by its name, or all that start no engine.
# Usage: setup/test.sh suite NAME | one TEST [OPTION]... | fast | folders ENVIRONMENT
set -euo pipefail
cd "$(dirname "$0")/.."

# Suite, environment of .venv, and folder. A folder inside another one stands before it.
table='
spark   spark   tests/include/glue_scripts
flink   local   tests/local/flink
flink   local   tests/include/flink
lambda  lambda  tests/lambda
alarm   local   tests/alarm
local   local   tests/local
local   local   tests/include/sql
local   local   tests/include/studio
local   local   tests/infra
airflow airflow tests/plugins
airflow airflow tests/dags
airflow airflow tests/privileges
images  airflow tests/mwaa
demo    airflow tests/simulator
demo    airflow tests/demo
demo    airflow tests/bench
demo    airflow tests/docs
runs    airflow tests/runs'

# The environments in which some tests start no engine.
fast_environments="airflow local lambda spark"

# Prints the rows of the table whose column (1: suite, 2: environment) is the word.
rows() {
  awk -v column="$1" -v word="$2" '$column == word' <<<"$table"
}

# Each suite has its folders to itself: --ignore for those of other suites.
ignored() {
  awk -v suite="$1" 'NF && $1 != suite { print "--ignore=" $3 }' <<<"$table"
}

# Prints the folders of tests that an environment runs, without those inside another one.
folders() {
  local folder outer=:
  while read -r folder; do
    case $folder in "$outer"/*) ;; *) echo "$folder"; outer=$folder ;; esac
  done < <(rows 2 "$1" | awk '{ print $3 }' | sort)
}

test_java() {
  for module in local/flink-connector-kinesis include/flink; do
    mvn --quiet --batch-mode --file "$module/pom.xml" test 2>&1 | awk '{ gsub(/\033\[[0-9;]*m/, ""); if (length($0)) print }'
  done
}

run_suite() {
  local suite=$1
  [ -n "$(rows 1 "$suite")" ] || { echo "There is no suite \"$suite\"; setup/test.sh lists them." >&2; exit 2; }
  [ "$suite" != flink ] || test_java
  # shellcheck disable=SC2046 # the table's words
  ".venv/$(rows 1 "$suite" | awk 'NR == 1 { print $2 }')/bin/python" -m pytest --durations=5 \
    $(ignored "$suite") $(rows 1 "$suite" | awk '{ print $3 }')
}

run_one() {
  local test=$1 environment
  shift
  environment=$(awk -v path="${test%%::*}" 'NF && !found && index(path "/", $3 "/") == 1 { print $2; found = 1 }' <<<"$table")
  [ -n "$environment" ] || {
    echo "No environment runs \"$test\"; name a test as in T=tests/plugins/test_triggers.py::<name>. Folders are listed in setup/test.sh." >&2
    exit 2
  }
  ".venv/$environment/bin/python" -m pytest "$@" "$test"
}

# The environments run at the same time; the output of each is shown when all have ended.
run_fast() {
  local status=0 environment pid pids=()
  logs=$(mktemp -d)
  trap 'rm -rf "$logs"' EXIT
  for environment in $fast_environments; do
    # shellcheck disable=SC2046 # the table's words
    ".venv/$environment/bin/python" -m pytest -q --disable-warnings -m "not (platform or airflow or spark or flink or slow)" \
      $(folders "$environment") >"$logs/$environment" 2>&1 &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || status=1; done
  cat "$logs"/*
  return $status
}

case ${1:-} in
  suite) run_suite "${2:?name a suite}" ;;
  one) run_one "${@:2}" ;;
  fast) run_fast ;;
  folders) folders "${2:?name an environment}" ;;
  *) sed -n '2,3s/^# //p' "$0" >&2; exit 2 ;;
esac

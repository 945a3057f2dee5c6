#!/usr/bin/env bash
# Pins the packages of environments, and those that travel with the function: `make requirements`.
# Usage: UV=… setup/compile_requirements.sh ENVIRONMENT=PYTHON ...     (airflow=3.12 lambda=3.13)
# MWAA_CONSTRAINTS=folder: takes the packages of MWAA's images from <image>/*.txt, as AWS publishes them.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
uv=$root/$UV

compile() {
  local version=$1
  shift
  "$uv" pip compile --quiet --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
    --python "$(python_of "$version")" "$@"
}

python_of() {
  "$root/setup/find_python.sh" "$1" "$uv"
}

mwaa=${MWAA_CONSTRAINTS:+$(cd "$MWAA_CONSTRAINTS" && pwd)}

for pair in "$@"; do
  environment=${pair%=*}
  constraints=()
  if [ "$environment" = airflow ] && [ -n "$mwaa" ]; then
    for file in "$mwaa/$MWAA_DEFAULT"/*_constraints.txt; do constraints+=(--constraint "$file"); done
  fi
  (cd requirements && compile "${pair#*=}" ${constraints[@]+"${constraints[@]}"} "$environment.in" --output-file "$environment.txt")
  [ "$environment" != lambda ] || lambda_python=${pair#*=}
  [ "$environment" != airflow ] || airflow_python=${pair#*=}
done

# An image's list is whole; only psycopg2 is left out, which is built from source where psycopg2-binary brings the same.
if [ -n "$mwaa" ]; then
  for image in $MWAA_IMAGES; do
    compile "$airflow_python" --no-emit-package psycopg2 "$mwaa/$image/image-packages.txt" --output-file "requirements/mwaa-$image.txt"
  done
fi

(cd "$FUNCTION" && compile "$lambda_python" requirements.in --output-file requirements.txt)

#!/usr/bin/env bash
# Checks what the project cannot bring itself (a Python to start with, Java 17, Maven) and names the install line of
# everything that is missing, all at once.
set -euo pipefail

missing=0
say_missing() {
  missing=1
  printf '%s is missing. Install it:\n  %s    (Debian, Ubuntu)\n  %s    (macOS)\n' "$1" "$2" "$3" >&2
}

command -v python3 >/dev/null || say_missing "Python 3" "sudo apt-get install python3 python3-venv" "brew install python@3.12"

java_major() {
  "$1" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1
}
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if ! command -v "$java" >/dev/null; then
  say_missing "Java 17" "sudo apt-get install openjdk-17-jdk-headless" "brew install openjdk@17"
elif [ "$(java_major "$java")" != 17 ]; then
  printf 'Java 17 is needed, but %s is version %s; set JAVA_HOME to a Java 17.\n' "$java" "$(java_major "$java")" >&2
  say_missing "Java 17" "sudo apt-get install openjdk-17-jdk-headless" "brew install openjdk@17"
fi

command -v mvn >/dev/null || say_missing "Maven" "sudo apt-get install maven" "brew install maven"

exit "$missing"

#!/bin/sh
# Makes the namespace and its search attributes where they are missing. It can
# be run again at any time. The address and the namespace are Temporal's own
# variables, TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.
set -eu

tries=0
until temporal operator cluster health; do
  tries=$((tries + 1))
  if [ "$tries" -ge 30 ]; then
    echo "the Temporal server at $TEMPORAL_ADDRESS is not healthy after $tries tries" >&2
    exit 1
  fi
  sleep 2
done

temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 90d

# A new namespace is known to all parts of the server after some seconds.
tries=0
until known=$(temporal operator search-attribute list); do
  tries=$((tries + 1))
  if [ "$tries" -ge 30 ]; then
    echo "namespace $TEMPORAL_NAMESPACE does not answer after $tries tries" >&2
    exit 1
  fi
  sleep 2
done

attribute() {
  if echo "$known" | grep -qw "$1"; then
    return
  fi
  temporal operator search-attribute create --name "$1" --type "$2"
}

# The same list as in internal/contract; a test compares them.
attribute BenchSweep Keyword
attribute BenchHost Keyword
attribute BenchRuntime Keyword
attribute BenchModel Keyword
attribute BenchTask Keyword
attribute BenchLang Keyword
attribute BenchState Keyword
attribute BenchProgress Double
attribute BenchRung Int
echo "namespace $TEMPORAL_NAMESPACE is ready"

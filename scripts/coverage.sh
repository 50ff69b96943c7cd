#!/usr/bin/env bash
# Lines and branches of the contracts that forge's tests reach; ends in 1 below 100 %, and lists the missing ones.
# Compiled as written (profile `plain`): the optimizer merges and moves code, and counts go to lines that it did not
# come from. Fuzzed properties run once: the specification has to reach everything.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:?usage: coverage.sh FOLDER}
mkdir -p "$folder"

FOUNDRY_PROFILE=plain FOUNDRY_OUT=$folder/out FOUNDRY_CACHE_PATH=$folder/cache FOUNDRY_FUZZ_RUNS=1 FOUNDRY_INVARIANT_RUNS=1 \
  forge coverage --report summary --report lcov --report-file "$folder/lcov.info" \
  --no-match-coverage '(mocks|tests|node_modules)' | tee "$folder/coverage.txt"

# lcov: `DA:line,count` and `BRDA:line,block,branch,count`, where a count of 0 or - is one that was not reached.
missing=$(awk -F'[:,]' '/^SF/ { file = $2 } /^(DA|BRDA):/ && $NF ~ /^(0|-)$/ { print file ":" $2 }' "$folder/lcov.info" | sort -uV)
if [[ -n $missing ]]; then
  printf 'expected 100 %% of lines and branches; not reached:\n%s\n' "$missing" >&2
  exit 1
fi

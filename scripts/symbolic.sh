#!/usr/bin/env bash
# Proves the check_ functions of tests/forge/Symbolic.t.sol with halmos, in a tree of their own: halmos looks for
# artifacts in `out`, and needs them with syntax trees.
set -euo pipefail
cd "$(dirname "$0")/.."
tree=${1:?usage: symbolic.sh FOLDER HALMOS} halmos=$PWD/${2:?usage: symbolic.sh FOLDER HALMOS}

mkdir -p "$tree/tests/forge" "$tree/.build"
cp foundry.toml "$tree/"
cp -r contracts "$tree/"
cp tests/forge/{Symbolic.t,World,Vm,ReferenceChaCha20}.sol "$tree/tests/forge/"
ln -sfn "$PWD/node_modules" "$tree/node_modules"
ln -sfn "$PWD/.build/solc" "$tree/.build/solc"
cd "$tree"
FOUNDRY_OUT=out forge build --ast --quiet
"$halmos" --contract SymbolicTest --function check_ --forge-build-out out

#!/usr/bin/env bash
# Links programs of the installed npm packages into one folder to put on PATH: the native anvil and forge, ganache.
# The npm launchers are passed over: they exit 0 when tests fail, and leave their child behind when killed.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${1:?usage: link_tools.sh FOLDER PROGRAM...}
shift

case "$(uname -s)" in Linux) system=linux ;; Darwin) system=darwin ;; *) system=$(uname -s) ;; esac
case "$(uname -m)" in x86_64) machine=amd64 ;; aarch64 | arm64) machine=arm64 ;; *) machine=$(uname -m) ;; esac

mkdir -p "$target"
for tool in "$@"; do
  case "$tool" in
    anvil | forge) binary=$PWD/node_modules/@foundry-rs/$tool-$system-$machine/bin/$tool ;;
    *) binary=$PWD/node_modules/.bin/$tool ;;
  esac
  if [ ! -x "$binary" ]; then
    echo "no $tool for $system-$machine: expected $binary" >&2
    echo "hint: npm ships anvil and forge for linux and darwin on amd64 and arm64" >&2
    exit 1
  fi
  ln -sf "$binary" "$target/$tool"
done

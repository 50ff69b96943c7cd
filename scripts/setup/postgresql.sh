#!/usr/bin/env bash
# Provides the PostgreSQL server that tests start: one that is installed, or Debian's package unpacked into one folder.
set -euo pipefail
target=${1:?usage: postgresql.sh FOLDER}

if compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || command -v postgres >/dev/null; then
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "no PostgreSQL, and no apt-get to fetch it with: the tests of a ledger in PostgreSQL are skipped" >&2
  echo "hint: install PostgreSQL 15 or newer so that postgres and initdb are on PATH" >&2
  exit 0
fi
mkdir -p "$target/packages"
# What an installation would add to this machine: the server, and the libraries that are missing.
mapfile -t packages < <(apt-get install --simulate --no-install-recommends postgresql | awk '/^Inst/ { print $2 }')
(cd "$target/packages" && apt-get download "${packages[@]}")
for package in "$target"/packages/*.deb; do
  dpkg -x "$package" "$target"
done
rm -r "$target/packages"

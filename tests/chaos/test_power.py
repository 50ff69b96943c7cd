"""What a disk holds after a power cut: contents that were synced, under names whose folder was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scripts.chaos.power import Power, build

pytestmark = pytest.mark.unit

WRITER = """
import os, sqlite3, sys
from pathlib import Path

def write(name, content, sync):
    with open(name, "wb") as file:
        file.write(content)
        file.flush()
        if sync:
            os.fsync(file.fileno())

def sync_folder():
    held = os.open(".", os.O_RDONLY)
    os.fsync(held)
    os.close(held)

os.chdir(sys.argv[1])
write("old", b"changed", False)
write("named", b"content", True)
write("empty", b"content", False)
Path("gone").unlink()
sync_folder()
write("nameless", b"content", True)
Path("kept").unlink()
ledger = sqlite3.connect("own/ledger", isolation_level=None)
ledger.execute("PRAGMA journal_mode = WAL")
ledger.execute("PRAGMA synchronous = FULL")
ledger.execute("CREATE TABLE facts (fact TEXT)")
ledger.execute("INSERT INTO facts VALUES ('committed')")
os.kill(os.getpid(), 9)
"""


def test_what_was_not_synced_is_gone(tmp_path: Path) -> None:
    folder, copy = tmp_path / "data", tmp_path / "copy"
    (folder / "own").mkdir(parents=True)
    for name in ("old", "gone", "kept"):
        (folder / name).write_bytes(b"before")
    power = Power(build(tmp_path), folder, copy)
    subprocess.run([sys.executable, "-c", WRITER, folder], env={**os.environ, **power.environment}, check=False)
    assert (folder / "nameless").exists()
    power.cut()
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert found == {"old": b"before", "named": b"content", "empty": b"", "kept": b"before"}
    read = "import sqlite3; print(sqlite3.connect('own/ledger').execute('SELECT fact FROM facts').fetchall())"
    done = subprocess.run([sys.executable, "-c", read], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout == "[('committed',)]\n"

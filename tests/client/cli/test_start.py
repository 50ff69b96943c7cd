"""How a program begins and ends: Ctrl-C while it still imports its modules, and a thread that a library left behind."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from assay.cli.start import INTERRUPTED, RESUME

pytestmark = pytest.mark.integration

INTERRUPTED_AT = """
import os, runpy, signal, sys

wanted = sys.argv[1]

class CtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            try:
                os.kill(os.getpid(), signal.SIGINT)
                sum(range(10**4))
            except KeyboardInterrupt:
                pass  # as some libraries do

sys.meta_path.insert(0, CtrlC())
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def interrupted(at: str, *command: str, disposition: signal.Handlers) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-c", INTERRUPTED_AT, at, *command]
    prepare = partial(signal.signal, signal.SIGINT, disposition)
    return subprocess.run(call, capture_output=True, text=True, check=False, timeout=120, preexec_fn=prepare)


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("click", ("assay", "orders")),
        ("assay.cli.options", ("assay", "orders")),
        ("assay.cli.commands.orders", ("assay", "orders")),
        ("pydantic", ("assay", "orders")),
        ("assay_oracle.cli.pricing", ("assay_oracle", "inspect", ".")),
    ],
)
def test_an_interruption_during_imports_ends_the_program_as_one_during_a_command(
    module: str, command: tuple[str, ...]
) -> None:
    ended = interrupted(module, *command, "--json", disposition=signal.SIG_DFL)
    assert (ended.returncode, ended.stderr.lstrip("\n")) == (130, f"error: {INTERRUPTED}\nhint: {RESUME}\n")
    assert json.loads(ended.stdout)["error"] == {"code": "interrupted", "message": INTERRUPTED, "hint": RESUME}


LATE = """
import time
import click
from assay.cli.group import Group

@click.command()
def work():
    try:
        import colorsys
        time.sleep(100)
    finally:
        print("tidied up")

def main():
    Group(commands=[work]).main(["work"])
"""


def test_an_interruption_during_a_late_import_comes_once_it_is_done(tmp_path: Path) -> None:
    (tmp_path / "late.py").write_text(LATE)
    (tmp_path / "program.py").write_text("from assay.cli.start import start\nstart('late')\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        ended = interrupted("colorsys", "program", disposition=signal.SIG_DFL)
    assert (ended.returncode, ended.stdout) == (130, "tidied up\n")
    assert ended.stderr.lstrip("\n") == f"error: {INTERRUPTED}\nhint: {RESUME}\n"


def test_where_the_shell_has_interruptions_ignored_they_stay_ignored() -> None:
    ended = interrupted("click", "assay", "--help", disposition=signal.SIG_IGN)
    assert (ended.returncode, ended.stderr) == (0, "")


REFUSED = """
import io, sys, time
import pyarrow as pa, pyarrow.csv as pc

class Slow(io.BytesIO):
    def read(self, size=-1):
        if self.tell() > 1024:
            time.sleep(0.2)
        return super().read(size)

def main():
    try:
        list(pc.open_csv(Slow(b"a,b\\n" + b"1\\n" * 10_000), read_options=pc.ReadOptions(block_size=512)))
    except pa.ArrowInvalid as error:
        print(error)
        sys.exit(2)
"""


def test_a_thread_that_reads_a_refused_file_keeps_no_command_from_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "refused.py").write_text(REFUSED)
    call = [sys.executable, "-c", "from assay.cli.start import start; start('refused')"]
    path = os.pathsep.join([str(tmp_path), *sys.path])
    ended = subprocess.run(
        call, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, "PYTHONPATH": path}
    )
    assert "Expected 2 columns, got 1" in ended.stdout
    assert (ended.returncode, ended.stderr) == (2, "")

"""Ctrl-C while a program still imports its modules: the end of every interrupted command, and no traceback."""

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

"""A power cut: what was not synced is gone. ``durable.c`` keeps beside a folder what its disk would hold."""

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("durable.c")


def build(folder: Path) -> Path:
    """Compiles the library that a daemon is started with.

    Raises:
        RuntimeError: There is no C compiler.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise RuntimeError("expected a C compiler for power cuts, found none: install gcc")
    library = folder / "durable.so"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return library


class Power:
    """The durable state of the files in ``folder``, kept in ``copy``."""

    def __init__(self, library: Path, folder: Path, copy: Path) -> None:
        self._folder = folder
        self._copy = copy
        copy.mkdir()
        self.environment = {
            "LD_PRELOAD": str(library),
            "DURABLE_FOLDER": str(folder),
            "DURABLE_COPY": str(copy),
        }

    def cut(self) -> None:
        """Takes the folder back to what a disk would hold; no process may use it.

        A name that was synced before its content is an empty file.
        """
        contents = self._copy / "contents"
        for path in [path for path in self._folder.rglob("*") if path.is_file()]:
            path.unlink()
        for names in (self._copy / "names").iterdir():
            place = self._folder / names.name.replace("%", "/").strip("/")
            for line in names.read_text().splitlines():
                name, _, known = line.rpartition(" ")
                target = place / name
                target.touch(mode=0o600)
                if (contents / known).exists():
                    shutil.copyfile(contents / known, target)
        shutil.rmtree(contents)  # the next process begins from here: files have new inodes
        shutil.rmtree(self._copy / "names")

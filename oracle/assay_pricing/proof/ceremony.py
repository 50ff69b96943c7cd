"""The set-up of a proving key by several parties, by snarkjs in a process of its own.

The second phase of Groth16's set-up (Bowe, Gabizon and Miers 2017): each party multiplies a secret of its own into the
key and forgets it. A forgery needs the secrets of all. The first phase is any public file of powers of tau (ptau) that
is large enough, with a contribution of its own; it does not depend on the circuit. Beside each key is a file of the
contributions to gamma, which snarkjs does not make.
"""

import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from assay.protocol.proof.key import SnarkjsKey
from assay_pricing.errors import ProofError
from assay_pricing.proof.gamma import Gamma

_PROGRAM = "snarkjs"
_SHOWN = 400


def begin(circuit: Path, powers: Path, out: Path) -> None:
    """Makes the key that the first party contributes to.

    Args:
        circuit: Constraints (r1cs).
        powers: Of tau (ptau).
        out: The file to write (zkey).

    Raises:
        ProofError: A file is damaged or too small, or the program is not installed.
    """
    check_whole(powers, b"ptau")
    _run("groth16", "setup", circuit, powers, out)
    Gamma.begun(_exported(out).points).write(out)


def contribute(before: Path, out: Path, name: str) -> None:
    """Multiplies fresh secrets into a key and into its gamma. They are in memory alone, and gone with the programs.

    Raises:
        ProofError: The file is damaged, or the program is not installed.
    """
    check_whole(before, b"zkey")
    gamma = Gamma.beside(before)
    _run("zkey", "contribute", before, out, f"--name={name}", entropy=secrets.token_hex(64))
    gamma.contributed(name, _exported(out).gamma).write(out)


def verify(circuit: Path, powers: Path, key: Path) -> list[str]:
    """Checks that a key is of a circuit, and that every contribution to it and to its gamma was made to the one before.

    Returns:
        Who contributed to gamma, in order.

    Raises:
        ProofError: It is not, a file is damaged, or the program is not installed.
    """
    check_whole(powers, b"ptau")
    check_whole(key, b"zkey")
    gamma = Gamma.beside(key)
    _run("zkey", "verify", circuit, powers, key)
    made = _exported(key)
    gamma.check(made.gamma, made.points)
    return [contribution.name for contribution in gamma.contributions]


def check_whole(file: Path, magic: bytes) -> None:
    """Checks that a file of iden3's binary format has all its sections: the program waits for ever for the rest.

    Raises:
        ProofError: It is of another format, or cut short.
    """
    try:
        with file.open("rb") as source:
            head, size = source.read(12), file.stat().st_size
            at, count = 12, int.from_bytes(head[8:12], "little")
            if head[:4] != magic:
                raise ProofError(f"expected a file of the format {magic.decode()} at {file}, got another")
            for _ in range(count):
                source.seek(at)
                at += 12 + int.from_bytes(source.read(12)[4:], "little")
    except OSError as error:
        raise ProofError(f"expected a file at {file}: {error.strerror}") from None
    if at != size:
        raise ProofError(f"expected {at} bytes at {file}, got {size}: it was cut short", hint="copy it again")


def _exported(key: Path) -> SnarkjsKey:
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "verification.json"
        _run("zkey", "export", "verificationkey", key, text)
        return SnarkjsKey.from_json(text.read_text())


def _run(*arguments: str | Path, entropy: str = "") -> None:
    program = shutil.which(_PROGRAM)
    if program is None:
        raise ProofError(f"expected the program {_PROGRAM}, it is not installed", hint="npm install -g snarkjs@0.7.6")
    command = [program, *map(str, arguments)]
    done = subprocess.run(command, input=entropy.encode() + b"\n", capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        said = (done.stderr + done.stdout).decode(errors="replace").strip()
        raise ProofError(f"{_PROGRAM} {arguments[0]} {arguments[1]} failed: {said[-_SHOWN:]}")

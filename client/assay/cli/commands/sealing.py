"""``assay seal`` and ``assay open``: sealed files without a sale."""

import secrets
from pathlib import Path

import click

from assay.cli.terminal import emit, json_option, progress
from assay.errors import NotSealedData, UsageError
from assay.files import whole_file, write_new
from assay.protocol import seal as sealed_data
from assay.protocol import tree

existing = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("file", type=existing)
@click.option("--out", type=click.Path(path_type=Path), help="Sealed file; by default FILE.sealed.")
@click.option("--key-out", type=click.Path(path_type=Path), help="Key file; by default FILE.key.")
@click.option(
    "--chunk-size",
    type=click.Choice([str(size) for size in tree.CHUNK_SIZES]),
    default=str(sealed_data.DEFAULT_CHUNK_SIZE),
    show_default=True,
    help="Bytes of a chunk: small chunks make disputes cheap, large chunks make sealing fast.",
)
@json_option
def seal(file: Path, out: Path | None, key_out: Path | None, chunk_size: str, as_json: bool) -> None:
    """Seal FILE under a fresh key.

    \b
    Example:
      assay seal data.parquet
    """
    out = out or file.with_name(file.name + ".sealed")
    key_out = key_out or file.with_name(file.name + ".key")
    if out.resolve() == key_out.resolve():
        raise UsageError(f"expected two files, got {out} for the sealed data and for the key")
    for path in (out, key_out):
        if path.exists():
            raise UsageError(f"{path} exists", hint="choose another name with --out and --key-out")
    key = secrets.token_bytes(sealed_data.KEY_BYTES)
    write_new(key_out, key.hex().encode() + b"\n")
    try:
        with (
            file.open("rb") as source,
            whole_file(out) as target,
            progress("sealing", file.stat().st_size) as done,
        ):
            commitment = sealed_data.seal(source, target, key, chunk_size=int(chunk_size), progress=done)
    except BaseException:
        key_out.unlink()
        raise
    result = {**commitment.model_dump(mode="json"), "sealed": str(out), "key": str(key_out)}
    emit(result, f"sealed\t{out}\nkey\t{key_out}\nroot\t0x{commitment.data_root.hex()}", as_json)


@click.command("open")
@click.argument("file", type=existing)
@click.option("--key", "key_file", type=existing, required=True, help="Key file.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File for the data.")
@json_option
def open_(file: Path, key_file: Path, out: Path, as_json: bool) -> None:
    """Open sealed FILE, checking every chunk.

    \b
    Example:
      assay open data.parquet.sealed --key data.parquet.key --out data.parquet
    """
    if out.exists():
        raise UsageError(f"{out} exists", hint="choose another name with --out")
    try:
        key = bytes.fromhex(key_file.read_text().strip().removeprefix("0x"))
    except ValueError:  # UnicodeDecodeError is one
        raise NotSealedData(f"expected a key of 32 bytes in hex in {key_file}, got something else") from None
    with (
        file.open("rb") as source,
        whole_file(out) as target,
        progress("opening", file.stat().st_size) as done,
    ):
        index = sealed_data.open_sealed(source, key, target, progress=done)
    emit(index.commitment, f"opened\t{out}\nroot\t0x{index.data_root.hex()}", as_json)

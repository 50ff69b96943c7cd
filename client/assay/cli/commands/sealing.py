"""``assay seal``, ``assay open``, ``assay verify`` and ``assay pack``: files without a sale."""

from pathlib import Path

import click

from assay.cli.params import DataFile
from assay.cli.tables import fields
from assay.cli.terminal import emit, json_option, progress
from assay.errors import UsageError
from assay.files import new_file, refusing
from assay.protocol import seal as sealed_data
from assay.protocol import tree
from assay.sealed_files import open_file, read_key, seal_file

existing = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("file", type=DataFile())
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

    The same command resumes what was interrupted.

    \b
    Example:
      assay seal data.parquet
    """
    out = out or file.with_name(file.name + ".sealed")
    key_out = key_out or file.with_name(file.name + ".key")
    if out.resolve() == key_out.resolve():
        raise UsageError(f"expected two files, got {out} for the sealed data and for the key")
    commitment = seal_file(file, out, key_out, int(chunk_size), progress)
    result = {**commitment.model_dump(mode="json"), "sealed": str(out), "key": str(key_out)}
    emit(result, f"sealed\t{out}\nkey\t{key_out}\nroot\t0x{commitment.data_root.hex()}", as_json)


@click.command("open")
@click.argument("file", type=DataFile())
@click.option("--key", "key_file", type=existing, required=True, help="Key file.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File for the data.")
@json_option
def open_(file: Path, key_file: Path, out: Path, as_json: bool) -> None:
    """Open sealed FILE, checking every chunk.

    The same command resumes what was interrupted.

    \b
    Example:
      assay open data.parquet.sealed --key data.parquet.key --out data.parquet
    """
    index = open_file(file, read_key(key_file), out, progress)
    emit(index.commitment, f"opened\t{out}\nroot\t0x{index.data_root.hex()}", as_json)


@click.command()
@click.argument("file", type=DataFile())
@click.option("--root", metavar="0xHEX", help="The root that the file must have, of a quote or an order.")
@click.option("--chunks", metavar="FIRST-LAST", help="Check these chunks, counted from 0, and read no others.")
@json_option
def verify(file: Path, root: str | None, chunks: str | None, as_json: bool) -> None:
    """Check sealed FILE without its key: the index, and every chunk or a range of them.

    \b
    Example:
      assay verify data.parquet.sealed
      assay verify data.parquet.sealed --chunks 1000-1999
    """
    wanted = _root(root) if root is not None else None
    span = _span(chunks) if chunks is not None else None
    with file.open("rb") as source:
        index = sealed_data.read_index(source)
        if wanted is not None:
            index.check_root(wanted)
        span = span or range(index.layout.count)
        if span.stop > index.layout.count:
            raise UsageError(f"expected --chunks from 0 to {index.layout.count - 1}, got {chunks}")
        with progress("verifying", index.layout.bytes_to_read(span)) as done:
            sealed_data.check_chunks(source, index=index, chunks=span, progress=done)
    result = {**index.commitment.model_dump(mode="json"), "first_chunk": span.start, "last_chunk": span.stop - 1}
    text = f"verified\tchunks {span.start} to {span.stop - 1} of {index.layout.count}\nroot\t0x{index.data_root.hex()}"
    emit(result, text, as_json)


def _root(text: str) -> bytes:
    try:
        root = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        root = b""
    if len(root) != 32:
        raise UsageError(f"expected 32 bytes in hex for --root, got {text}")
    return root


def _span(text: str) -> range:
    first, dash, last = text.partition("-")
    if not (first.isdecimal() and (last.isdecimal() or not dash)):
        raise UsageError(f"expected --chunks FIRST-LAST, such as 0-99, got {text}")
    span = range(int(first), int(last or first) + 1)
    if not span:
        raise UsageError(f"expected --chunks with FIRST up to LAST, got {text}")
    return span


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def pack(folder: Path, file: Path, as_json: bool) -> None:
    """Write FOLDER into one FILE, which can be sold.

    `assay sell FOLDER` does it by itself.

    Parquet files with the same columns, also in Hive partitions (folders column=value), become one table: FILE ends
    with .parquet, .arrow, .csv, .jsonl or .npz. The values are unchanged. Needs pip install 'assay[formats]'. Pictures
    with their labels become one archive: FILE ends with .tar. An existing file is not replaced.

    \b
    Examples:
      assay pack exports/ data.parquet
      assay pack pictures/ pictures.tar
    """
    from assay.sale.bought import FORMATS  # here: to seal a file takes none of a sale
    from assay.sale.offered.packing import ARCHIVE, write

    forms = {**FORMATS, ARCHIVE: ARCHIVE.removeprefix(".")}
    form = forms.get(file.suffix.lower())
    if form is None:
        raise UsageError(f"expected a file name that ends with {', '.join(sorted(forms))}, got {file.name}")
    with refusing(file), new_file(file) as target:
        write(folder, target, form)
    emit({"file": file, "bytes": file.stat().st_size}, fields([("file", file)]), as_json)

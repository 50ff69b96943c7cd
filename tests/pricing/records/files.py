"""Files of records as bytes, and how their refusal is checked."""

import io
import json
import time
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.protocol.schema import Feature, Schema
from assay_pricing.errors import DataError
from assay_pricing.records.tables import parse_records, parse_table

SCHEMA = Schema(
    task="classification",
    features=(Feature(name="a"), Feature(name="c", kind="categorical", categories=("red", "é"))),
    label="y",
    classes=("0", "1"),
)
NUMERIC = SCHEMA.model_copy(update={"features": (Feature(name="a"), Feature(name="b"))})


def csv(text: str | bytes) -> io.BytesIO:
    return io.BytesIO(text.encode() if isinstance(text, str) else text)


def parquet(columns, **options) -> io.BytesIO:
    file = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), file, **options)
    file.seek(0)
    return file


def arrow(columns, *, stream: bool = False, **options) -> io.BytesIO:
    file, table = io.BytesIO(), columns if isinstance(columns, pa.Table) else pa.table(columns)
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    with new(file, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    file.seek(0)
    return file


def jsonl(*records: dict | str) -> io.BytesIO:
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    return io.BytesIO("".join(line + "\n" for line in lines).encode())


def npz(**arrays) -> io.BytesIO:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    file.seek(0)
    return file


def npy(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def zipped(members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    file.seek(0)
    return file


def seconds(call) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def refused(file: io.BytesIO, message: str, schema: Schema | None = SCHEMA, **bounds) -> None:
    with pytest.raises(DataError, match=message) as caught:
        parse_table(file, **bounds) if schema is None else parse_records(file, schema, **bounds)
    assert len(str(caught.value)) < 1000


COLUMNS = {"a": [1.5, -2, 0], "c": ["red", "e\u0301", "blue"], "y": [0, 1, 1]}
GOOD = {
    "csv": csv("a,c,y\n1.5,red,0\n-2,é,1\n0,blue,1\n").getvalue(),
    "parquet": parquet(COLUMNS).getvalue(),
    "npz": npz(a=np.array([1.5, -2, 0]), c=np.array(["red", "é", "blue"]), y=np.array([0, 1, 1])).getvalue(),
    "jsonl": jsonl(*({name: values[row] for name, values in COLUMNS.items()} for row in range(3))).getvalue(),
    "arrow": arrow(COLUMNS, compression="lz4").getvalue(),
    "stream": arrow(COLUMNS, stream=True).getvalue(),
}

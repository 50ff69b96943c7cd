"""A FastAPI application that stores what it gets, and nothing else: what an upload costs at least.

python -m serving.bare FOLDER
"""

import os
import sys
from pathlib import Path
from typing import Any

import uvicorn
from anyio import to_thread
from fastapi import FastAPI, Request
from localnet import free_port

FOLDER = Path(sys.argv[1])
app = FastAPI()


@app.patch("/{name}")
async def upload(name: str, request: Request) -> dict[str, Any]:
    """Writes the body to a file, and the file to the disk."""
    body = await request.body()
    await to_thread.run_sync(_write, FOLDER / name, body)
    return {"received_bytes": len(body)}


def _write(path: Path, body: bytes) -> None:
    with path.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


if __name__ == "__main__":
    port = free_port()
    print(port, flush=True)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")

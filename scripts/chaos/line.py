"""A TCP line that can be cut and slowed, to one or several servers in turn."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, Self

_PIECE = 65_536


def port_of(url: str) -> int:
    """The port in a URL without a path."""
    return int(url.rpartition(":")[2])


class Line:
    """Listens on ``port`` and carries every connection to the next of ``targets`` that takes it.

    ``carried`` counts the bytes to the servers, and those back.

    Args:
        targets: Ports of this machine.
        port: Where it listens; 0 is any free one.
    """

    def __init__(self, targets: Sequence[int], port: int = 0) -> None:
        self._targets = list(targets)
        self._turn = 0
        self.carried = [0, 0]
        self._delay = 0.0
        self._is_cut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._carry, "127.0.0.1", port))
        self.port: int = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        """Where it is reached by HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Breaks every connection, and every new one at once."""
        self._is_cut = True
        self._loop.call_soon_threadsafe(self._break)

    def slow(self, seconds: float) -> None:
        """Holds every piece back for so long."""
        self._delay = seconds

    def heal(self) -> None:
        """Takes both back."""
        self._is_cut, self._delay = False, 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _break(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _close(self) -> None:
        self._server.close()
        self._break()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut or (far := await self._connect()) is None:
            writer.transport.abort()
            return
        far_reader, far_writer = far
        self._open |= {writer, far_writer}
        try:
            await asyncio.gather(self._pump(reader, far_writer, 0), self._pump(far_reader, writer, 1))
        except asyncio.CancelledError:
            writer.transport.abort()  # the line ends: nobody waits for this task
        finally:
            self._open -= {writer, far_writer}

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in self._targets:
            self._turn += 1
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", self._targets[self._turn % len(self._targets)])
        return None

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: int) -> None:
        try:
            while piece := await reader.read(_PIECE):
                await asyncio.sleep(self._delay)
                writer.write(piece)
                self.carried[way] += len(piece)
                await writer.drain()
        except OSError:
            writer.transport.abort()
        else:
            writer.close()

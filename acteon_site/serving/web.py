"""The web server of production: `python -m acteon_site.serving.web --host 0.0.0.0 --workers 4`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from typing import ClassVar

import uvicorn
from uvicorn.supervisors import multiprocess

from acteon_site.serving.accepting import Acceptor, Load, Loads
from acteon_site.serving.protocol import IDLE_SECONDS, GatewayProtocol
from acteon_site.serving.stopping import ON_STOP, end_parts

APPLICATION = "acteon_site.asgi:application"
REQUEST_SECONDS = 5  # how long requests may take to end when it stops, of ten seconds in all
END_SECONDS = 2.0  # and then the calls that nobody waits for any more


class StreamEndingServer(uvicorn.Server):
    """Uvicorn that ends the event streams when it stops, where the plain one waits and then cuts them off."""

    def __init__(self, config: uvicorn.Config, load: Load | None = None) -> None:
        super().__init__(config)
        self.load = load  # of one of several processes on the same socket

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self.load is None:
            await super().startup(sockets=sockets)
            return
        await super().startup(sockets=[])
        for sock in sockets or []:
            acceptor = Acceptor(sock, self._protocol, self.load, lambda: len(self.server_state.connections))
            acceptor.start(self.config.backlog)
            self.servers.append(acceptor)  # type: ignore[arg-type]

    def _protocol(self) -> GatewayProtocol:
        return GatewayProtocol(self.config, self.server_state, self.lifespan.state)

    async def on_tick(self, counter: int) -> bool:
        for server in self.servers:
            if isinstance(server, Acceptor):
                server.tell()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()  # first of all: the next start wants the port
        for hook in ON_STOP.values():
            await asyncio.to_thread(hook.call)
        await super().shutdown(sockets=sockets)
        await asyncio.to_thread(end_parts, END_SECONDS)


class WebProcess(multiprocess.Process):
    """One of several: the supervisor's child with our server in it. It ends with the supervisor, however that ends."""

    loads: ClassVar[Loads]

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        self.load = self.loads.place()
        super().__init__(config, sockets)

    @property
    def server(self) -> uvicorn.Server:
        if self._server is None:
            self._server = StreamEndingServer(self.config, self.load)
        return self._server

    def always_pong(self) -> None:
        self.parent_conn.close()  # the child's copy of the supervisor's end, which would hold the pipe open
        try:
            super().always_pong()
        except (EOFError, OSError):
            os.kill(os.getpid(), signal.SIGTERM)


def web_config(
    *, stop_seconds: int, host: str = "127.0.0.1", port: int = 8080, workers: int = 1
) -> uvicorn.Config:
    """The gateway's own settings of uvicorn; logging stays with acteon_site.watching.logs."""
    return uvicorn.Config(
        APPLICATION,
        host=host,
        port=port,
        workers=workers,
        http=GatewayProtocol,
        timeout_keep_alive=IDLE_SECONDS,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        # Django alone reads X-Forwarded-Proto, where ACTEON_BEHIND_TLS_PROXY says so.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=stop_seconds,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m acteon_site.serving.web", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=8080, help="default: %(default)s")
    parser.add_argument("--workers", type=int, default=1, help="processes; default: %(default)s")
    given = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acteon_site.settings")
    config = web_config(stop_seconds=REQUEST_SECONDS, host=given.host, port=given.port, workers=given.workers)
    if given.workers > 1:
        # The supervisor makes its children by this name; it takes no class of them otherwise.
        WebProcess.loads = Loads()
        multiprocess.Process = WebProcess  # type: ignore[misc]
        multiprocess.Multiprocess(config, sockets=[config.bind_socket()]).run()
    else:
        StreamEndingServer(config).run()


if __name__ == "__main__":
    main()

"""/v1/stream with two hundred listeners: what each costs, and how they go on after a restart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from acteon_site.client.http import GatewayClient
from acteon_site.client.lifecycle import BUSINESS_HOURS, order_action
from audit_app.api.views_stream import hub
from audit_app.services.relay import relay
from tests.audit_app.serving import Service
from tests.e2e.running import Process, background, environment, free_port, wait_ready
from tests.world import Shop

LISTENERS = 200


@dataclass
class Ear:
    """One listener, as cheap as can be: a socket and the ids that came."""

    ids: list[int] = field(default_factory=list)
    writer: asyncio.StreamWriter | None = None

    async def open(self, port: int, headers: dict[str, str]) -> asyncio.Task[None]:
        reader, self.writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.writer.write(f"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b": ping\n\n"), 60)
        assert head.startswith(b"HTTP/1.1 200"), head
        return asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            async for line in reader:
                if line.startswith(b"id: "):
                    self.ids.append(int(line[4:]))
        except OSError:
            pass


@asynccontextmanager
async def ears(port: int, headers: list[dict[str, str]]) -> AsyncIterator[list[Ear]]:
    async with AsyncExitStack() as stack:
        listening = [Ear() for _ in headers]
        for ear, own in zip(listening, headers, strict=True):
            task = await ear.open(port, own)
            stack.callback(task.cancel)
            assert ear.writer is not None
            stack.callback(ear.writer.close)
        yield listening


async def until_all_have(listening: list[Ear], count: int, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while min(len(ear.ids) for ear in listening) < count:
        assert time.monotonic() < deadline, sorted({len(ear.ids) for ear in listening})
        await asyncio.sleep(0.05)


async def until_quiet(listening: list[Ear], seconds: float = 180) -> None:
    """Until events came, all have as many, and none came for two seconds."""
    deadline, since, last = time.monotonic() + seconds, time.monotonic(), -1
    while time.monotonic() - since < 2:
        assert time.monotonic() < deadline, "it does not become quiet"
        counts = {len(ear.ids) for ear in listening}
        if len(counts) > 1 or max(counts) != last or last == 0:
            since, last = time.monotonic(), max(counts)
        await asyncio.sleep(0.1)


def figure(process: Process, name: str) -> int:
    """VmRSS in KiB, Threads."""
    status = Path(f"/proc/{process.popen.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name))


def start(env: dict[str, str], directory: Path, port: int) -> Any:
    return background(env, directory / "serve.log", "manage.py", "serve", "--port", str(port))


def place(port: int, names: list[str]) -> None:
    with GatewayClient(f"http://127.0.0.1:{port}") as client:
        for name in names:
            client.dispatch(order_action(name, "ecommerce", "acme-store"), demo_now=BUSINESS_HOURS)


@pytest.mark.embedded
def test_two_hundred_listen_to_one_process_and_go_on_after_its_restart(tmp_path: Path) -> None:
    asyncio.run(listen_through_a_restart(environment(tmp_path), tmp_path))


async def listen_through_a_restart(env: dict[str, str], directory: Path) -> None:
    port = free_port()
    with start(env, directory, port) as process:
        await asyncio.to_thread(wait_ready, process, f"http://127.0.0.1:{port}")
        async with ears(port, [{"Last-Event-ID": "0"}] * 20) as few:
            await asyncio.to_thread(place, port, ["warm-1"])
            await until_quiet(few)
        alone = figure(process, "VmRSS")
        async with ears(port, [{"Last-Event-ID": "0"}] * LISTENERS) as listening:
            await asyncio.to_thread(place, port, ["first-1", "first-2"])
            await until_quiet(listening)
            crowded, threads = figure(process, "VmRSS"), figure(process, "Threads")
            assert all(ear.ids == listening[0].ids for ear in listening)
            await asyncio.to_thread(place, port, ["unheard-1"])
            assert await asyncio.to_thread(process.stop) == 0
        per_listener = (crowded - alone) * 1024 // LISTENERS
        assert per_listener < 100_000, f"{per_listener} bytes for each listener"
        assert threads < 100
    heard = [ear.ids for ear in listening]
    with start(env, directory, port) as process:
        await asyncio.to_thread(wait_ready, process, f"http://127.0.0.1:{port}")
        resume = [{"Last-Event-ID": str(ids[-1])} for ids in heard]
        async with ears(port, resume) as again:
            await asyncio.to_thread(place, port, ["after-1"])
            await until_quiet(again)
        for before, after in zip(heard, again, strict=True):
            together = before + after.ids
            assert together == list(range(together[0], together[0] + len(together)))
    print(f"{LISTENERS} listeners: {per_listener} bytes each, {threads} threads")  # noqa: T201 - shown with -s


@pytest.mark.postgres
def test_two_hundred_listeners_hold_no_database_connection(service: Service) -> None:
    secret = Shop().secret
    before = connections_held()
    port = int(service.base.rpartition(":")[2])

    async def listen() -> None:
        async with ears(port, [{"X-API-Key": secret, "Last-Event-ID": "0"}] * LISTENERS) as listening:
            await asyncio.to_thread(tell, 40)
            await until_all_have(listening, 40)
            assert hub.listening == LISTENERS
            assert all(ear.ids == listening[0].ids for ear in listening)
            await asyncio.sleep(1)
            during = connections_held()
            # The hub's own thread may be reading just now; no listener holds one.
            assert during <= before + 3

    asyncio.run(listen())


def tell(count: int) -> None:
    from tests.audit_app.conftest import note

    try:
        for _ in range(count):
            note()
        relay()
    finally:
        connection.close()


def connections_held() -> int:
    """Taken from the pool of this process and not given back."""
    stats = connection.pool.get_stats()  # type: ignore[attr-defined]
    return int(stats["pool_size"] - stats["pool_available"])

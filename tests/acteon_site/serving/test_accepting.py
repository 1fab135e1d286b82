"""Web processes take the connections of their common socket in turn."""

from __future__ import annotations

import asyncio
import errno
import multiprocessing
import socket
from collections.abc import Callable
from typing import Any

import pytest

from acteon_site.serving import accepting
from acteon_site.serving.accepting import Acceptor, Load, Loads

FOR_EVER = 600.0


class Taken:
    """The connections of one process."""

    def __init__(self, listening: socket.socket, load: Load) -> None:
        self.count = 0
        self.acceptor = Acceptor(listening, self._protocol, load, lambda: self.count)

    def _protocol(self) -> asyncio.Protocol:
        self.count += 1
        return asyncio.Protocol()


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not happened():
            await asyncio.sleep(0.001)


def taken_by(processes: int, connections: int, *, silent: Loads | None = None) -> list[int]:
    """How many each has. `silent` has processes besides, which take none."""

    async def take() -> list[int]:
        loads = silent or Loads()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            copies = [listening.dup() for _ in range(processes)]
            taken = [Taken(copy, loads.place()) for copy in copies]
            for one in taken:
                one.acceptor.start(100)
            # All at once, as a client's pool opens them: nobody has looked before the last of them waits.
            clients = [socket.create_connection(listening.getsockname()) for _ in range(connections)]
            await until(lambda: sum(one.count for one in taken) == connections)
            for one in taken:
                one.acceptor.close()
            for each in (*clients, *copies):
                each.close()
        return [one.count for one in taken]

    return asyncio.run(take())


def test_connections_that_come_together_are_shared() -> None:
    assert min(taken_by(2, 8)) >= 3


def test_a_connection_is_left_to_a_process_with_fewer_and_taken_where_that_does_not_come() -> None:
    loads = Loads()
    loads.place().tell(0)
    assert taken_by(1, 3, silent=loads) == [3]


def test_a_process_that_is_not_heard_of_any_more_is_left_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepting, "PATIENCE_SECONDS", FOR_EVER)
    monkeypatch.setattr(accepting, "FORGOTTEN_SECONDS", 0.0)
    loads = Loads()
    loads.place().tell(0)
    assert taken_by(1, 3, silent=loads) == [3]


class Crowded(socket.socket):
    """There are no more files for the first connection, and then there are."""

    left = 1

    def accept(self) -> tuple[socket.socket, Any]:
        if Crowded.left:
            Crowded.left -= 1
            raise OSError(errno.EMFILE, "too many open files")
        return super().accept()


def test_a_connection_for_which_there_is_no_file_is_taken_when_there_is_one() -> None:
    async def take() -> int:
        with Crowded() as listening:
            listening.bind(("127.0.0.1", 0))
            taken = Taken(listening, Loads().place())
            taken.acceptor.start(100)
            client = socket.create_connection(listening.getsockname())
            await until(lambda: taken.count == 1)
            taken.acceptor.close()
            client.close()
        return Crowded.left

    assert asyncio.run(take()) == 0


def test_processes_see_what_others_tell() -> None:
    loads = Loads()
    one, other = loads.place(), loads.place()
    process = multiprocessing.get_context("spawn").Process(target=other.tell, args=(7,))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert one.is_above_another(8)
    assert not one.is_above_another(7)

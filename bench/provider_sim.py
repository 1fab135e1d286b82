"""A payment gateway, a warehouse and a mail server in one process, which count what they really did.

`python -m bench.provider_sim --port 9001 --control-port 9002`

Every call is one with an Idempotency-Key; the first with a key has an effect, a repeat is answered as the first was
and has none. Each provider, the first word of the path, remembers its own keys. Faults are drawn by chance from a
seed: slow, flaky (503, no effect), wrong (500 after the effect), hangup (the connection is closed after the effect),
gone (nobody listens), forgetful (it does not know a key any more, and carries it out again: what no real one may do).
Which orders are declined, which must be reviewed, and whose repeats are refused (409 or 401) though the key was
carried out, follows from the order's id alone, so a repeat never decides otherwise.

Control port: GET /stats, GET /ledger (every effect), POST /mode with any of the fields of Mode, POST /by_hand with
{provider, key, action_type, order_id}: a person has it carried out, once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from typing import Any


@dataclass
class Mode:
    """Chances are 0…1 per call; `declines` (by action type), `review` and `locked` are percentages of the orders."""

    slow: float = 0.0
    slow_seconds: float = 1.0
    flaky: float = 0.0
    wrong: float = 0.0
    hangup: float = 0.0
    gone: bool = False
    forgetful: float = 0.0
    declines: dict[str, int] = field(default_factory=dict)
    review: int = 0
    locked: int = 0


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Key = tuple[str, str]  # the provider and the Idempotency-Key


class Ledger:
    """What was done. `effects`: provider, key, action type, order, in their order."""

    def __init__(self) -> None:
        self.answers: dict[Key, tuple[str, dict[str, Any]]] = {}
        self.effects: list[tuple[str, str, str, str]] = []
        self.at_work: Counter[Key] = Counter()
        self.repeats: Counter[Key] = Counter()
        self.stats: Counter[str] = Counter()

    def carry_out(self, key: Key, action_type: str, order_id: str, body: bytes) -> dict[str, Any]:
        """The answer; the effect happens at the first call with the key only."""
        digest = sha256(body).hexdigest()
        if key in self.answers:
            known, answer = self.answers[key]
            self.stats["repeats"] += 1
            self.stats["conflicts"] += known != digest
            return answer
        self.effects.append((*key, action_type, order_id))
        self.stats["effects"] += 1
        answer = {"logged": True, "id": f"{action_type}-{len(self.answers) + 1}"}
        self.answers[key] = (digest, answer)
        return answer


class Simulator:
    def __init__(self, mode: Mode, seed: int) -> None:
        self.mode, self.ledger, self.random = mode, Ledger(), random.Random(seed)
        self._provider: asyncio.Server | None = None

    async def serve(self, port: int, control_port: int) -> None:
        self._port = port
        await self._listen()
        control = await asyncio.start_server(self._control, "127.0.0.1", control_port)
        async with control:
            await control.serve_forever()

    async def _listen(self) -> None:
        """Have the provider's port open, or closed where it is gone: then connections are refused."""
        if self.mode.gone and self._provider:
            self._provider.close()
            self._provider = None
        elif not self.mode.gone and self._provider is None:
            self._provider = await asyncio.start_server(self._calls, "127.0.0.1", self._port, backlog=512)

    async def _calls(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await read_request(reader)) is not None:
                if self.mode.gone or not await self._answer_call(request, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            self.ledger.stats["callers_lost"] += 1  # the caller was killed
        finally:
            writer.close()

    async def _answer_call(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """False: hang up instead of an answer."""
        key, ledger = (provider_of(request), request.headers["idempotency-key"]), self.ledger
        ledger.stats["calls"] += 1
        ledger.stats["overlaps"] += ledger.at_work[key] > 0
        ledger.at_work[key] += 1
        try:
            status, answer = self._outcome(request, key)
            if self._happens(self.mode.slow):
                await self._take_time(reader)
        finally:
            ledger.at_work[key] -= 1
        if status == 200 and self._happens(self.mode.hangup):
            ledger.stats["hung_up"] += 1
            return False
        if status == 200 and self._happens(self.mode.wrong):
            ledger.stats["wrong"] += 1
            status, answer = 500, {"error": "lost after the effect"}
        await send(writer, status, answer)
        return True

    async def _take_time(self, reader: asyncio.StreamReader) -> None:
        """As long as the caller waits at all."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + self.random.uniform(0, self.mode.slow_seconds)
        while loop.time() < ends and not reader.at_eof():
            await asyncio.sleep(0.02)

    def _outcome(self, request: Request, key: Key) -> tuple[int, dict[str, Any]]:
        if self._happens(self.mode.flaky):
            self.ledger.stats["flaky"] += 1
            return 503, {"error": "not now"}
        envelope = json.loads(request.body)
        action_type, order_id = envelope["action_type"], str(envelope["payload"].get("order_id", ""))
        if share(order_id, action_type) < self.mode.declines.get(action_type, 0):
            self.ledger.stats["declined"] += 1
            return 422, {"error": "out of stock"}
        if self._refuses(key, order_id):
            self.ledger.stats["locked"] += 1
            return (409 if share(order_id, "status") < 50 else 401), {"error": "not with this key"}
        if self._happens(self.mode.forgetful):
            self.ledger.answers.pop(key, None)
        answer = self.ledger.carry_out(key, action_type, order_id, request.body)
        if action_type == "validate_order" and share(order_id, "review") < self.mode.review:
            return 200, {**answer, "logged": False}
        return 200, answer

    def _refuses(self, key: Key, order_id: str) -> bool:
        """A repeat, though the key was carried out. Of a compensation only twice: its pauses grow too long."""
        if key not in self.ledger.answers or share(order_id, "locked") >= self.mode.locked:
            return False
        self.ledger.repeats[key] += 1
        return not key[1].endswith(":compensate") or self.ledger.repeats[key] <= 2

    def _happens(self, chance: float) -> bool:
        return self.random.random() < chance

    async def _control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await read_request(reader)) is not None:
                await send(writer, *await self._answer_control(request))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer_control(self, request: Request) -> tuple[int, dict[str, Any]]:
        if request.path == "/stats":
            return 200, {**self.ledger.stats, "keys": len(self.ledger.answers), "mode": asdict(self.mode)}
        if request.path == "/ledger":
            return 200, {"effects": self.ledger.effects}
        if request.path not in ("/mode", "/by_hand") or request.method != "POST":
            return 404, {"error": "there are /stats, /ledger, /mode and /by_hand"}
        wanted = json.loads(request.body)
        if request.path == "/by_hand":
            key = (wanted["provider"], wanted["key"])
            return 200, self.ledger.carry_out(key, wanted["action_type"], wanted["order_id"], b"")
        unknown = set(wanted) - {known.name for known in fields(Mode)}
        if unknown:
            return 422, {"error": f"no such mode: {', '.join(sorted(unknown))}"}
        for name, value in wanted.items():
            setattr(self.mode, name, value)
        await self._listen()
        return 200, asdict(self.mode)


def provider_of(request: Request) -> str:
    return request.path.strip("/").partition("/")[0]


def share(order_id: str, purpose: str) -> int:
    """A number 0…99 that belongs to the order."""
    return zlib.crc32(f"{purpose}:{order_id}".encode()) % 100


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; None at its end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    method, path, _ = first.split(" ", 2)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, path, headers, body)


async def send(writer: asyncio.StreamWriter, status: int, answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, required=True, help="where the providers listen")
    parser.add_argument("--control-port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mode", type=json.loads, default={}, help="JSON, e.g. '{\"flaky\": 0.05}'")
    given = parser.parse_args(arguments)
    asyncio.run(Simulator(Mode(**given.mode), given.seed).serve(given.port, given.control_port))


if __name__ == "__main__":
    main()

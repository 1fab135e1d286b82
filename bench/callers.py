"""Those who call the gateway beside the load, each in a thread, until they are told to stop."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import httpx


@dataclass(kw_only=True)
class Caller(ABC):
    """Comes back every `pause` seconds. Paths are below `url`, where there is one."""

    api_key: str
    url: str = ""
    pause: float
    _over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        headers = {"Authorization": f"Bearer {self.api_key}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=15, trust_env=False) as client:
            while not self._over.wait(self.pause):
                self.visit(client)

    @abstractmethod
    def visit(self, client: httpx.Client) -> None:
        """What is done each time."""

"""`chain`: start a named chain in place of the bare call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rules_app.engine.actions.base import RuleAction
from rules_app.engine.actions.settings import Chain


@dataclass(frozen=True, slots=True)
class StartChain(RuleAction):
    type: ClassVar[str] = "chain"
    synonyms: ClassVar[tuple[str, ...]] = ("start_chain",)

    chain: Chain

    def in_words(self) -> str:
        return f"start the chain {self.chain}"

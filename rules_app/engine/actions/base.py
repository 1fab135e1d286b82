"""What an action is. Its dataclass fields are its settings in rule files, each with a check from `settings.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from rules_app.engine.actions.settings import Setting, settings_of


@dataclass(frozen=True, slots=True)
class RuleAction:
    """`terminal`: the first rule that matches with such an action ends the search.

    `synonyms` are words that people write in place of `type`, answered with "did you mean".
    """

    type: ClassVar[str]
    terminal: ClassVar[bool] = True
    synonyms: ClassVar[tuple[str, ...]] = ()
    # Settings of the reference gateway that make no sense here, and why.
    refused: ClassVar[Mapping[str, str]] = MappingProxyType({})

    @classmethod
    def settings(cls) -> Mapping[str, Setting]:
        """The settings that a rule file may give, by their names."""
        return settings_of(cls)  # type: ignore[arg-type] # mypy asks the instances for the class's hash

    def in_words(self) -> str:
        """The end of a sentence that begins with the rule's condition."""
        return self.type

    def references(self) -> list[tuple[str, str, str]]:
        """(setting, section of a configuration, name): the rows of other sections that must exist."""
        settings = self.settings().items()
        return [(name, one.section, getattr(self, name)) for name, one in settings if one.section]


class Gate(RuleAction):
    """Joins the plan, and the search goes on; whether it lets the action pass is found out by counting."""

    __slots__ = ()
    terminal: ClassVar[bool] = False

"""What a definition knows of a kind of step. What a run does with it stands in chains_app/engine/kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chains_app.definitions.reader import Problems, Reader

if TYPE_CHECKING:
    from chains_app.definitions.model import Step

ReadStep = Callable[[object, str, Problems], "Step"]


@dataclass(frozen=True, slots=True)
class StepKind:
    """`name` is the key of a step that makes it one of this kind, and the field of `Step` that holds what `read` gives.

    `read` is called for every step and answers an empty value where the key is not there; `read_step` reads a step
    inside it. `own_limit` says where its time is limited, if not by the step's `timeout_seconds`.
    """

    name: str
    read: Callable[[Reader, Problems, ReadStep], Any]
    in_parallel: bool = False
    own_limit: str = ""

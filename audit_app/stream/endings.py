"""When a subscription to one chain, group or action is over. Pure but for the frames it looks at."""

from __future__ import annotations

from audit_app.stream.frames import Frame

_OPEN_OUTCOMES = frozenset({"pending_approval", "scheduled", "deduplicated", ""})
_STARTED = frozenset({"executed", "chain_started"})


class ChainEnding:
    kind = "chain"

    def __init__(self, key: str) -> None:
        self.key = key

    def reason(self, frame: Frame) -> str | None:
        """Why this frame ends the subscription, or None."""
        if frame.event_type == "chain_completed" and frame.chain_id == self.key:
            return str(frame.data.get("status", "completed"))
        return None


class GroupEnding:
    kind = "group"

    def __init__(self, key: str) -> None:
        self.key = key

    def reason(self, frame: Frame) -> str | None:
        """It is closed, and its call has ended."""
        if frame.event_type == "group_flushed" and frame.group_id == self.key:
            return str(frame.data.get("status", "flushed"))
        return None


class ActionEnding:
    """An action ends with its outcome, with the chain that executes it, or where it is cancelled while it waits."""

    kind = "action"

    def __init__(self, key: str) -> None:
        self.key = key
        self._chain_id = ""

    def reason(self, frame: Frame) -> str | None:
        if frame.action_id != self.key:
            return None
        if frame.event_type == "action_dispatched":
            return self._dispatched(frame)
        if frame.event_type == "approval_resolved":
            decision = str(frame.data.get("decision", ""))
            return decision if decision in ("rejected", "expired", "cancelled") else None
        if frame.event_type == "action_status_changed" and frame.data.get("ends"):
            return str(frame.data.get("new_status", "cancelled"))
        if frame.event_type == "chain_completed" and self._is_own(frame):
            return str(frame.data.get("status", "completed"))
        return None

    def _dispatched(self, frame: Frame) -> str | None:
        if frame.outcome in _OPEN_OUTCOMES:
            return None
        if frame.outcome in _STARTED and (frame.chain_id or _is_partial(frame)):
            self._chain_id = frame.chain_id
            return None
        return frame.outcome

    def _is_own(self, frame: Frame) -> bool:
        """A sub-chain of the action ends earlier than the chain that started it."""
        if self._chain_id:
            return frame.chain_id == self._chain_id
        return not frame.data.get("parent_chain_id")


Ending = ChainEnding | GroupEnding | ActionEnding


def _is_partial(frame: Frame) -> bool:
    outcome = frame.data.get("outcome")
    answer = outcome.get("Executed") if isinstance(outcome, dict) else None
    return isinstance(answer, dict) and answer.get("status") == "partial"

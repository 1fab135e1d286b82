"""The dispatch pipeline: admit, enrich, decide, gate, act. `dispatch.py` composes it."""

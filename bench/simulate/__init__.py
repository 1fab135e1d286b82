"""The real code under a scheduler that decides everything else, from one seed (docs/decisions/simulator.md)."""

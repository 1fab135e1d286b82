"""What goes over the wire, as the contract spells it: actions in, outcomes and signed approval links out. Pure."""

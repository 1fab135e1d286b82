"""The dispatch pipeline, stage by stage as the design numbers them. `dispatch.py` composes it.

1 Admit    admit.py       what a caller sent is an action, and its key covers it
2 Enrich   enrich.py      the fields of a template profile are rendered into the payload
3 Decide   decide.py      the rules' plan, in memory
4 Gate     gate_state.py  locks and reads what the actions of a set share
           gate.py        refuses, or lets pass and consumes
           content.py     what makes a waiting order that is sent again the same
5 Act      act.py         starts the chain or the call
           holding.py     or holds for an approval, a time, a turn
           grouping.py    or gathers with others for one call (group_keys.py: with which)
           notices.py     runs that tell someone
           trials.py      what rules in shadow, or for a share of orders, would have done
           rows.py        what one transaction writes, each table once
           journaling.py  the audit row and the live event of an outcome

`items.py` has what flows from stage to stage; `dry_run.py` runs the stages and writes nothing.
"""

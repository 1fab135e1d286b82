"""Past dispatches decided by other rules, gates replayed in their order, and compared with what they came to. Pure."""

from rules_app.backtesting.past import GONE, INVALID, UNCOUNTED, UNREADABLE, Judged, Past, Would
from rules_app.backtesting.replay import Replay
from rules_app.backtesting.tally import MOST_LISTED, Listed, Tally

__all__ = [
    "GONE",
    "INVALID",
    "MOST_LISTED",
    "UNCOUNTED",
    "UNREADABLE",
    "Judged",
    "Listed",
    "Past",
    "Replay",
    "Tally",
    "Would",
]

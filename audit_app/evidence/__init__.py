"""The evidence of a range of the trail, for somebody who must not have to believe this system."""

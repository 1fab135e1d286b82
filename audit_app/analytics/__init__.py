"""Questions to the sums of the trail."""

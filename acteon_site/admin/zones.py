"""The viewer's time zone, for the pages of all apps."""

from acteon_site.access.zones import zone_choose, zone_names, zone_of

__all__ = ["zone_choose", "zone_names", "zone_of"]

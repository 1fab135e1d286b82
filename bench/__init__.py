"""Measurements and fault injection against the real system. Nothing here is part of the product."""

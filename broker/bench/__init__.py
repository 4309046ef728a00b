"""The page benchmark: what pages of a city with 2,000 SMEs cost in statements, time and bytes."""

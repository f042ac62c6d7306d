"""Two laws side by side, and one law through time."""

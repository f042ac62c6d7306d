"""Arrays in, arrays out: the numbers, and nothing but numbers (no frames, no domain objects)."""

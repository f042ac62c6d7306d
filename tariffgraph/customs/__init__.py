"""Applies the law to a good at a border. A single entry and a large graph take the same path."""

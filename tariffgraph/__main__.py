"""``python -m tariffgraph`` is the command ``tariffgraph``."""

from .cli import main

main()

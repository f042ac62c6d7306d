"""Results made readable: the formats of files, and tables for people."""

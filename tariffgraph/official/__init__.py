"""Official files as they are published, turned into the list and schedule files of a rule set (docs/rules.md)."""

from .convert import convert, convert_lists, convert_schedule
from .converted import Conversion, Converted, check_out, write

__all__ = ["Conversion", "Converted", "check_out", "convert", "convert_lists", "convert_schedule", "write"]

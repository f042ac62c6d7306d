"""Fill in what the pages show but nobody should type: transcripts of commands, and tables of columns.

``python docs/make.py`` rewrites README.md and the pages in docs/ in place; the tests check that nothing would change
and run the pages' Python. A block ```console holds lines ``$ COMMAND``, each followed by what it prints on stdout.
Between ``<!-- table: NAME -->`` and ``<!-- end -->`` stands a table of ``tariffgraph.tables``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SCHEMA = ROOT / "docs" / "rules.schema.json"


def page(path: Path) -> str:
    """Return the page as it should be."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"(?s)```console\n(.*?)```", lambda block: f"```console\n{_transcript(block[1])}```", text)
    return re.sub(
        r"(?s)<!-- table: (\w+) -->\n.*?<!-- end -->",
        lambda found: f"<!-- table: {found[1]} -->\n{_table(found[1])}<!-- end -->",
        text,
    )


def schema() -> str:
    """Return the JSON Schema of rule sets, for editors."""
    from tariffgraph.rules.schema import rules_json_schema

    return json.dumps(rules_json_schema(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _transcript(block: str) -> str:
    shown: list[str] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            shown += [line, *_output(line[2:]).splitlines()]
    return "".join(line.rstrip() + "\n" for line in shown)


def _output(command: str) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "COLUMNS": "120", "PYTHONIOENCODING": "utf-8", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command}\n{done.stderr}")
    return done.stdout


def _table(name: str) -> str:
    from tariffgraph import tables

    lines = ["| column | type | unit | default | meaning |", "|---|---|---|---|---|"]
    for column in getattr(tables, name):
        default = "required" if column.required else "" if column.default is None else f"{column.default}"
        cells = (f"`{column.name}`", column.kind, column.unit, default, column.meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for one in PAGES:
        one.write_text(page(one), encoding="utf-8")
    SCHEMA.write_text(schema(), encoding="utf-8")

"""Small production graphs for the tests, worked by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Ore from Australia is 45% of a Korean coil, the coil 10% of a Korean car that goes to the United States.
STAGES = "stage,country,product\nmine,AUS,2601\nmill,KOR,7208\ncar,KOR,8703.23\n"
INPUTS = "supplier,user,share\nmine,mill,0.45\nmill,car,0.1\n"
SHIPMENTS = "stage,market,value\ncar,USA,100\n"


def write_folder(
    folder: Path,
    stages: str | bytes | None = STAGES,
    inputs: str | bytes | None = INPUTS,
    shipments: str | bytes | None = SHIPMENTS,
    toml: str | bytes | None = None,
    rules: str | bytes | None = None,
) -> Path:
    """Write the tables of a graph into the folder, byte by byte, and return it; None leaves a file out."""
    folder.mkdir(exist_ok=True)
    files = {
        "stages.csv": stages,
        "inputs.csv": inputs,
        "shipments.csv": shipments,
        "graph.toml": toml,
        "us.yaml": rules,
    }
    for name, content in files.items():
        if content is not None:
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder

"""The small graph in a working folder, and the command line run inside this process or outside it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from cli.small_graph import FILES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Ran:
    """What a run left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder that holds the graph and the rules."""
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run the command line in this process."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("TARIFFGRAPH_TRACEBACK", raising=False)

    def ran(*arguments: str) -> Ran:
        from tariffgraph.cli import main

        with pytest.raises(SystemExit) as left:
            main(arguments)
        out, err = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return Ran(left.value.code, out, err)

    return ran


@pytest.fixture
def outside() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run ``python -m tariffgraph`` as a process of its own; keywords go to ``subprocess.run``."""

    def ran(*arguments: str, **how: object) -> subprocess.CompletedProcess[bytes]:
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 120, **how}
        environment = {**os.environ, "COLUMNS": "100"}
        return subprocess.run([sys.executable, "-m", "tariffgraph", *arguments], env=environment, **how)

    return ran

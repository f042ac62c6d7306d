"""What the pages show is what the program does: transcripts, tables, and every Python example."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_spec = importlib.util.spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
make = importlib.util.module_from_spec(_spec)
sys.modules["docs_make"] = make
_spec.loader.exec_module(make)


def without_hashes(text):
    """Return the text with the short hashes of rule sets and graphs blanked: any comma of the data changes them."""
    return re.sub(r"\b[0-9a-f]{8}\b", "········", text)


@pytest.mark.parametrize("path", make.PAGES, ids=lambda path: path.name)
def test_a_page_shows_what_the_program_prints(path):
    assert without_hashes(make.page(path)) == without_hashes(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", make.PAGES, ids=lambda path: path.name)
def test_the_python_of_a_page_runs(path, monkeypatch, tmp_path):
    blocks = re.findall(r"(?s)```python\n(.*?)```", path.read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks:
        exec(compile(block, str(path), "exec"), names)


def test_the_schema_for_editors_is_the_readers():
    assert make.SCHEMA.read_text(encoding="utf-8") == make.schema()


def test_links_between_pages_lead_somewhere():
    for path in make.PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name} links to {target}"

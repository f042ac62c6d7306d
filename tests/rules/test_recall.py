"""Bundled rule sets recalled from an earlier run: the same law, without the libraries that read it as text."""

import shutil
import subprocess
import sys

import pytest

import tariffgraph as tg
from tariffgraph.bundled import bundled_rules, datasets_folder
from tariffgraph.rules import recall
from tariffgraph.rules.read import _recalled

SETS = ("us-2025", "partners-2025")
COUNT = """
import sys, tariffgraph as tg
rules = tg.read_rules(*sys.argv[1:])
print(rules.hash, *("pydantic" in sys.modules, "yaml" in sys.modules))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TARIFFGRAPH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "arrays"


def counted(*sources):
    ran = subprocess.run([sys.executable, "-c", COUNT, *sources], capture_output=True, check=True, text=True)
    return ran.stdout.split()


def test_what_is_recalled_is_what_was_read_to_the_last_place(folder):
    assert _recalled(SETS) is None
    read = tg.read_rules(*SETS)
    assert len(list(folder.iterdir())) == len(SETS)
    again = _recalled(SETS)
    assert again == read
    assert again.hash == read.hash
    assert [repr(one) for one in again.rule_sets] == [repr(one) for one in read.rule_sets]
    where = [row.where for one in again.rule_sets for measure in one.measures for row in measure.rate]
    assert where == [row.where for one in read.rule_sets for measure in one.measures for row in measure.rate]


def test_a_second_process_imports_neither_yaml_nor_pydantic():
    first, second = counted(*SETS), counted(*SETS)
    assert first[1:] == ["True", "True"]
    assert second == [first[0], "False", "False"]


def test_a_problem_between_recalled_sets_is_told_as_on_the_first_day():
    def told():
        with pytest.raises(tg.RulesError) as problem:
            tg.read_rules("us-2025", "us-2025")
        return str(problem.value)

    first = told()
    tg.read_rules("us-2025")
    assert told() == first
    assert "us-2025" in first


def test_overlays_are_laid_over_as_ever():
    plain = tg.read_rules("us-2025", "steel-25")
    assert tg.read_rules("us-2025", "steel-25") == plain
    assert plain.hash != tg.read_rules("us-2025").hash


def test_a_changed_file_is_read_again(tmp_path, monkeypatch):
    copy = tmp_path / "datasets"
    shutil.copytree(datasets_folder(), copy)
    monkeypatch.setattr("tariffgraph.rules.recall.datasets_folder", lambda: copy)
    monkeypatch.setattr("tariffgraph.bundled.datasets_folder", lambda: copy)
    read = tg.read_rules("us-2025")
    assert _recalled(("us-2025",)) == read
    file = bundled_rules("us-2025") / "section-232-copper.yaml"
    text = file.read_text(encoding="utf-8")
    assert "50%" in text
    file.write_text(text.replace("50%", "49%"), encoding="utf-8")
    assert _recalled(("us-2025",)) is None
    assert tg.read_rules("us-2025").hash != read.hash


@pytest.mark.parametrize("harm", ["cut", "flipped", "another program"])
def test_what_is_damaged_or_another_programs_is_read_again(folder, monkeypatch, harm):
    read = tg.read_rules("us-2025")
    (file,) = folder.iterdir()
    data = file.read_bytes()
    if harm == "cut":
        file.write_bytes(data[:-5])
    elif harm == "flipped":
        file.write_bytes(data[:-500] + bytes([data[-500] ^ 1]) + data[-499:])
    else:
        monkeypatch.setattr(recall, "program", lambda *_: b"another")
    assert _recalled(("us-2025",)) is None
    assert tg.read_rules("us-2025") == read


def test_nothing_is_kept_of_a_users_own_set_or_where_nothing_is_to_be_kept(folder, tmp_path, monkeypatch):
    own = tmp_path / "own"
    shutil.copytree(bundled_rules("us-2025"), own)
    tg.read_rules(own)
    assert not folder.exists() or not list(folder.iterdir())
    monkeypatch.setenv("TARIFFGRAPH_KEEP", "0")
    tg.read_rules("us-2025")
    assert not folder.exists() or not list(folder.iterdir())

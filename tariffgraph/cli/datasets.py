"""``tariffgraph datasets``: what comes with the program, what it holds, and a copy of it to change."""

from __future__ import annotations

import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .._version import __version__
from ..bundled import bundled_graph, bundled_graphs, bundled_rule_sets, bundled_rules
from ..errors import DatasetError, Finding, OutputError, suggestion, visible
from .messages import say
from .options import examples, output_options
from .output import Output, write_stdout
from .program import Group

if TYPE_CHECKING:
    from ..show.document import Document
    from ..show.formats import Format

__all__ = ["command"]


@click.group(
    "datasets",
    cls=Group,
    invoke_without_command=True,
    epilog=examples(
        "tariffgraph datasets",
        "tariffgraph datasets show korea-us-2025",
        "tariffgraph datasets copy korea-us-2025 my-graph",
    ),
)
@output_options
@click.pass_context
def command(ctx: click.Context, format_: Format | None, out: Path | None) -> None:
    """The bundled production graphs and rule sets.

    Without a command: their names, kinds and titles.
    """
    if ctx.invoked_subcommand is not None:
        if format_ or out:
            raise click.UsageError(f"'{ctx.invoked_subcommand}' takes no --format and no --out.", ctx)
        return
    output = Output.checked(format_, out)
    output.write(_listing())


@command.command("show", short_help="Print where a data set comes from.")
@click.argument("name")
def show(name: str) -> None:
    """Print where a data set comes from: its SOURCES.md and its files, or the file itself."""
    path = _find(name)
    if path.is_file():
        write_stdout(path.read_text(encoding="utf-8"))
        return
    about = path / "SOURCES.md"
    files = sorted(one.relative_to(path).as_posix() for one in path.rglob("*") if one.is_file())
    shown = [f"{name}: {_kind(name)}; {_title(path)}\n\nFiles in {visible(str(path), 400)}:\n"]
    shown += [f"  {file}\n" for file in files]
    if about.is_file():
        shown += ["\n", about.read_text(encoding="utf-8")]
    write_stdout("".join(shown))


@command.command("copy", short_help="Copy a data set to a folder, to change it.")
@click.argument("name")
@click.argument("target", metavar="FOLDER", type=click.Path(path_type=Path))
def copy(name: str, target: Path) -> None:
    """Copy a data set to FOLDER, which must not exist yet; then change it and point propagate at it."""
    path = _find(name)
    shown = visible(str(target), 400)
    if target.exists() or target.is_symlink():
        raise OutputError(Finding("is there already", "Name a folder that does not exist yet.", file=shown))
    if not target.parent.is_dir():
        raise OutputError(Finding("the folder it would stand in does not exist", "Make it first.", file=shown))
    # Filled under a temporary name beside, so that a copy is whole or not there.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name[:60]}.") as beside:
        filled = Path(beside) / "copy"
        if path.is_dir():
            shutil.copytree(path, filled, copy_function=shutil.copyfile)
        else:
            filled.mkdir()
            shutil.copyfile(path, filled / path.name)
            shown = visible(str(target / path.name), 400)
        filled.replace(target)
    say(f"copied {name} to {shown}")


def _find(name: str) -> Path:
    if name in bundled_graphs():
        return bundled_graph(name)
    if name in bundled_rule_sets():
        return bundled_rules(name)
    known = [*bundled_graphs(), *bundled_rule_sets()]
    raise DatasetError(
        Finding(f"'{visible(name)}' is not a bundled data set", suggestion(name, known, "data sets"), value=name)
    )


def _kind(name: str) -> str:
    if name in bundled_graphs():
        return "graph"
    return "rules" if "ruleset" in _head(bundled_rules(name)) else "overlay"


def _title(path: Path) -> str:
    if (path / "graph.toml").is_file():
        return str(tomllib.loads((path / "graph.toml").read_text(encoding="utf-8")).get("title", ""))
    return _head(path).get("title", "")


def _head(path: Path) -> dict[str, str]:
    """Return the top-level scalars of the file that carries ``ruleset`` or ``extends``."""
    import yaml

    for file in sorted(path.glob("*.yaml")) if path.is_dir() else [path]:
        read = yaml.load(file.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506  (our own files, text only)
        if isinstance(read, dict) and read.keys() & {"ruleset", "extends"}:
            return {key: value for key, value in read.items() if isinstance(value, str)}
    return {}


def _listing() -> Document:
    import polars as pl

    from ..show.document import Document
    from ..show.table import Column, Sheet

    names = [*bundled_graphs(), *sorted(bundled_rule_sets(), key=lambda name: (_kind(name) != "rules", name))]
    rows = [(name, _kind(name), _title(_find(name))) for name in names]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("name", "kind", "title"), pl.String), orient="row")
    columns = (Column("name", "left"), Column("kind", "left"), Column("title", "left"))
    meta = {"program": "tariffgraph", "version": __version__}
    return Document(frame, lambda: Sheet("", columns, tuple(rows)), meta, {"datasets": frame})

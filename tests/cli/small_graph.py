"""A small graph and its rules as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "cars/stages.csv": """\
stage,country,product,name
CN.CELL,CHN,8507.60,Battery cell
KR.CAR,KOR,8703.80,Electric car
US.VAN,USA,8704.60,Electric van
""",
    "cars/inputs.csv": """\
supplier,user,share
CN.CELL,KR.CAR,0.25
CN.CELL,US.VAN,0.1
""",
    "cars/shipments.csv": """\
stage,market,value
KR.CAR,USA,100
US.VAN,USA,
""",
    "cars/graph.toml": """\
title = "Two vehicles"
currency = "mn USD"
as_of = "2025-07-02"
""",
    "us.yaml": """\
ruleset: us
title: A tariff of two measures
importer: USA
column_1: mfn
measures:
  - {id: mfn, authority: HTSUS, rate: [{rate: free}, {products: [8703], rate: 2.5%}, {products: [8507], rate: 3.4%}]}
  - {id: autos, authority: Section 232, products: [8703], rate: [{from: 2025-04-03, rate: 25%}]}
""",
    "kr.yaml": """\
ruleset: kr
importer: KOR
measures:
  - {id: mfn-kor, action: mfn, authority: Customs Act, rate: 8%}
""",
}

LAW = ("--rules", "us.yaml", "--rules", "kr.yaml")


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below ``folder`` with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")
    }

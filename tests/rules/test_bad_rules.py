"""Bad rule sets: every problem is named with file, line, column and remedy, all at once, and fast."""

from __future__ import annotations

import gzip
import os
import resource

import pytest
from patience import now, patience

from tariffgraph.errors import DatasetError, RulesError, TariffGraphError
from tariffgraph.rules.read import read_rules

HEAD = "ruleset: x\nimporter: USA\n"


def read(folder, text, name="x.yaml"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_rules(path)


def measures(*lines):
    return HEAD + "measures:\n" + "".join(f"  - {line}\n" for line in lines)


# The text of x.yaml, and the message it gets (without the folder).
BAD = {
    "rate of 25": (
        measures("{id: a, rate: 25}"),
        "x.yaml:4:19, rate: '25' can be read in two ways. 25% or 0.25?",
    ),
    "rate of 25 in a row": (
        measures("{id: a, rate: [{from: 2025-01-01, rate: 2.5}]}"),
        "x.yaml:4:45, rate: '2.5' can be read in two ways. 2.5% or 0.025?",
    ),
    "top-up of 15": (
        measures("{id: a, rate: {top_up_to: 15}}"),
        "x.yaml:4:31, top_up_to: '15' can be read in two ways. 15% or 0.15?",
    ),
    "full-width digits": (
        measures("{id: a, rate: ２5%}"),
        "x.yaml:4:19, rate: '２5%' is not a plain number: it holds ２ (U+FF12 FULLWIDTH DIGIT TWO). "
        "Write the digits 0 to 9, '.' and '-'.",
    ),
    "minus sign": (
        measures("{id: a, rate: \u22125%}"),
        "x.yaml:4:19, rate: '\u22125%' is not a plain number: it holds \u2212 (U+2212 MINUS SIGN). "
        "Write the minus sign as '-'.",
    ),
    "nan": (
        measures("{id: a, rate: nan}"),
        "x.yaml:4:19, rate: 'nan' is not a rate. Write 25%, 0.25, free, 4.4 cents/kg or 2.5% + 4.4 cents/kg.",
    ),
    "too large": (
        measures("{id: a, rate: 1e400%}"),
        "x.yaml:4:19, rate: '1e400%' is too large for a number. Write a finite number.",
    ),
    "underscore": (
        measures("{id: a, rate: 1_000%}"),
        "x.yaml:4:19, rate: '1_000%' is not a plain number: it holds '_'. Write digits with '.' for the decimal point.",
    ),
    "negative rate": (
        measures("{id: a, rate: -5%}"),
        "x.yaml:4:19, rate: '-5%' is below 0. A rate is 0 or more.",
    ),
    "duty without money": (
        measures("{id: a, rate: 4.4/kg}"),
        "x.yaml:4:19, rate: '4.4/kg' does not say what money it is. 4.4 cents/kg or 4.4 USD/kg?",
    ),
    "date 09/07/2025": (
        measures("{id: a, rate: 5%, from: 09/07/2025}"),
        "x.yaml:4:29, from: '09/07/2025' can be read in more than one way. Write 2025-07-09 or 2025-09-07.",
    ),
    "date 2025-02-30": (
        measures("{id: a, rate: 5%, until: 2025-02-30}"),
        "x.yaml:4:30, until: '2025-02-30' is not a day of the calendar. Write a day that exists, as YYYY-MM-DD.",
    ),
    "date 2025-7-9": (
        measures("{id: a, rate: 5%, published: 2025-7-9}"),
        "x.yaml:4:34, published: '2025-7-9' is not written as a date. Write 2025-07-09.",
    ),
    "until before from": (
        measures("{id: a, rate: [{rate: 5%, from: 2025-02-01, until: 2025-01-01}]}"),
        "x.yaml:4:56, until: 2025-01-01 lies before from, 2025-02-01. Put the earlier day in 'from'.",
    ),
    "two measures with one id": (
        measures("{id: a, rate: 5%}", "{id: a, rate: 6%}"),
        "x.yaml:5:10, id: two measures have the id 'a' (the other: x.yaml:4:5). Give one of them another id.",
    ),
    "circle": (
        measures("{id: a, rate: 5%, excludes: b}", "{id: b, rate: 5%, covers: a, from: 2025-01-01}"),
        "x.yaml:4:5, relations: the relations go in a circle on 2025-01-01 for USA: 'a' -> 'b' -> 'a', "
        "each to be decided before the next (see also x.yaml:5:5). Bound one of them with from/until, or take it out.",
    ),
    "circle of a top-up": (
        HEAD + "column_1: a\nmeasures:\n  - {id: a, rate: 5%}\n  - {id: b, rate: {top_up_to: 15%}, replaces: a}\n",
        "x.yaml:6:5, relations: the relations go in a circle on every day for USA: 'a' -> 'b' -> 'a', "
        "each to be decided before the next. Bound one of them with from/until, or take it out.",
    ),
    "relation to an unknown measure": (
        measures("{id: s232-autos, rate: 5%}") + "relations:\n  - {by: s232-autos, excludes: [s232-auto]}\n",
        "x.yaml:6:33, excludes: no measure 's232-auto'. Did you mean 's232-autos'?",
    ),
    "relation by an unknown measure": (
        measures("{id: s232-autos, rate: 5%}") + "relations:\n  - {by: s232-autoz, covers: s232-autos}\n",
        "x.yaml:6:10, by: no measure 's232-autoz'. Did you mean 's232-autos'?",
    ),
    "unknown key": (
        measures("{id: a, rate: 5%, rat: 3%}"),
        "x.yaml:4:23, rat: unknown key 'rat'. Did you mean 'rate'?",
    ),
    "unknown key of the file": (
        HEAD + "mesures: []\n",
        "x.yaml:3:1, mesures: unknown key 'mesures'. Did you mean 'measures'?",
    ),
    "unknown form of a rate": (
        measures("{id: a, rate: {topup_to: 15%}}"),
        "x.yaml:4:20, topup_to: unknown key 'topup_to'. Did you mean 'top_up_to'?",
    ),
    "unknown list": (
        measures("{id: a, rate: 5%, products: [8703, {list: [auto]}]}") + "lists: {autos: [8703]}\n",
        "x.yaml:4:48, products: no list 'auto'. Did you mean 'autos'?",
    ),
    "unknown content kind": (
        measures("{id: a, rate: 5%, base: {content: steal}}") + "content: {steel: {products: [72]}}\n",
        "x.yaml:4:39, base: no content kind 'steal'. Did you mean 'steel'?",
    ),
    "unknown content kind of a threshold": (
        measures("{id: a, rate: [{rate: 5%, content: {ux: {at_least: 20%}}}]}") + "content: {us: {countries: [USA]}}\n",
        "x.yaml:4:41, content: no content kind 'ux'. Known content kinds: us.",
    ),
    "unknown program": (
        measures("{id: a, rate: 5%, program: KORU}") + "programs: {KORUS: {partners: [KOR, USA]}}\n",
        "x.yaml:4:32, program: no program 'KORU'. Did you mean 'KORUS'?",
    ),
    "unknown group": (
        measures("{id: a, rate: 5%, origins: [KOR, partner]}") + "groups: {partners: [JPN, KOR]}\n",
        "x.yaml:4:38, origins: 'partner' is not a country, region or group. Did you mean 'partners'?",
    ),
    "unknown schedule": (
        measures("{id: a, rate: {schedule: hts}}"),
        "x.yaml:4:30, rate: no schedule 'hts'. There are no schedules here.",
    ),
    "unknown column 1": (
        HEAD + "column_1: mnf\nmeasures:\n  - {id: mfn, rate: 5%}\n",
        "x.yaml:3:11, column_1: no measure 'mnf'. Did you mean 'mfn'?",
    ),
    "top-up without column 1": (
        measures("{id: a, rate: {top_up_to: 15%}}"),
        "x.yaml:4:5, top_up_to: 'a' tops up the column-1 rate, and the rule set 'x' names no column_1. "
        "Write column_1: with the measure that is the base duty.",
    ),
    "country UK": (
        measures("{id: a, rate: 5%, origins: UK}"),
        "x.yaml:4:32, origins: 'UK' is not a country, region or group. Did you mean GBR?",
    ),
    "country KR": (
        HEAD + "groups: {east: [JPN, KR]}\n",
        "x.yaml:3:22, groups.east: 'KR' is not a country, region or group. Did you mean KOR?",
    ),
    "country Korea": (
        "ruleset: x\nimporter: Korea\n",
        "x.yaml:2:11, importer: 'Korea' is not a country, region or group. Did you mean KOR?",
    ),
    "product 702": (
        measures("{id: a, rate: 5%, products: [8703, 702]}"),
        "x.yaml:4:40, products: '702' has 3 digits; HS codes have 2, 4, 6, 8 or 10. "
        "A leading zero may have been lost: write it as text, as in 0702.",
    ),
    "product out of a spreadsheet": (
        HEAD + "lists: {a: [8.52E+09]}\n",
        "x.yaml:3:13, a: '8.52E+09' is what a spreadsheet made of an HS code. "
        "Format the column as text and enter the code again, as in 8542.31.",
    ),
    "no importer": (
        "ruleset: x\nmeasures:\n  - {id: a, rate: 5%}\n",
        "x.yaml:3:5, importer: neither the measure 'a' nor the rule set 'x' names an importer. "
        "Write importer: USA, say, in one of them.",
    ),
    "missing rate": (
        measures("{id: a, authority: Section 232}"),
        "x.yaml:4:5, rate: 'rate' is missing. Write rate: ...",
    ),
    "empty condition": (
        measures("{id: a, rate: 5%, origins: []}"),
        "x.yaml:4:32, origins: the list is empty. Leave the key out where there is no such condition.",
    ),
    "condition without a value": (
        measures("{id: a, rate: 5%, origins: }"),
        "x.yaml:4:32, origins: the id is missing. Write an id.",
    ),
    "relation that does nothing": (
        measures("{id: a, rate: 5%}") + "relations:\n  - {by: a}\n",
        "x.yaml:6:5, excludes: the relation does nothing. Write excludes, covers or replaces.",
    ),
    "row without its list": (
        measures("{id: a, rate: {rate: 5%, from: 2025-01-01}}"),
        "x.yaml:4:19, rate: one row stands here without its list. Write rate: [{rate: ...}].",
    ),
    "measure that is text": (
        measures("a"),
        "x.yaml:4:5, measures: a mapping is expected here, not 'a'. "
        "Write its keys (products, except_products, origins ...).",
    ),
    "credits of an unknown measure": (
        HEAD + "credits: [{id: offset, share: 3.75%, of: [partz]}]\nmeasures: [{id: parts, rate: 25%}]\n",
        "x.yaml:3:43, of: no measure 'partz'. Did you mean 'parts'?",
    ),
    "a credit with the name of a measure": (
        HEAD + "credits: [{id: parts, share: 3.75%, of: [parts]}]\nmeasures: [{id: parts, rate: 25%}]\n",
        "x.yaml:3:16, id: the credit 'parts' has the name of a measure or an action. Name it otherwise.",
    ),
    "a credit of no measure": (
        HEAD + "credits: [{id: offset, share: 3.75%, of: []}]\n",
        "x.yaml:3:42, of: the list is empty. Name the measures whose duty is credited.",
    ),
    "a credit in an unknown place": (
        HEAD + "credits: [{id: offset, at: {market: USA}, share: 3.75%, of: [a]}]\n",
        "x.yaml:3:29, market: unknown key 'market'. Known keys: products, except_products, importer, nationality.",
    ),
    "a quota without a rate": (
        measures("{id: a, rate: {quota: {name: b}}}"),
        "x.yaml:4:19, in_quota: 'in_quota' is missing. Write in_quota: ...",
    ),
    "a quota of no unit": (
        measures("{id: a, rate: {quota: {name: b, quantity: 10}, in_quota: free}}"),
        "x.yaml:4:47, quantity: the quantity has no unit. Write unit: t, kg or number.",
    ),
    "a quota of nothing": (
        measures("{id: a, rate: {quota: {name: b, quantity: 0, unit: t}, in_quota: free}}"),
        "x.yaml:4:47, quantity: '0' is no quantity. Write a number above 0.",
    ),
    "a quota that ends": (
        measures("{id: a, rate: {quota: b, in_quota: ends}}"),
        "x.yaml:4:40, in_quota: 'ends' is no duty. Write a rate, as in 25%, free or 4.4 cents/kg.",
    ),
    "reach of an unknown kind": (
        HEAD + "content: {steel: {products: [72]}}\nmeasures:\n  - {id: a, rate: 5%, reach: steal}\n",
        "x.yaml:5:30, reach: no content kind 'steal'. Did you mean 'steel'?",
    ),
    "reach of half a condition": (
        measures("{id: a, rate: 5%, reach: {all: steel}}"),
        "x.yaml:4:30, in: 'in' is missing. Write in: ...",
    ),
    "a method of content": (
        HEAD + "content: {steel: {products: [72], method: residua}}\n",
        "x.yaml:3:43, method: 'residua' is no method of content. Did you mean 'residual'?",
    ),
    "duplicate key": (
        measures("{id: a, rate: 5%, rate: 6%}"),
        "x.yaml:4:23, rate: 'rate' is written twice in one mapping (first in line 4). Keep one of them.",
    ),
    "anchor": (
        measures("{id: a, rate: &r 5%}"),
        "x.yaml:4:19: the anchor '&r' is refused. Write the value out where it is used.",
    ),
    "tag": (
        measures("{id: a, rate: !!float 0.05}"),
        "x.yaml:4:19: the tag 'tag:yaml.org,2002:float' is refused. Leave it out: every value is read as text.",
    ),
    "tab": (
        HEAD + "measures:\n\t- {id: a, rate: 5%}\n",
        "x.yaml:4:1: a tab stands where YAML wants spaces. Indent with spaces.",
    ),
    "brace not closed": (
        measures("{id: a, rate: [{rate: 2.5%]}"),
        "x.yaml:4:31: not YAML: did not find expected ',' or '}' while parsing a flow mapping. "
        "Mend the line; text with ': ', '#' or a leading '*', '&', '!', '%' or '@' needs quotes.",
    ),
    "list as a key": (
        measures("{id: a, rate: 5%, [b]: 6%}"),
        "x.yaml:4:23: a list or mapping stands where a key is expected. Write the key as text.",
    ),
    "merge key": (
        HEAD + "content: {us: {<<: x, countries: USA}}\n",
        "x.yaml:3:16, <<: unknown key '<<'. Known keys: products, except_products, countries, except_countries, "
        "origins, except_origins, nationality, except_nationality, method.",
    ),
    "merge key in a row": (
        measures("{id: a, rate: [{<<: x, rate: 5%}]}"),
        "x.yaml:4:21, <<: unknown key '<<'. Known keys: products, except_products, origins, except_origins, "
        "exporters, nationality, importer, used_in, program, declares, content, reach, from, until, published, rate, "
        "source, note.",
    ),
    "directive": (
        "%TAG ! tag:x\n---\nruleset: x\n",
        "x.yaml:1:1: the directive '%TAG' is refused. Leave it out: every value is read as text.",
    ),
    "complete until before from": (
        HEAD + "complete_from: 2025-08-07\ncomplete_until: 2025-08-07\n",
        "x.yaml:4:17, complete_until: 2025-08-07 is not after complete_from, 2025-08-07. "
        "Write the first day that is no longer covered.",
    ),
    "importer of every measure": (
        "ruleset: x\nimporter: US\nmeasures: [{id: a, rate: 5%}, {id: b, rate: 6%}]\n",
        "x.yaml:2:11, importer: 'US' is not a country, region or group. Did you mean USA?",
    ),
    "too many unknown keys": (
        HEAD + "".join(f"k{at}: 1\n" for at in range(1000)),
        "x.yaml:1:1: 1,000 unknown keys, from 'k0' to 'k999'. Known keys: groups, regions, content, programs, "
        "programs_elsewhere, lists, measures, relations, credits, title, source, note, ruleset, importer, column_1, "
        "complete_from, complete_until.",
    ),
    "quote not closed": (
        HEAD + 'title: "a\nmeasures: []\n',
        "x.yaml:3:8: a quote is opened here and not closed. Close the quote.",
    ),
    "second document": (
        HEAD + "---\nruleset: y\n",
        "x.yaml:3:1: a second document begins here. Write one document a file.",
    ),
    "empty file": (
        "\n\n",
        "x.yaml: the file is empty. Write ruleset: NAME and importer: COUNTRY.",
    ),
    "neither rule set nor overlay": (
        "importer: USA\n",
        "x.yaml:1:1, ruleset: 'ruleset' is missing. Write ruleset: ...",
    ),
    "UTF-16": (
        HEAD.encode("utf-16"),
        "x.yaml: the file is in UTF-16. Save it as UTF-8.",
    ),
    "CP949": (
        HEAD.encode() + "title: 한국\n".encode("cp949"),
        "x.yaml:3: the file is not UTF-8 but, it seems, CP949 (EUC-KR) (byte 0xC7). Save it as UTF-8.",
    ),
    "CR alone": (
        HEAD.replace("\n", "\r").encode(),
        "x.yaml:1: the lines end in CR alone. Save it with LF or CRLF line ends.",
    ),
    "NUL": (
        HEAD + "title: a\x00b\n",
        "x.yaml:3:9: the control character U+0000. Take it out.",
    ),
    "escape sequence": (
        HEAD + "title: a\x1b[31m\n",
        "x.yaml:3:9: the control character U+001B. Take it out.",
    ),
    "compressed": (
        gzip.compress(HEAD.encode()),
        "x.yaml: the file is compressed (gzip). Unpack it first.",
    ),
    "overlay of an unknown set": (
        "extends: us-2052\nset: []\n",
        "x.yaml:1:10, extends: no rule set 'us-2052' is among the sources, beside the overlay or bundled. "
        "Did you mean 'us-2025'?",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_rule_set_is_refused_with_place_and_remedy(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, message = BAD[case]
    (tmp_path / "x.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    before = sorted(tmp_path.iterdir())
    with pytest.raises(RulesError) as caught:
        read_rules("x.yaml")
    assert str(caught.value) == message
    assert caught.value.exit_code == 1
    assert sorted(tmp_path.iterdir()) == before


def test_all_problems_of_a_folder_are_shown_at_once(tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "x.yaml").write_text(measures("{id: a, rate: 25, origins: []}"))
    (tmp_path / "y.yaml").write_text("measures:\n  - {id: b, rat: 5%}\n")
    with pytest.raises(RulesError) as caught:
        read_rules(tmp_path)
    assert [(finding.file.rsplit("/", 1)[1], finding.line, finding.field) for finding in caught.value.findings] == [
        ("x.yaml", 4, "rate"),
        ("y.yaml", 2, "rate"),
        ("y.yaml", 2, "rat"),
    ]


def test_more_than_twenty_problems_are_counted(tmp_path):
    with pytest.raises(RulesError, match="and 5 more problems"):
        read(tmp_path, measures(*(f"{{id: m{at}, rate: 25}}" for at in range(25))))


BAD_LISTS = {
    "missing column": (
        "code\n8703\n",
        "1, code: unknown column 'code'. Known columns: from, note, product, published, source, until.",
    ),
    "duplicate column": ("product,from,from\n8703,,\n", "1, from: the column 'from' stands twice. Keep one."),
    "semicolons": ("product;from\n8703;\n", "1: the columns are separated by ';'. Separate them by commas."),
    "spaces in the header": (
        "product, from\n8703,\n",
        "1: the column ' from' has spaces around its name or none. Write the name alone.",
    ),
    "short row": ("product,from\n8703\n", "2: the row has 1 cells, the header 2. Write one cell a column."),
    "empty product": ("product,from\n,2025-01-01\n", "2, product: the product is missing. Write an HS code."),
    "spreadsheet date": ("product\nMar-01\n", "2, product: 'Mar-01' is what a spreadsheet made of an HS code."),
    "until before from": (
        "product,from,until\n8703,2025-02-01,2025-01-01\n",
        "2, until: 2025-01-01 lies before from, 2025-02-01.",
    ),
    "open quote": (
        'product,note\n8703,a\n8704,"b\n8705,c\n',
        "3: a quote is opened here and not closed. Close the quote.",
    ),
    "empty": ("", ": the file is empty. Write the header 'product' at least."),
}


@pytest.mark.parametrize("case", BAD_LISTS)
def test_a_bad_list_is_refused_with_its_line(case, tmp_path):
    text, message = BAD_LISTS[case]
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "l.csv").write_text(text)
    (tmp_path / "x.yaml").write_text(HEAD)
    with pytest.raises(RulesError) as caught:
        read_rules(tmp_path)
    assert message in str(caught.value)
    assert str(tmp_path / "lists" / "l.csv") in str(caught.value)


BAD_SCHEDULES = {
    "bad rate": ("product,general\n8703,2.5\n", "2, general: '2.5' can be read in two ways. 2.5% or 0.025?"),
    "no general": ("product,KR\n8703,Free\n", "1, general: the column 'general' is missing. Add it."),
    "ends": ("product,general\n8703,ends\n", "2, general: 'ends' is no rate of a schedule. Leave the line out."),
    "two rates": (
        "product,general\n8703.23.00,2%\n8703.23,3%\n",
        "3, product: 8703.23 stands in line 2 with other rates. Keep one of the lines.",
    ),
}


@pytest.mark.parametrize("case", BAD_SCHEDULES)
def test_a_bad_schedule_is_refused_with_its_line(case, tmp_path):
    text, message = BAD_SCHEDULES[case]
    (tmp_path / "schedules").mkdir()
    (tmp_path / "schedules" / "s.csv").write_text(text)
    (tmp_path / "x.yaml").write_text(HEAD)
    with pytest.raises(RulesError) as caught:
        read_rules(tmp_path)
    assert f"s.csv:{message}" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5000,
        "{a: " * 5000,
        "\n".join("  " * at + "a:" for at in range(5000)),
        "a: &a [x, x, x]\n"
        + "".join(f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        "title: " + "x" * 100_000_000,
        b"\x00" * 100_000_000,
        "a: [\n" + (" " + "x," * 400_000 + "\n") * 19,
        "a: [\n" + (" " + "[]," * 300_000 + "\n") * 17,
        "a:\n" + "-\n" * 7_000_000,
        "k: 1\n" * 3_000_000,
        "".join(f"%TAG !a{at}! x\n" for at in range(900_000)),
        "\n" * 15_000_000 + "x",
        HEAD + "measures: [" + "{},\n" * 150_000 + "]\n",
        HEAD + "groups:\n" + "".join(f" k{at}: [k{at + 1}]\n" for at in range(80_000)),
    ],
    ids=[
        "flow lists",
        "flow mappings",
        "block mappings",
        "alias bomb",
        "one line of 100 MB",
        "100 MB of NUL",
        "flow list of 15 MB",
        "lists of 15 MB",
        "block list of 15 MB",
        "one key again and again",
        "directives",
        "blank lines",
        "empty measures",
        "groups of groups",
    ],
)
def test_bombs_are_refused_at_once(text, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    begin, before = now(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RulesError):
        read_rules(path)
    assert now() - begin < patience(5_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


@pytest.mark.parametrize(
    "source",
    ["../../x", "/nowhere/x", "http://example.org/x.yaml", "us-2052", "", "a\x00b", "..", "us-2025/../us-2025"],
)
def test_what_is_no_rule_set_is_not_opened(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TariffGraphError) as caught:
        read_rules(source)
    assert caught.value.exit_code == 1


def test_fifo_and_device_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path / "pipe.yaml", "/dev/zero"):
        with pytest.raises(DatasetError, match="not a regular file"):
            read_rules(path)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "secret.csv").write_text("product\n8703\n")
    (tmp_path / "set" / "lists").mkdir(parents=True)
    (tmp_path / "set" / "x.yaml").write_text(HEAD)
    (tmp_path / "set" / "lists" / "l.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(DatasetError, match="leads out of the rule set's folder"):
        read_rules(tmp_path / "set")


def test_a_folder_has_one_head(tmp_path):
    (tmp_path / "a.yaml").write_text(HEAD)
    (tmp_path / "b.yaml").write_text(HEAD)
    with pytest.raises(RulesError, match=r"2 do: .*a\.yaml, .*b\.yaml"):
        read_rules(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RulesError, match="none of 0 files does"):
        read_rules(tmp_path / "empty")


def test_byte_order_mark_crlf_and_blank_last_lines_are_accepted(tmp_path):
    plain = read(tmp_path, measures("{id: a, rate: 5%}"))
    text = measures("{id: a, rate: 5%}").replace("\n", "\r\n") + "\r\n\r\n"
    assert read(tmp_path, b"\xef\xbb\xbf" + text.encode()).hash == plain.hash


def test_no_and_leading_zeros_stay_text(tmp_path):
    rules = read(tmp_path, measures("{id: NO, action: 0702, rate: 5%, products: [0702, 8703.20]}") + "title: null\n")
    measure = rules.rule_sets[0].measures[0]
    assert (measure.id, measure.action, rules.rule_sets[0].title) == ("NO", "0702", "null")
    assert measure.conditions.products.prefixes == ("0702", "8703.20")


def test_a_rule_set_given_twice_is_said_once(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(measures("{id: a, rate: 5%}", "{id: b, rate: 6%}"))
    with pytest.raises(RulesError) as caught:
        read_rules(path, path)
    assert str(caught.value) == "the rule set 'x' is given twice. Give it once."
    (tmp_path / "y.yaml").write_text(measures("{id: a, rate: 7%}"))
    with pytest.raises(RulesError) as caught:
        read_rules(path, tmp_path / "y.yaml")
    assert str(caught.value) == (
        f"two rule sets have the name 'x' ({path} and {tmp_path / 'y.yaml'}). Rename one, or leave it out."
    )
    (tmp_path / "more.yaml").write_text("extends: x\nadd: [{id: c, rate: 5%}]\n")
    with pytest.raises(RulesError, match="the overlay 'more' is given twice"):
        read_rules(tmp_path / "more.yaml", tmp_path / "more.yaml")


def test_relations_without_end_are_not_followed(tmp_path):
    lines = [f"{{id: m{at}, action: a, rate: 5%}}" for at in range(600)]
    with pytest.raises(RulesError, match="the relations join more than 250,000 pairs of measures"):
        read(tmp_path, measures(*lines) + "relations: [{by: a, excludes: a}]\n")


def test_blank_lines_of_a_list_take_no_time(tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "l.csv").write_text('product,note\n8703,"a\nb"\n' + "\n" * 2_000_000 + "702,\n")
    (tmp_path / "x.yaml").write_text(HEAD)
    begin = now()
    with pytest.raises(RulesError, match=r"l\.csv:2000004, product: '702' has 3 digits"):
        read_rules(tmp_path)
    assert now() - begin < patience(5_000)

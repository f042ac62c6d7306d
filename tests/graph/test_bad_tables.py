"""Every kind of bad input in the tables of a graph: the file, the line, the field, what is wrong, what to do."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pytest
from graph.small_graphs import INPUTS, SHIPMENTS, STAGES, write_folder
from patience import now, patience

from tariffgraph.errors import DatasetError, GraphError
from tariffgraph.graph.read import read_graph

if TYPE_CHECKING:
    from pathlib import Path


def stages_with(old: str, new: str) -> dict[str, Any]:
    assert old in STAGES
    return {"stages": STAGES.replace(old, new)}


def inputs_with(old: str, new: str) -> dict[str, Any]:
    assert old in INPUTS
    return {"inputs": INPUTS.replace(old, new)}


def value_added(of_mill: str) -> dict[str, Any]:
    rows = f"mine,AUS,2601,1\nmill,KOR,7208,{of_mill}\ncar,KOR,8703.23,0.9\n"
    return {"stages": "stage,country,product,value_added\n" + rows}


def share(of_ore: str) -> dict[str, Any]:
    return inputs_with("0.45", of_ore)


def another_stage(row: str) -> dict[str, Any]:
    return {"stages": STAGES + row + "\n"}


NOTES = 'stage,country,product,note\nmine,AUS,2601,"two\nlines"\nmill,KOR,7208,"open\ncar,KOR,8703.23,x\n'
ZERO = "stage,country,product,value_added\nmine,AUS,2601,0\nmill,KOR,7208,0.55\ncar,KOR,8703.23,0.9\n"
FINITE = "Write a finite number."
THE_REST = "Correct them, or leave the column value_added out: it is then the rest."
SAME = "Write the same id in the same characters, or one that looks different."
SHEET = "Format the column as text and enter the code again, as in 8542.31."
CLOSE = 'Close it; a quote inside quotes is written "".'
DIGITS = "HS codes have 2, 4, 6, 8 or 10. A leading zero may have been lost: write it as text, as in"

RULES = "Name a bundled rule set, or a file or folder in the graph's own folder."
COUNTRY = "Write the ISO 3166 alpha-3 code, as in KOR, or declare a region."
GROUP = "It is a group of countries: name its members, or declare a region or a group."


def meant(code: str) -> str:
    return f"Did you mean {code}? A region of your own is declared in graph.toml."


def grouped(text: str, meant: str) -> tuple[dict[str, Any], str]:
    message = f"stages.csv:2, product: '{text}' does not group its digits as an HS code does. "
    return stages_with("2601", text), f"{message}Write {meant} where that is meant."


BAD = {
    # shares and value added
    "sum 1.07": (
        value_added("0.62"),
        "stages.csv:3, value_added: value added and input shares of 'mill' add up to 1.07, not 1 "
        f"(value added 0.62, inputs 0.45, inputs.csv line 2). {THE_REST}",
    ),
    "sum 0.95": (
        value_added("0.5"),
        "stages.csv:3, value_added: value added and input shares of 'mill' add up to 0.95, not 1 "
        f"(value added 0.5, inputs 0.45, inputs.csv line 2). {THE_REST}",
    ),
    "sum just beyond the tolerance": (
        value_added("0.5500011"),
        "stages.csv:3, value_added: value added and input shares of 'mill' add up to 1.0000011, not 1 "
        f"(value added 0.5500011, inputs 0.45, inputs.csv line 2). {THE_REST}",
    ),
    "shares above 1": (
        {"inputs": INPUTS.replace("0.1\n", "0.6\n") + "mine,car,0.6\n"},
        "stages.csv:4, value_added: the input shares of 'car' add up to 1.2, which leaves a value added of -0.2 "
        "(inputs.csv lines 3, 4). Correct the shares, or set negative_value_added = true in graph.toml where that "
        "is meant.",
    ),
    "negative value added": (
        value_added("-0.1"),
        "stages.csv:3, value_added: the value added of 'mill' is negative (-0.1). Correct it, or set "
        "negative_value_added = true in graph.toml where that is meant.",
    ),
    "negative share": (
        share("-0.45"),
        "inputs.csv:2, share: -0.45 is not above 0. Write what part of the user's value it is, as in 0.25, or take "
        "the row out.",
    ),
    "share 25": (
        share("25"),
        "inputs.csv:2, share: 25 is above 1; shares are fractions of the user's value. Write 0.25 or 25%.",
    ),
    "share 1.2": (
        share("1.2"),
        "inputs.csv:2, share: 1.2 is above 1; shares are fractions of the user's value. "
        "Write a fraction between 0 and 1; where a stage is meant to have negative value added, "
        "set negative_value_added = true in graph.toml.",
    ),
    "share 1.2 and the value added that it leaves": (
        value_added("-0.2") | share("1.2"),
        "stages.csv:3, value_added: the value added of 'mill' is negative (-0.2). Correct it, or set "
        "negative_value_added = true in graph.toml where that is meant.\n"
        "inputs.csv:2, share: 1.2 is above 1; shares are fractions of the user's value. "
        "Write a fraction between 0 and 1; where a stage is meant to have negative value added, "
        "set negative_value_added = true in graph.toml.",
    ),
    "nothing in a stage": (
        {"stages": ZERO},
        "stages.csv:2, value_added: 'mine' has no value added and no inputs: its price would be 0. "
        "Give it value added or inputs.",
    ),
    "pass-through above 1": (
        {"inputs": "supplier,user,share,pass_through\nmine,mill,0.45,1.5\n"},
        "inputs.csv:2, pass_through: 1.5 is above 1; it is a fraction. Write a fraction between 0 and 1.",
    ),
    "negative final demand": (
        {"shipments": SHIPMENTS.replace("100", "-100")},
        "shipments.csv:2, value: -100 is below 0. Where final demand is meant to be negative, set "
        "negative_final_demand = true in graph.toml.",
    ),
    # numbers
    "nan": (share("nan"), f"inputs.csv:2, share: 'nan' is not a plain number. {FINITE}"),
    "inf": (share("inf"), f"inputs.csv:2, share: 'inf' is not a plain number. {FINITE}"),
    "1e400": (
        share("1e400"),
        "inputs.csv:2, share: '1e400' is too large for a number. Write a finite number.",
    ),
    "1e-400": (
        share("1e-400"),
        "inputs.csv:2, share: '1e-400' is too small for a number. Write one further from 0.",
    ),
    "a percentage without end": (
        share("1e99999999999999999999%"),
        "inputs.csv:2, share: '1e99999999999999999999%' is too large for a number. Write a finite number.",
    ),
    "blank share": (share("  "), "inputs.csv:2, share: the number is missing. Write a number."),
    "1_000": (
        share("1_000"),
        "inputs.csv:2, share: '1_000' is not a plain number: it holds '_'. "
        "Write digits with '.' for the decimal point.",
    ),
    "full-width digits": (
        share("０.５"),
        "inputs.csv:2, share: '０.５' is not a plain number: it holds ０ (U+FF10 FULLWIDTH DIGIT ZERO). "
        "Write the digits 0 to 9, '.' and '-'.",
    ),
    "Arabic digits": (
        share("٠.٥"),
        "inputs.csv:2, share: '٠.٥' is not a plain number: it holds ٠ (U+0660 ARABIC-INDIC DIGIT ZERO). "
        "Write the digits 0 to 9, '.' and '-'.",
    ),
    "minus sign": (
        share("−0.5"),
        "inputs.csv:2, share: '−0.5' is not a plain number: it holds − (U+2212 MINUS SIGN). "
        "Write the minus sign as '-'.",
    ),
    "digit groups": (
        share('"1,000.5"'),
        "inputs.csv:2, share: '1,000.5' groups its digits with commas. Write 1000.5.",
    ),
    "digit groups without quotes": (
        share("1,000.5"),
        "inputs.csv:2: the row has 4 fields where the header has 3. "
        "A comma separates fields: write 1000.5 for 1,000.5.",
    ),
    "decimal comma": (
        share('"0,25"'),
        "inputs.csv:2, share: '0,25' has a comma for a decimal point. Write 0.25.",
    ),
    "decimal comma without quotes": (
        share("0,25"),
        "inputs.csv:2: the row has 4 fields where the header has 3. A comma separates fields: write 0.25 for 0,25.",
    ),
    "semicolons": (
        {"inputs": INPUTS.replace(",", ";").replace("0.45", "0,45")},
        "inputs.csv:1: the columns are separated by ';', not by ','. "
        "Separate them with ',' and write decimals with a point: 0.45 for 0,45.",
    ),
    # gaps
    "empty share": (share(""), "inputs.csv:2, share: missing value (the cell is empty). Write a number."),
    "empty pass-through": (
        {"inputs": "supplier,user,share,pass_through\nmine,mill,0.45,\n"},
        "inputs.csv:2, pass_through: missing value (the cell is empty). "
        "Write a number, or leave the whole column out for 1 everywhere.",
    ),
    "empty value added": (
        value_added(""),
        "stages.csv:3, value_added: missing value (the cell is empty). "
        "Write a number, or leave the whole column out: it is then 1 − Σ input shares.",
    ),
    "empty country": (
        stages_with("AUS", ""),
        "stages.csv:2, country: missing value (the cell is empty). Write it: where the stage happens.",
    ),
    "missing last field": (
        inputs_with("mine,mill,0.45", "mine,mill"),
        "inputs.csv:2, share: missing value: the row has 2 fields where the header has 3. "
        "Write every field of the row; an empty one still needs its comma.",
    ),
    "long row": (
        inputs_with("mine,mill,0.45", "mine,mill,0.45,x"),
        'inputs.csv:2: the row has 4 fields where the header has 3. Put a field that holds a comma in quotes ("...").',
    ),
    "blank line": (inputs_with("mill,car", "\nmill,car"), "inputs.csv:3: the line is blank. Take it out."),
    "quantity without unit": (
        {"shipments": "stage,market,value,quantity\ncar,USA,100,5\n"},
        "shipments.csv:2, unit: the quantity has no unit. Write its unit, as in kg.",
    ),
    # ids
    "unknown stage": (
        inputs_with("mine,mill", "mime,mill"),
        "inputs.csv:2, supplier: there is no stage 'mime' in stages.csv. Did you mean 'mine'?",
    ),
    "unknown stage of a shipment": (
        {"shipments": SHIPMENTS.replace("car", "cars")},
        "shipments.csv:2, stage: there is no stage 'cars' in stages.csv. Did you mean 'car'?",
    ),
    "unknown stage that looks known": (
        inputs_with("mine,mill", "mine,mi\u200bll"),
        "inputs.csv:2, user: there is no stage 'mi\\u200bll' in stages.csv. Did you mean 'mill'? "
        "This one holds U+200B ZERO WIDTH SPACE.",
    ),
    "duplicate stage": (
        another_stage("car,KOR,8703"),
        "stages.csv:5, stage: 'car' is already there on line 4. Give each stage one row.",
    ),
    "duplicate id": (
        {
            "inputs": "id,supplier,user,share\nx,mine,mill,0.45\n",
            "shipments": "id,stage,market\nx,car,USA\n",
        },
        "shipments.csv:2, id: 'x' is already there in inputs.csv on line 2. "
        "Give each input and shipment an id of its own, or leave the cell empty.",
    ),
    "Cyrillic twin": (
        another_stage("K1,KOR,72\n\u041a1,KOR,73"),
        "stages.csv:6, stage: '\u041a1' looks like 'K1' on line 5 but is another id "
        f"(this one holds U+041A CYRILLIC CAPITAL LETTER KA). {SAME}",
    ),
    "invisible twin": (
        another_stage("car\u200b,KOR,8703"),
        "stages.csv:5, stage: 'car\\u200b' looks like 'car' on line 4 but is another id "
        f"(this one holds U+200B ZERO WIDTH SPACE). {SAME}",
    ),
    "composed twin": (
        another_stage("caf\u00e9,KOR,72\n" + unicodedata.normalize("NFD", "caf\u00e9") + ",KOR,72"),
        "stages.csv:6, stage: 'cafe\u0301' looks like 'caf\u00e9' on line 5 but is another id "
        f"(this one holds U+0301 COMBINING ACUTE ACCENT). {SAME}",
    ),
    "space at the end of an id": (
        another_stage("van ,KOR,8703"),
        "stages.csv:5, stage: 'van ' begins or ends with a space. Take the space out.",
    ),
    "line break in an id": (
        another_stage('"v\nan",KOR,8703'),
        "stages.csv:5, stage: 'v\\u000aan' holds the control character U+000A. Take the character out.",
    ),
    # columns
    "missing column": (
        {"inputs": "supplier,user\nmine,mill\n"},
        "inputs.csv:1, share: the column 'share' is missing (columns found: supplier, user). "
        "Add it: cost of the input, untaxed.",
    ),
    "misspelt column": (
        {"inputs": "supplier,user,share,programm\nmine,mill,0.45,KORUS\n"},
        "inputs.csv:1, programm: 'programm' is not a column of inputs "
        "(columns found: supplier, user, share, programm). Did you mean 'program'?",
    ),
    "extra column": (
        {"shipments": "stage,market,x\ncar,USA,1\n"},
        "shipments.csv:1, x: 'x' is not a column of shipments (columns found: stage, market, x). "
        "14 columns are known, from 'content.KIND' to 'value'.",
    ),
    "duplicate column": (
        {"inputs": "supplier,user,share,share\nmine,mill,0.45,0.1\n"},
        "inputs.csv:1, share: the column is there twice. Keep one of them.",
    ),
    "header with spaces": (
        inputs_with("user", " user"),
        "inputs.csv:1, user: the name of the column ' user' begins or ends with a space. Write 'user'.",
    ),
    "content on a stage": (
        {"stages": STAGES.replace("product", "product,content.steel").replace("\n", ",\n").replace("l,\n", "l\n", 1)},
        "stages.csv:1, content.steel: content is declared on a crossing, not on a stage. "
        "Move the column to inputs or shipments.",
    ),
    # countries
    "UK": (stages_with("AUS", "UK"), "stages.csv:2, country: 'UK' is not a country. Did you mean GBR?"),
    "KR": (stages_with("AUS", "KR"), "stages.csv:2, country: 'KR' is not a country. Did you mean KOR?"),
    "Korea": (stages_with("AUS", "Korea"), "stages.csv:2, country: 'Korea' is not a country. Did you mean KOR?"),
    "NA": (stages_with("AUS", "NA"), "stages.csv:2, country: 'NA' is not a country. Did you mean NAM?"),
    "GER": (stages_with("AUS", "GER"), "stages.csv:2, country: 'GER' is not a country. " + meant("DEU")),
    "NED": (stages_with("AUS", "NED"), "stages.csv:2, country: 'NED' is not a country. " + meant("NLD")),
    "two letters swapped": (
        stages_with("AUS", "KRO"),
        "stages.csv:2, country: 'KRO' is not a country. " + meant("KOR"),
    ),
    "umlaut": (stages_with("AUS", "KÖR"), "stages.csv:2, country: 'KÖR' is not a country. Did you mean KOR?"),
    "ANT": (stages_with("AUS", "ANT"), f"stages.csv:2, country: 'ANT' is not a country. {COUNTRY}"),
    "null": (stages_with("AUS", "null"), f"stages.csv:2, country: 'null' is not a country. {COUNTRY}"),
    "EU": (stages_with("AUS", "EU"), f"stages.csv:2, country: 'EU' is not a country. {GROUP}"),
    "EUR": (stages_with("AUS", "EUR"), f"stages.csv:2, country: 'EUR' is not a country. {GROUP}"),
    "ROW": (
        stages_with("AUS", "ROW"),
        "stages.csv:2, country: 'ROW' is not a country. "
        'Declare it as a region, as in ROW = "rest of the world" under [regions].',
    ),
    "NO": (stages_with("AUS", "NO"), "stages.csv:2, country: 'NO' is not a country. Did you mean NOR?"),
    # products
    "702": (stages_with("2601", "702"), f"stages.csv:2, product: '702' has 3 digits; {DIGITS} 0702."),
    "five digits": (
        stages_with("2601", "26011"),
        f"stages.csv:2, product: '26011' has 5 digits; {DIGITS} 0260.11.",
    ),
    "seven digits": (
        stages_with("2601", "2601110"),
        f"stages.csv:2, product: '2601110' has 7 digits; {DIGITS} 0260.11.10.",
    ),
    "nine digits": (
        stages_with("2601", "260111000"),
        f"stages.csv:2, product: '260111000' has 9 digits; {DIGITS} 0260.11.10.00.",
    ),
    "a trailing zero lost": (
        stages_with("2601", "8703.8"),
        "stages.csv:2, product: '8703.8' has 5 digits; HS codes have 2, 4, 6, 8 or 10. "
        "A trailing zero may have been lost: write it as text, as in 8703.80.",
    ),
    "zeros lost at both ends": (
        stages_with("2601", "702.9"),
        "stages.csv:2, product: '702.9' does not group its digits as an HS code does. "
        "A leading and a trailing zero may have been lost: write it as text, as in 0702.90.",
    ),
    "two dots": grouped("8703..80", "8703.80"),
    "dots in front": grouped("..8703", "8703"),
    "one digit by itself": grouped("8 517", "8517"),
    "one digit at the end": (
        stages_with("2601", "8703.80.1"),
        "stages.csv:2, product: '8703.80.1' has 7 digits; HS codes have 2, 4, 6, 8 or 10. "
        "Write pairs of digits after the first four, as in 8703.23.01.",
    ),
    "8.52E+09": (
        stages_with("2601", "8.52E+09"),
        f"stages.csv:2, product: '8.52E+09' is what a spreadsheet made of an HS code. {SHEET}",
    ),
    "Mar-01": (
        stages_with("2601", "Mar-01"),
        f"stages.csv:2, product: 'Mar-01' is what a spreadsheet made of an HS code. {SHEET}",
    ),
    "#N/A": (
        stages_with("2601", "#N/A"),
        f"stages.csv:2, product: '#N/A' is what a spreadsheet made of an HS code. {SHEET}",
    ),
    # encodings and structure
    "UTF-16": (
        {"stages": STAGES.encode("utf-16")},
        "stages.csv: the file is UTF-16, not UTF-8. Save it as UTF-8.",
    ),
    "UTF-16 without a mark": (
        {"stages": STAGES.encode("utf-16-be")},
        "stages.csv: the file is UTF-16, not UTF-8. Save it as UTF-8.",
    ),
    "CP949 or GB18030": (
        {"stages": (STAGES + "한국,KOR,72\n").encode("cp949")},
        "stages.csv:5: the file is not UTF-8; it may be CP949 (EUC-KR) or GB18030 (byte 0xC7 here). Save it as UTF-8.",
    ),
    "CP949": (
        {"stages": (STAGES + "자동차용 배터리 완성차,KOR,72\n").encode("cp949")},
        "stages.csv:5: the file is not UTF-8; it looks like CP949 (EUC-KR) (byte 0xC0 here). Save it as UTF-8.",
    ),
    "Shift-JIS": (
        {"stages": (STAGES + "日本のバッテリー,JPN,72\n").encode("shift_jis")},
        "stages.csv:5: the file is not UTF-8; it looks like Shift-JIS (byte 0x93 here). Save it as UTF-8.",
    ),
    "GB18030": (
        {"stages": (STAGES + "中国电池,CHN,72\n").encode("gb18030")},
        "stages.csv:5: the file is not UTF-8; it looks like GB18030 (byte 0xD6 here). Save it as UTF-8.",
    ),
    "Latin-1 that Korean could be": (
        {"stages": (STAGES + "Åland,FRA,72\n").encode("latin-1")},
        "stages.csv:5: the file is not UTF-8 (byte 0xC5 here). Save it as UTF-8.",
    ),
    "PNG": (
        {"stages": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1"},
        "stages.csv: the file is an image (PNG), not plain text. Save it as UTF-8 text.",
    ),
    "NULs": (
        {"stages": bytes(1000)},
        "stages.csv: the file is binary data (NUL bytes), not text. Write it again as UTF-8 text.",
    ),
    "Latin-1": (
        {"stages": (STAGES + "café,FRA,72\n").encode("latin-1")},
        "stages.csv:5: the file is not UTF-8 (byte 0xE9 here). Save it as UTF-8.",
    ),
    "CR only": (
        {"stages": STAGES.replace("\n", "\r")},
        "stages.csv: its lines end with a carriage return (CR) only, as on an old Macintosh. "
        "Save it with line ends LF or CRLF.",
    ),
    "unterminated quote": (
        another_stage('"van,KOR,8703\nbus,KOR,8702'),
        f'stages.csv:5: a quote (") opens here and is never closed. {CLOSE}',
    ),
    "unterminated quote after a field over two lines": (
        {"stages": NOTES},
        f'stages.csv:4: a quote (") opens here and is never closed. {CLOSE}',
    ),
    "text after a quote": (
        another_stage('"van"s,KOR,8703'),
        'stages.csv:5: a quote (") opens here, and text follows after the closing one. '
        'End the field after the quote; a quote inside quotes is written "".',
    ),
    "NUL": (
        another_stage("v\0an,KOR,8703"),
        "stages.csv:5: the line holds a NUL character (U+0000). Take the character out.",
    ),
    "control character": (
        another_stage("v\x07an,KOR,8703"),
        "stages.csv:5: the line holds a control character (U+0007). Take the character out.",
    ),
    "gzip": (
        {"stages": b"\x1f\x8b\x08" + bytes(range(256))},
        "stages.csv: the file is gzip, not plain text. Save it as UTF-8 text.",
    ),
    "empty file": (
        {"stages": ""},
        "stages.csv: the file is empty. Write the names of the columns in its first line.",
    ),
    # graph.toml
    "unknown key": (
        {"toml": 'title = "x"\ntitel = "x"\n'},
        "graph.toml:2, titel: is not a key of graph.toml. Did you mean 'title'?",
    ),
    "ambiguous date": (
        {"toml": 'as_of = "09/07/2025"\n'},
        "graph.toml:1, as_of: '09/07/2025' can be read in more than one way. Write 2025-07-09 or 2025-09-07.",
    ),
    "date without zeros": (
        {"toml": 'as_of = "2025-7-9"\n'},
        "graph.toml:1, as_of: '2025-7-9' is not written as a date. Write 2025-07-09.",
    ),
    "a day that is none": (
        {"toml": "as_of = 2025-02-30\n"},
        "graph.toml:1:9: this is not TOML: invalid date or datetime. Write a day that exists, as in 2025-07-02.",
    ),
    "region with the code of a country": (
        {"toml": '[regions]\nUSA = "x"\n'},
        "graph.toml:1, regions: the region 'USA' has the code of a country (United States). Choose another code.",
    ),
    "year of 5000 digits": (
        {"toml": "year = " + "9" * 5000 + "\n"},
        "graph.toml:1, year: the number has more than 4300 digits. Write it as in 2025.",
    ),
    "hexadecimal year of 5000 digits": (
        {"toml": "year = 0x" + "f" * 5000 + "\n"},
        "graph.toml:1, year: 'a number of more than 4300 digits' is not a year. Write it as in 2025.",
    ),
    "key of many parts": (
        {"toml": "\nregions." + "a." * 20 + "b = 1\n"},
        'graph.toml:2: a key has more than 16 parts. Write key = "value".',
    ),
    "rules outside": (
        {"toml": 'title = "x"\nrules = ["us-2025", "../us.yaml"]\n'},
        f"graph.toml:2, rules: '../us.yaml' leads out of the graph's folder. {RULES}",
    ),
    "rules at an absolute path": (
        {"toml": 'rules = "/etc"\n'},
        f"graph.toml:1, rules: '/etc' is not a path within the graph's folder. {RULES}",
    ),
    "rules that are not there": (
        {"toml": 'rules = ["us-2052", "us.yml"]\n', "rules": "ruleset: us\n"},
        "graph.toml:1, rules: 'us-2052' is neither a bundled rule set nor a file or folder beside graph.toml. "
        "Did you mean 'us-2025'?\n"
        "graph.toml:1, rules: 'us.yml' is neither a bundled rule set nor a file or folder beside graph.toml. "
        "Did you mean 'us.yaml'?",
    ),
    "switch in quotes": (
        {"toml": 'negative_value_added = "true"\n'},
        "graph.toml:1, negative_value_added: 'true' is neither true nor false. Write true or false, without quotes.",
    ),
    "year in quotes": (
        {"toml": '\nyear = "2025"\n'},
        "graph.toml:2, year: '2025' is not a year. Write it as in 2025.",
    ),
    "not TOML": (
        {"toml": "title = \n"},
        'graph.toml:1:9: this is not TOML: invalid value. Write key = "value".',
    ),
}


@pytest.mark.parametrize(("files", "message"), BAD.values(), ids=BAD.keys())
def test_the_message_names_place_field_problem_and_remedy(
    files: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_folder(tmp_path / "graph", **files)
    monkeypatch.chdir(tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(GraphError) as caught:
        read_graph("graph")
    assert str(caught.value) == "\n".join(f"graph/{line}" for line in message.splitlines())
    assert re.match(r"(stages|inputs|shipments)\.csv|graph\.toml", message)
    assert caught.value.exit_code == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_all_problems_are_said_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    stages = "stage,country,product\nmine,AUS,702\nmill,UK,7208\ncar,KOR,8703.23\n"
    inputs = "supplier,user,share\nmine,mill,x\nmine,mil,0.1\nmill,car\n"
    with pytest.raises(GraphError) as caught:
        read_graph(write_folder(tmp_path / "graph", stages, inputs))
    places = [(PurePath(finding.file).name, finding.line, finding.field) for finding in caught.value.findings]
    assert places == [
        ("stages.csv", 2, "product"),
        ("stages.csv", 3, "country"),
        ("inputs.csv", 2, "share"),
        ("inputs.csv", 3, "user"),
        ("inputs.csv", 4, "share"),
    ]


def test_of_many_problems_the_first_twenty_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    inputs = "supplier,user,share\n" + "mine,mill,x\n" * 30_000
    with pytest.raises(GraphError) as caught:
        read_graph(write_folder(tmp_path / "graph", inputs=inputs))
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[19].startswith(f"{tmp_path}/graph/inputs.csv:21, share: 'x' is not a plain number")
    assert str(caught.value.findings[-1]) == "29,000 more problems of the same kinds."


@pytest.mark.parametrize("quoted", [False, True])
def test_a_bad_cell_at_row_1_000_001_is_named_by_its_line(quoted: bool, tmp_path: Path) -> None:
    row = '"mine",mill,1e-9\n' if quoted else "mine,mill,1e-9\n"
    inputs = "supplier,user,share\n" + row * 1_000_000 + "mine,mill,1e-9x\n"
    with pytest.raises(GraphError) as caught:
        read_graph(write_folder(tmp_path / "graph", inputs=inputs))
    assert str(caught.value) == (
        f"{tmp_path}/graph/inputs.csv:1000002, share: '1e-9x' is not a plain number: it holds 'x'. "
        "Write digits with '.' for the decimal point."
    )


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        read_graph(write_folder(tmp_path / "graph", shipments=None))
    assert str(caught.value) == (
        f"{tmp_path}/graph/shipments.csv: the table shipments is missing. "
        "Write shipments.csv or shipments.parquet, with its header only where nothing is sold."
    )
    (tmp_path / "graph" / "shipment.csv").write_text(SHIPMENTS)
    with pytest.raises(DatasetError, match=r"\(found shipment\.csv\)"):
        read_graph(tmp_path / "graph")


def test_a_table_in_both_formats_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "graph")
    (folder / "stages.parquet").write_bytes(b"PAR1")
    with pytest.raises(GraphError, match=r"stages\.csv: the table is there twice, as stages\.csv and as stages\.parq"):
        read_graph(folder)


@pytest.mark.parametrize("name", ["input.csv", "Inputs.CSV", "inputs.tsv", "imputs.csv", "inputs_2025.csv"])
def test_inputs_under_another_name_are_no_graph_without_inputs(name: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "graph", inputs=None)
    (folder / name).write_text(INPUTS)
    with pytest.raises(DatasetError) as caught:
        read_graph(folder)
    assert str(caught.value) == (
        f"{folder}/inputs.csv: the table inputs is missing (found {name}). Call it inputs.csv, or write inputs.csv or "
        "inputs.parquet, with its header only where nothing is bought."
    )


@pytest.mark.parametrize("name", ["outputs.csv", "results.csv", "notes.md"])
def test_other_files_beside_a_graph_without_inputs_are_let_be(name: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "graph", inputs=None)
    (folder / name).write_text(INPUTS)
    assert [finding.check for finding in read_graph(folder).findings] == ["missing-inputs"]


def test_two_graphs_with_the_same_problem_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("g", "g2"):
        write_folder(tmp_path / name, STAGES.replace("AUS", "UK"))
        with pytest.raises(GraphError) as caught:
            read_graph(name)
        assert caught.value.findings[0].file == f"{name}/stages.csv"


def test_blank_lines_without_end_are_read_in_no_time(tmp_path: Path) -> None:
    expected = read_graph(write_folder(tmp_path / "graph")).hash
    folder = write_folder(tmp_path / "blank", STAGES + "\n" * 20_000_000)
    start = now()
    assert read_graph(folder).hash == expected
    (folder / "stages.csv").write_text("stage,country,product\n" + "\n" * 1_000_000 + "mine,AUS,2601\n")
    with pytest.raises(GraphError) as caught:
        read_graph(folder)
    assert now() - start < patience(8_000)
    assert str(caught.value.findings[0]) == f"{folder}/stages.csv:2: the line is blank. Take it out."
    assert str(caught.value.findings[-1]) == (
        f"{folder}/stages.csv:1002: more than 1,000 rows are broken; the rest was not read. Mend those above first."
    )


@pytest.mark.parametrize(
    "toml",
    [
        "a." * 20_000 + "b = 1\n",
        "[" + "a." * 20_000 + "b]\n",
        'x = {"a"' + " . 'b'" * 20_000 + " = 1}\n",
        "".join(f"k{i} = 1\n" for i in range(90_000)),
        "a" * 1_000_000,
        "[" * 1_000_000,
        "x = 1 # " + "word " * 100_000 + "\n",
        "#" + "x" * 2_000_000,
    ],
)
def test_an_endless_graph_toml_is_refused_in_no_time(toml: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "graph", toml=toml)
    start = now()
    with pytest.raises(GraphError, match=r"graph\.toml"):
        read_graph(folder)
    assert now() - start < patience(5_000)

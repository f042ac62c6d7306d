import pytest

from tariffgraph.codes import CodeProblem
from tariffgraph.rules.rate import AdValorem, Compound, Ends, SpecificDuty
from tariffgraph.rules.rate_text import parse_rate_text


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("25%", AdValorem(0.25)),
        ("0.25", AdValorem(0.25)),
        ("2.5 %", AdValorem(0.025)),
        ("125%", AdValorem(1.25)),
        ("0", AdValorem(0.0)),
        ("free", AdValorem(0.0)),
        ("Free", AdValorem(0.0)),
        ("ends", Ends()),
        ("4.4 cents/kg", Compound(0.0, (SpecificDuty(0.044, "kg"),))),
        ("4.4¢/kg", Compound(0.0, (SpecificDuty(0.044, "kg"),))),
        ("1.4 c/kg", Compound(0.0, (SpecificDuty(0.014, "kg"),))),
        ("50 cents per kg", Compound(0.0, (SpecificDuty(0.5, "kg"),))),
        ("3 USD/t", Compound(0.0, (SpecificDuty(3.0, "t"),))),
        ("$1.035/kg", Compound(0.0, (SpecificDuty(1.035, "kg"),))),
        ("$1.64 each", Compound(0.0, (SpecificDuty(1.64, "no"),))),
        ("2.5% + 4.4 cents/kg", Compound(0.025, (SpecificDuty(0.044, "kg"),))),
        ("33 1/3%", AdValorem(1 / 3)),
        ("12 1/2%", AdValorem(0.125)),
        ("90 cents/doz. prs. + 20%", Compound(0.2, (SpecificDuty(0.9, "doz. prs."),))),
        ("3.7 cents/kg on drained weight", Compound(0.0, (SpecificDuty(0.037, "kg on drained weight"),))),
        (
            "$1.32/t including weight of container",
            Compound(0.0, (SpecificDuty(1.32, "t including weight of container"),)),
        ),
        ("1.8¢/kg + 5%", Compound(0.05, (SpecificDuty(0.018, "kg"),))),
        (
            "5% + 1 USD/kg + 2 USD/no",
            Compound(0.05, (SpecificDuty(1.0, "kg"), SpecificDuty(2.0, "no"))),
        ),
    ],
)
def test_a_rate_is_read_as_schedules_write_it(text, rate):
    assert parse_rate_text(text) == rate


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("25", "25% or 0.25?"),
        ("1", "1% or 0.01?"),
        ("2.5 + 3%", "2.5% or 0.025?"),
        ("0,25", "Write 0.25."),
        ("-5%", "A rate is 0 or more."),
        ("", "Write 25%, 0.25, free"),
        ("duty free", "Write 25%, 0.25, free"),
        ("5%+", "Write 25%, 0.25, free"),
        ("33 1/0%", "Write 25%, 0.25, free"),
        ("4.4 cents/kg of", "Write 25%, 0.25, free"),
        ("4.4/kg", "4.4 cents/kg or 4.4 USD/kg?"),
    ],
)
def test_what_is_no_rate_or_two_is_refused_with_the_remedy(text, remedy):
    with pytest.raises(CodeProblem) as caught:
        parse_rate_text(text)
    assert caught.value.remedy.startswith(remedy)

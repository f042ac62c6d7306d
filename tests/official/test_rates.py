import pytest
from hypothesis import given
from hypothesis import strategies as st

from tariffgraph.official.rates import NoRate, plain_rate, special_rates, what_it_counts
from tariffgraph.rules.rate import AdValorem, Compound, SpecificDuty
from tariffgraph.rules.rate_text import parse_rate_text


@pytest.mark.parametrize(
    ("published", "plain"),
    [
        ("Free", "Free"),
        ("6.8%", "6.8%"),
        ("33 1/3%", "33 1/3%"),
        ("1.4¢/kg", "1.4 cents/kg"),
        ("$1.035/kg + 13.6%", "$1.035/kg + 13.6%"),
        ("15.4¢/kg +58%", "15.4 cents/kg + 58%"),
        ("2.8¢ /kg", "2.8 cents/kg"),
        ("2.8¢/doz.", "2.8 cents/doz"),
        ("90¢/pr. + 20%", "90 cents/pr + 20%"),
        ("0.9¢ each", "0.9 cents each"),
        ("$1.75 each + 65%", "$1.75 each + 65%"),
        ("$2.04/pf. liter", "$2.04/pf. liter"),
        ("0.5¢/pf.liter", "0.5 cents/pf. liter"),
        ("4.5¢/ liter", "4.5 cents/liter"),
        ("55.7¢/1000", "55.7 cents/thousand"),
        ("10¢/1,000 pins + 3.5%", "10 cents/thousand + 3.5%"),
        ("$2.50/thou- sand + 40%", "$2.50/thousand + 40%"),
        ("0.3¢/line/ gross + 4.5%", "0.3 cents/gross line + 4.5%"),
        ("3.7¢/kg on drained weight", "3.7 cents/kg on drained weight"),
        ("$1.32/t, including weight of container", "$1.32/t including weight of container"),
        ("86.1¢/m2of recording surface", "86.1 cents/m2 of recording surface"),
        ("6.5% on the entire set", "6.5%"),
        ("36¢ each +\n5.6% + 2¢/jewel", "36 cents each + 5.6% + 2 cents/jewel"),
    ],
)
def test_a_published_rate_is_put_in_words_that_schedules_read(published, plain):
    assert plain_rate(published) == plain
    parse_rate_text(plain)


@pytest.mark.parametrize(
    ("published", "why"),
    [
        ("See 9822.05.20", "refers to another provision"),
        ("The rate applicable to the article of which it is a part", "is the rate of another article"),
        ("The duty rate provided in such subheading minus 0.5%", "is the rate of another article"),
        ("3.6¢/kg less 0.02¢/kg for each degree under 100 degrees but not less than 3.1¢/kg", "is a formula"),
        ("43¢ each + 2.8¢/jewel over 7", "is a formula"),
        ("2.5% on the value of the lead content", "is on a part of the value"),
        ("40¢ each + 6% on the case + 3% on the battery", "is on a part of the value"),
        ("Free, under bond", "holds on a condition"),
        ("37% /", "is not understood"),
        ("25", "is not understood"),
        ("4.4/kg", "is not understood"),
        ("$4.4¢/kg", "is not understood"),
        ("", "is not understood"),
    ],
)
def test_what_is_no_rate_says_why(published, why):
    with pytest.raises(NoRate) as caught:
        plain_rate(published)
    assert str(caught.value) == why


def test_special_rates_are_told_by_program_symbol():
    rates, rest = special_rates("Free (A*,AU, BH) 2.5¢/kg\n(KR)See 9822.05.20 (P,S+) 5% (JP)")
    assert dict(rates) == {"A*": "Free", "AU": "Free", "BH": "Free", "KR": "2.5 cents/kg", "JP": "5%"}
    assert rest == (("See 9822.05.20 (P,S+)", "refers to another provision"),)


@pytest.mark.parametrize(
    ("cell", "rates", "rest"),
    [
        ("", {}, ()),
        ("Free (E IL,.OM)", {"E": "Free", "IL": "Free", "OM": "Free"}, ()),
        ("Free (AU) See 9919.04.50 (PA (PA)", {"AU": "Free"}, (("See 9919.04.50 (PA (PA)", "is not understood"),)),
        ("Free", {}, (("Free", "names no program symbols"),)),
        ("Free (see note 4)", {}, (("Free (see note 4)", "names no program symbols"),)),
        ("Free (KR) 5% (KR,AU)", {"AU": "5%"}, (("(KR)", "has two rates"),)),
        ("Free (KR) See 9822.05.20 (KR)", {"KR": "Free"}, (("See 9822.05.20 (KR)", "refers to another provision"),)),
    ],
)
def test_what_a_special_cell_leaves_open_is_told(cell, rates, rest):
    assert (dict(special_rates(cell)[0]), special_rates(cell)[1]) == (rates, rest)


def test_a_rate_that_counts_more_than_weight_or_number_is_told():
    assert what_it_counts("5%") == what_it_counts("4.4 cents/kg + 5%") == what_it_counts("2 cents/doz") == ""
    assert what_it_counts("3.7 cents/kg on drained weight").startswith("counts a quantity of its own")
    assert what_it_counts("20 cents/clean kg").startswith("counts a quantity of its own")
    assert what_it_counts("4.4 cents/liter + 31.4 cents/pf. liter") == "counts several quantities, and an entry has one"


CENTS = st.integers(1, 99_999)
UNITS = st.sampled_from(["kg", "t", "liter", "doz.", "pf. liter", "m3", "pr.", "kg on drained weight"])


@given(CENTS, UNITS, st.integers(0, 999), st.sampled_from([" + ", " +", "+ ", "+"]))
def test_a_compound_rate_keeps_its_amounts_whatever_its_spacing(cents, unit, percent, plus):
    read = parse_rate_text(plain_rate(f"{cents}¢/{unit}{plus}{percent}%"))
    assert read == Compound(float(f"{percent}e-2"), (SpecificDuty(float(f"{cents}e-2"), unit.rstrip(".")),))


@given(st.text(max_size=40))
def test_any_text_is_a_rate_that_reads_back_or_says_why_not(text):
    special_rates(text)
    try:
        plain = plain_rate(text)
    except NoRate:
        return
    assert isinstance(parse_rate_text(plain), (AdValorem, Compound))

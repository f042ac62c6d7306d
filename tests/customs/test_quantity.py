import pytest

from tariffgraph.codes import CodeProblem
from tariffgraph.customs.quantity import converted


@pytest.mark.parametrize(
    ("quantity", "unit", "into", "counted"),
    [
        (1, "t", "kg", 1000),
        (250, "kg", "t", 0.25),
        (500, "g", "kg", 0.5),
        (5, "carat", "g", 1),
        (2, "lbs.", "kg", 0.90718474),
        (3, "doz.", "No.", 36),
        (144, "No.", "gross", 1),
        (5500, "pcs", "thousand", 5.5),
        (7, "Dz Pcs", "no", 84),
        (24, "each", "doz", 2),
        (2, "doz. prs.", "pr.", 24),
        (2, "m³", "liters", 2000),
        (1, "bbl", "liter", 158.987294928),
        (10000, "cm2", "m²", 1),
        (3, "lin. m", "m", 3),
        (2, "pf. liters", "pf.liter", 2),
        (9, "cy kg", "clean kg", 9),
        (4, "kg on drained weight", "kg on drained weight", 4),
        (4, "tokens", "tokens", 4),
    ],
)
def test_a_quantity_is_counted_in_another_unit_of_its_kind(quantity, unit, into, counted):
    assert converted(quantity, unit, into) == pytest.approx(counted, rel=1e-15)


@pytest.mark.parametrize(
    ("unit", "into"),
    [
        ("kg", "No."),
        ("liters", "kg"),
        ("liters", "pf. liter"),  # of what strength?
        ("kg", "clean kg"),
        ("kg", "kg on drained weight"),
        ("No.", "pr."),
        ("m", "m2"),
        ("gros", "gross"),
        ("tokens", "kg"),
    ],
)
def test_a_quantity_of_another_kind_is_refused_and_not_guessed(unit, into):
    with pytest.raises(CodeProblem, match=f"a quantity in {unit} cannot be counted in {into}"):
        converted(1, unit, into)
    with pytest.raises(CodeProblem):
        converted(1, into, unit)

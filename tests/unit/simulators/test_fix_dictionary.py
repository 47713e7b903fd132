"""The simulator's own file of FIX 4.4."""

from oms_platform.fix.dictionary import FIX44, Dictionary, Fault, read_dictionary
from tests.unit.simulators.fix44_dictionary import dictionary_text

SMALL = """\
field 8 STRING
field 9 LENGTH
field 35 STRING
field 10 STRING
field 11 STRING
field 54 CHAR 1 2
field 453 NUMINGROUP
field 448 STRING
field 802 NUMINGROUP
field 523 STRING
component Parties 453 ( 448 802 ( 523 ) )
component Sides 54!
header 8! 9! 35!
trailer 10!
message D 11! @Parties @Sides!
message F 11! @Sides
"""
HEAD, TAIL = [("8", "FIX.4.4"), ("9", "0")], [("10", "000")]


def fault_of(*body: tuple[str, str]) -> Fault | None:
    return Dictionary(SMALL).read([*HEAD, *body, *TAIL]).fault


def test_the_file_says_what_quickfix_says_of_fix_44() -> None:
    assert FIX44.read_text() == dictionary_text()


def test_what_a_required_component_requires_is_required_and_what_an_optional_one_does_is_not() -> None:
    assert fault_of(("35", "D"), ("11", "a")) == Fault(1, "54")
    assert fault_of(("35", "F"), ("11", "a")) is None
    assert fault_of(("35", "D"), ("11", "a"), ("54", "1")) is None


def test_a_group_in_a_group_ends_where_its_fields_end() -> None:
    group = (("453", "2"), ("448", "A"), ("802", "1"), ("523", "B"), ("448", "C"))
    assert fault_of(("35", "D"), ("11", "a"), *group, ("54", "1")) is None
    assert fault_of(("35", "D"), ("11", "a"), ("453", "3"), *group[1:], ("54", "1")) == Fault(16, "453")


def test_a_value_that_is_not_in_a_fields_list_is_out_of_range() -> None:
    assert fault_of(("35", "D"), ("11", "a"), ("54", "9")) == Fault(5, "54")


def test_the_dictionary_is_read_once() -> None:
    assert read_dictionary() is read_dictionary()

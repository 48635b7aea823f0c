import numpy as np
import polars as pl

from orchestration.sources.demo.columns import lists
from orchestration.sources.demo.identifiers import PREFIX, salesforce_ids
from orchestration.sources.demo.streams import chance, every, position_within, spread


def checksum(fifteen: str) -> str:
    """The suffix after Salesforce's rule, letter by letter: one character per five, bit 0 first."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    blocks = (fifteen[at : at + 5] for at in (0, 5, 10))
    bits = (sum(2**n for n, letter in enumerate(block) if letter.isupper()) for block in blocks)
    return "".join(alphabet[value] for value in bits)


def test_the_checksum_rule_gives_a_published_example():
    assert checksum("001A0000006Vm9r") == "IAC"


def test_ids_have_prefix_serial_and_checksum():
    numbers = np.array([0, 1, 61, 62, 987_654_321, 62**8 - 1])
    for kind, prefix in PREFIX.items():
        made = salesforce_ids(kind, numbers).to_list()
        assert len(set(made)) == len(numbers)
        for text in made:
            assert text.startswith(prefix)
            assert text[15:] == checksum(text[:15])


def test_negative_numbers_have_no_id():
    assert salesforce_ids("Lead", np.array([-1, 3])).null_count() == 1


def test_systematic_sampling_takes_one_in_so_many():
    assert np.flatnonzero(every(np.arange(10), 0.25, 2)).tolist() == [2, 6]


def test_chances_depend_on_the_key_alone():
    keys = np.arange(50_000)
    one = chance(keys, 7, "x")
    assert np.array_equal(chance(keys[::-1], 7, "x")[::-1], one)
    assert abs(one.mean() - 0.5) < 0.01
    assert abs(np.corrcoef(one, chance(keys, 7, "y"))[0, 1]) < 0.02


def test_repetitions_number_their_members():
    counts = np.array([2, 0, 3])
    assert spread(counts).tolist() == [0, 0, 2, 2, 2]
    assert position_within(counts).tolist() == [0, 1, 0, 1, 2]


def test_lists_take_their_entries_in_turn():
    made = lists(pl.Series(["a", "b", "c"]), np.array([2, 0, 1]))
    assert made.to_list() == [["a", "b"], [], ["c"]]

"""A text becomes one plain value, or lines that say where it cannot."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_operator.api.reading.document import path_text
from tandem_operator.api.reading.yaml_text import plain, read
from tandem_operator.api.rule import REFUSED


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("70_000", 70_000),
        ("-3", -3),
        ("0x1F", 31),
        ("0o17", 15),
        ("12:30:00", "12:30:00"),
        ("2026-11-20", "2026-11-20"),
        ("~", None),
        ("true", True),
        ("False", False),
        ("1.2.3", "1.2.3"),
        ("1_000.5", 1000.5),
        ("e5", "e5"),
        ("9" * 50, float("9" * 50)),
    ],
)
def test_plain_words_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    """Exponents without a dot are numbers; sexagesimals and dates are text."""
    assert plain(text) == value
    assert type(plain(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file is empty: start it with apiVersion: tandem.dev/v1alpha1"),
        ("---\n---\n", "the file is empty: start it with apiVersion: tandem.dev/v1alpha1"),
        ("a: 1\n---\nb: 2", "line 3: a second document starts here: keep one run in a file"),
        ("a:\n  b: 1\n  b: 2\n", "a.b: is written twice: keep one of lines 2 and 3"),
        ("a: {b: 1, b: 2}\n", "a.b: is written twice: keep one of the two on line 1"),
        ("a: yes", 'a: yes is true to some readers and a word to others: write true or "yes" (line 1)'),
        ("a: [x, Off]", 'a[1]: Off is false to some readers and a word to others: write false or "Off" (line 1)'),
        ("a: 010", 'a: 010 is octal to some readers: write it without the leading 0, or "010" (line 1)'),
        ("a: !!python/name:os.system x", "a: tag:yaml.org,2002:python/name:os.system is a YAML tag: leave it out (line 1)"),
        ("? [a]\n: 1", "the run: a key is no text: write `name: value` (line 1)"),
        ("a: &a [*a]", "the file is nested deeper than 64 levels: a run needs fewer than ten"),
        ("[" * 5000, "the file is nested deeper than 64 levels: a run needs fewer than ten"),
    ],
)
def test_each_fault_of_the_text_is_one_line(text: str, problem: str) -> None:
    """The line names the place, what stands there, and what to write."""
    assert [said for _, said in read(text).problems] == [problem]


@pytest.mark.parametrize(
    ("text", "start"),
    [
        (b"\xff\xfea: 1", "byte 1 is no UTF-8"),
        ("a:\n\t- b", "line 2, column 1: not YAML: "),
        ("a: [1", "line 1, column 6: not YAML: "),
        ("a: *x", "line 1, column 4: not YAML: "),
        ("a: \x00", "the file is not YAML: "),
        ("#" * (1 << 20 | 1), "the file is larger than 1 MiB"),
    ],
)
def test_a_text_that_is_no_yaml_is_one_line(text: str | bytes, start: str) -> None:
    """Line and column come first, as far as they are known."""
    (problem,) = read(text).problems
    assert problem[1].startswith(start)
    assert "\n" not in problem[1]


def test_a_small_text_cannot_unfold_without_end() -> None:
    """Aliases of aliases are cut off at a number of values, in a moment."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 8)}]" for level in range(1, 12)]
    (problem,) = read("\n".join(lines)).problems
    assert problem[1] == "the file unfolds to more than 100000 values: write it without aliases"


def test_a_refused_word_leaves_a_mark() -> None:
    """What was refused is not taken for text by whoever reads on."""
    assert read("a: on").value == {"a": REFUSED}


def test_every_value_knows_its_line() -> None:
    """Lines are counted from 1, and a field's line is that of its name."""
    document = read("a:\n  - b: 1\n    c:\n      2\n")
    assert document.lines["a", 0, "c"] == 3
    assert document.lines["a", 0, "b"] == 2


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("abc: #-'\"é\n", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc-.", min_size=1, max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(value=st.dictionaries(st.text("abc", min_size=1, max_size=4), json_values, min_size=1, max_size=4))
def test_json_reads_back_as_itself(value: dict[str, Any]) -> None:
    """Every JSON document is read as JSON would read it: names are told apart, and text in quotes stays text."""
    document = read(json.dumps(value))
    assert not document.problems
    assert document.value == value


@given(text=st.text("ab:- \n\t[]{}&*!|>'\"#%@`,?0.e~", max_size=40))
def test_no_text_raises(text: str) -> None:
    """Whatever is handed in becomes a value, whose line is known, or a problem."""
    document = read(text)
    assert document.problems or document.lines


def test_paths_read_as_people_write_them() -> None:
    """Indexes stand in brackets, and so do keys that are no plain names."""
    assert path_text(("spec", "phases", 1, "learningRate")) == "spec.phases[1].learningRate"
    assert path_text(("nodeSelector", "karpenter.sh/zone")) == 'nodeSelector["karpenter.sh/zone"]'

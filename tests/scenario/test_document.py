"""The YAML dialect and the places of its values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.scenario import document
from harness.scenario.document import Place, ScenarioError, parse, read_text


def data(text: str) -> object:
    return parse(text, "a.yaml").root.data()


def outcome(text: str) -> str:
    try:
        data(text)
    except ScenarioError as error:
        return str(error)
    return "read"


@pytest.mark.parametrize("word", ["on", "yes", "no", "Off", "9:30", "2026-03-02", "1_000", "0b1"])
def test_yaml_1_1_specials_stay_text(word: str) -> None:
    assert data(f"a: {word}") == {"a": word}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("-12", -12),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("'5'", "5"),
        ("!!str 5", "5"),
    ],
)
def test_core_schema_scalars_are_resolved(word: str, value: object) -> None:
    resolved = data(f"- {word}")
    assert resolved == [value]
    assert isinstance(resolved, list)
    assert type(resolved[0]) is type(value)


def test_keys_are_text_whatever_they_look_like() -> None:
    assert data("{1: a, true: b, on: c}") == {"1": "a", "true": "b", "on": "c"}


def test_an_alias_repeats_its_anchor() -> None:
    assert data("a: &x {b: 1}\nc: *x") == {"a": {"b": 1}, "c": {"b": 1}}


def test_places_are_lines_and_columns_from_one() -> None:
    read = parse("name: x\nscript:\n  - user: hi\n    reply: {text: ä, words: 3}\n", "a.yaml")
    assert read.place(("script", 0, "user")) == Place(3, 11)
    assert read.place(("script", 0, "user"), at_key=True) == Place(3, 5)
    assert read.place(("script", 0, "reply", "words"), at_key=True) == Place(4, 22)
    assert read.place(("script", 0, "reply", "missing")) == Place(4, 12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.yaml:1:1: expected a scenario, got an empty file"),
        ("# only a comment\n", "got an empty file"),
        ("a: 1\nb: 2\na: 3", "a.yaml:3:1: expected each key once, got `a` again (first in line 1)"),
        ("<<: {a: 1}", "merge keys are not YAML 1.2"),
        ("? [a]\n: 1", "expected a plain key"),
        ("a: !own b", "a.yaml:1:4: expected no tag, got !own"),
        ("a: !own [b]", "expected no tag, got !own"),
        ("a: !!int b", "expected no tag, got tag:yaml.org,2002:int before 'b'"),
        ("a: &x [*x]", "a.yaml:1:8: expected an anchor that is finished, got *x"),
        ("a: -.inf", "expected a finite number, got -.inf"),
        ("a: 1e999", "expected a finite number"),
        ("a: " + "9" * 200, "expected a number of at most 100 digits"),
        ("a: 1\n---\nb: 2", "a.yaml:2:1: expected one document a file"),
        ("a: [1, 2\nb: 3", "a.yaml:2:"),
        ("a: b\x00", "control characters"),
        ("[" * 5_000, f"expected at most {document.DEPTH_MAX} levels"),
    ],
)
def test_refusals_name_the_place_and_the_reason(text: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        data(text)
    assert message in str(caught.value)


def test_aliases_that_would_explode_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(ScenarioError, match=r"expected at most 200000 values"):
        data("\n".join(lines))


def test_a_file_that_is_not_utf8_is_named_with_its_byte(tmp_path: Path) -> None:
    path = tmp_path / "latin.scenario.yaml"
    path.write_bytes(b"name: x\nabout: \xe9\n")
    with pytest.raises(ScenarioError, match=r":2:8: expected UTF-8, got the byte 0xe9"):
        read_text(path)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "bom.scenario.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: x\n")
    assert read_text(path) == "name: x\n"


def test_unreadable_and_endless_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="got a folder"):
        read_text(tmp_path)
    with pytest.raises(ScenarioError, match="got an error of the system"):
        read_text(tmp_path / "none")
    long = tmp_path / "long"
    long.write_bytes(b"#" * (document.BYTES_MAX + 1))
    with pytest.raises(ScenarioError, match="got more than 4 MB; give a shorter one"):
        read_text(long)


PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | PRINTABLE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PRINTABLE, inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(JSON)
def test_json_is_read_as_json(value: object) -> None:
    """Law: YAML 1.2 contains JSON."""
    assert data(json.dumps(value, ensure_ascii=False)) == value


@settings(deadline=None)
@given(st.text() | st.text(alphabet="[]{}&*a:-\n \"'!|>#,?%~1."))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    """Law: no text whatever gives anything but data or a ScenarioError."""
    assert outcome(text).startswith(("read", "a.yaml:"))


@settings(deadline=None)
@given(st.text(alphabet="[]{}&*ab:-\n \"'!|>#,?%~1."))
def test_the_pure_parser_keeps_the_same_law(text: str) -> None:
    """Law: where the C parser is missing, refusals are still ScenarioErrors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(yaml, "CBaseLoader", raising=False)
        assert outcome(text).startswith(("read", "a.yaml:"))

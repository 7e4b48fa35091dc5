"""The catalogue is dated, sourced, and complete."""

from __future__ import annotations

from datetime import date
from importlib.resources import files

import pytest

from harness.model.catalogue import parse_catalogue, shipped

NEEDED = (
    "claude-sonnet-5-5",
    "claude-opus-5-5",
    "claude-haiku-5-5",
    "claude-fable-5-1",
    "claude-opus-5",
    "claude-opus-4-8",
    "claude-haiku-4-5",
)


def test_the_catalogue_is_dated_and_names_its_sources() -> None:
    catalogue = shipped()
    assert isinstance(catalogue.as_of, date)
    assert all(source.startswith("https://") for source in catalogue.sources)


@pytest.mark.parametrize("name", NEEDED)
def test_a_model_has_budgets_and_prices_that_make_sense(name: str) -> None:
    spec = shipped().models[name]
    assert spec.context_window > spec.output_limit > 0
    assert spec.output_price > spec.input_price > 0
    assert 0 < spec.cache_read_factor < 1
    assert 512 <= spec.cache_minimum <= 4096
    assert set(spec.thinking) <= {"adaptive", "enabled", "disabled", "between_tools"}


def test_an_alias_finds_its_model() -> None:
    spec = shipped().find("claude-haiku-4-5-20251001")
    assert spec is not None
    assert spec.id == "claude-haiku-4-5"
    assert shipped().find("claude-none") is None


def test_an_unknown_field_is_named_with_its_model() -> None:
    text = (files("harness.model") / "catalogue.toml").read_text(encoding="utf-8")
    with pytest.raises(ValueError, match=r"model 'claude-haiku-4-5' has the field 'colour'"):
        parse_catalogue(text + "\ncolour = 3\n")

"""The published pages: each library has one, its versions are the pinned ones, its tokens hold."""

from __future__ import annotations

import pytest

from harness.case import parse, scenario_hash, target_hash
from tests.targets.published import LIBRARIES, pinned, replay_lines, story

PAGES = sorted(path.stem for path in LIBRARIES.glob("*.md"))


def test_each_published_target_has_its_page() -> None:
    assert PAGES == [
        "langchain_file",
        "langchain_sql",
        "langgraph_sqlite",
        "openai_sqlite",
        "strands_file",
    ]


@pytest.mark.parametrize("target", PAGES)
def test_a_page_names_the_versions_that_are_pinned(target: str) -> None:
    text = (LIBRARIES / f"{target}.md").read_text(encoding="utf-8")
    assert pinned(target)
    for package, version in pinned(target).items():
        assert f"{package} {version}" in text
    assert f"uv sync --extra {target}" in text


@pytest.mark.parametrize("target", PAGES)
def test_every_replay_line_is_of_a_story_that_lies_there_and_of_this_target(target: str) -> None:
    lines = replay_lines(target)
    assert lines
    for name, token, _codes in lines:
        case, loaded = parse(token), story(name)
        assert case.scenario_hash == scenario_hash(loaded.scenario.dump())
        assert case.target_hash == target_hash(target)
        assert case.seed == loaded.scenario.seed

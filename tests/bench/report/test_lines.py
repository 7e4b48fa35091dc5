"""The picture of growth."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from harness.bench.report.lines import Line, chart
from harness.bench.report.scale import seconds


def draw(*lines: Line) -> str:
    return chart(lines, title="t & u", x_name="turns", y_name="a turn", y_text=seconds)


def test_a_power_is_a_straight_line() -> None:
    text = draw(Line("p", ((100, 1e-3), (1_000, 1e-2), (10_000, 1e-1)), "c1"))
    (points,) = re.findall(r'points="([^"]+)"', text)
    (a, b), (c, d), (e, f) = (map(float, each.split(",")) for each in points.split())
    assert abs((d - b) / (c - a) - (f - d) / (e - c)) < 1e-3


def test_it_is_well_formed_and_names_every_line() -> None:
    text = draw(
        Line("ours <3", ((100, 1e-6), (1_000, 1e-6)), "c0", ours=True, told="n^0"),
        Line("slow", ((100, 1.0),), "c1", capped=True),
        Line("never", (), "c2", capped=True),
    )
    ElementTree.fromstring(text)
    assert "ours &lt;3" in text
    assert "slow: 1 s at 100; not measured beyond" in text
    assert 'class="open"' in text
    assert "never" not in text


def test_two_pictures_share_an_axis_where_they_are_to() -> None:
    line = Line("p", ((100, 1e-3), (1_000, 1e-3)), "c1")
    own = draw(line)
    shared = chart([line], title="t", x_name="x", y_name="y", y_text=seconds, y_values=[1e-6, 1.0])
    assert "1 us" not in own
    assert "1 us" in shared

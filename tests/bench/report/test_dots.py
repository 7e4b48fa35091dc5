"""The picture of amounts."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from harness.bench.report.dots import Dot, DotRow, chart
from harness.bench.report.scale import dollars


@pytest.mark.parametrize("logarithmic", [False, True])
def test_each_amount_is_a_dot_on_one_axis(logarithmic: bool) -> None:
    rows = [
        DotRow("ours", (Dot(2.0, "near", "$2"), Dot(8.0, "far", "$8")), ours=True),
        DotRow("<keep>", (Dot(40.0, "near", "$40"),)),
    ]
    text = chart(rows, title="t", x_name="dollars", text=dollars, logarithmic=logarithmic)
    ElementTree.fromstring(text)
    places = [float(x) for x in re.findall(r'cx="([\d.]+)"', text)]
    assert places == sorted(places)
    assert text.count('class="join"') == 1
    assert "ours: $2" in text
    assert "&lt;keep&gt;: $40" in text


def test_a_linear_axis_shows_its_zero() -> None:
    rows = [DotRow("x", (Dot(-40.0, "k0", "-40 %"), Dot(10.0, "k1", "+10 %")))]
    text = chart(rows, title="t", x_name="%", text=str, logarithmic=False)
    assert text.count("grid zero") == 1

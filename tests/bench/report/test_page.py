"""The page is looked at in a real browser, light and dark; nothing leaves, nothing is complained
of.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

from harness.bench.goals import judge
from harness.bench.groups.cost import CONDITIONS, POLICIES
from harness.bench.plan import GROUPS
from harness.bench.report.page import page
from harness.bench.row import Report, Row, Target, related

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def some_report() -> Report:
    """Every group, with a peer that is capped, one that is absent, and a target missed."""
    rows = [
        Row(group, subject, None, workload, size, factor * size**slope, unit)
        for group, workload, unit in (
            ("window", "full", "us/turn"),
            ("window", "bounded", "us/turn"),
            ("restore", "full", "ms"),
            ("append", "full", "us/message"),
        )
        for subject, factor, slope in (("harness", 3.0, 0.0), ("peer", 4.0, 0.9))
        for size in (100, 1_000, 10_000)
    ]
    rows.append(Row("window", "peer", None, "full", 100_000, None, "us/turn", "capped: too slow"))
    rows.append(Row("window", "gone", None, "full", 100, None, "us/turn", "absent: no <gone>"))
    rows += [
        Row("cost", policy.name, None, condition, 200, 3.0 + number, "usd", "9 cuts")
        for condition in CONDITIONS
        for number, policy in enumerate(POLICIES)
    ]
    rows += [
        Row("count", "harness", None, kind, 60_000, error, "% off", "a stand-in")
        for kind, error in (("code", -4.0), ("prose", -11.0), ("cjk", 3.0), ("json", 19.0))
    ]
    rows.append(Row("sim", "harness", None, "turns", 120, 200.0, "turns/s"))
    whole = Report({"cpu": "A & B", "cores": 2}, related(rows))
    missed = Target("x", "<= 1", "2", False, "because")
    return Report(whole.machine, whole.rows, (*judge(whole, list(GROUPS)), missed))


def test_every_group_and_both_workloads_are_on_it_and_losses_with_their_notes() -> None:
    text = page(some_report())
    for told in (
        "the whole history kept",
        "what was trimmed thrown away",
        "A restart, by the length",
        "A durable append, by what",
        "agent 6k: input billed",
        "chat 150k: input billed",
        "How far counters are from",
        "sim, turns",
        "x: because",
        "Absent: gone.",
        "absent: no &lt;gone&gt;",
        "capped: too slow",
        "A &amp; B",
    ):
        assert told in text, told


def test_it_asks_nobody_for_anything() -> None:
    text = page(some_report())
    assert re.findall(r'(?:src|href|url)\s*[=(]\s*(?!["\']?data:)', text) == []
    assert "<script" not in text
    assert "@import" not in text


def test_a_page_of_one_group_has_only_that() -> None:
    text = page(Report({"cpu": "A"}, (Row("sim", "harness", None, "turns", 1, 2.0, "turns/s"),)))
    assert "<svg" not in text
    assert "sim, turns" in text


def test_both_workloads_of_the_window_share_one_axis() -> None:
    pictures = re.findall(r"<svg.*?</svg>", page(some_report()), flags=re.DOTALL)
    ticks = [re.findall(r'class="tick end"[^>]*>([^<]+)<', picture) for picture in pictures]
    assert ticks[0] == ticks[1]


@pytest.fixture(scope="module")
def browser() -> str:
    """A headless Chromium."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    pytest.skip(reason=f"no browser is installed: none of {', '.join(BROWSERS)} is on the path")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_it_without_a_request_or_a_complaint(
    browser: str, scheme: str, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    path.write_text(page(some_report()), encoding="utf-8")
    log, shot = tmp_path / "net.json", tmp_path / "shot.png"
    done = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
            *("--enable-logging=stderr", "--v=0", f"--user-data-dir={tmp_path / 'profile'}"),
            f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}",
            *("--window-size=700,600", f"--log-net-log={log}", f"--screenshot={shot}"),
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "CONSOLE" not in done.stderr
    shades = _shades(shot)
    # Paper, ink, and the colours of several lines.
    assert len(shades) > 40
    brightest = max(shades, key=lambda shade: shades[shade])
    assert (sum(brightest) > 600) == (scheme == "light")
    asked = re.findall(r'"url":"(https?://[^"]+)"', log.read_text(encoding="utf-8"))
    assert asked == []


def _shades(path: Path) -> dict[tuple[int, ...], int]:
    """How often each colour is in a PNG's unfiltered bytes, roughly: enough to tell blank from
    drawn.
    """
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    width, height = (int.from_bytes(data[at : at + 4]) for at in (16, 20))
    channels = {2: 3, 6: 4}[data[25]]
    packed, at = b"", 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += 12 + length
    rows = _unfiltered(zlib.decompress(packed), width * channels, height, channels)
    found: dict[tuple[int, ...], int] = {}
    for row in rows[::7]:
        for x in range(0, len(row), channels * 3):
            shade = tuple(row[x : x + 3])
            found[shade] = found.get(shade, 0) + 1
    return found


def _unfiltered(raw: bytes, stride: int, height: int, step: int) -> list[bytearray]:
    """The rows of a PNG, its five filters undone."""
    rows: list[bytearray] = []
    above = bytearray(stride)
    for number in range(height):
        at = number * (stride + 1)
        kind, row = raw[at], bytearray(raw[at + 1 : at + 1 + stride])
        for x in range(stride if kind else 0):
            left = row[x - step] if x >= step else 0
            corner = above[x - step] if x >= step else 0
            up = above[x]
            guess = {1: left, 2: up, 3: (left + up) // 2}.get(kind)
            if guess is None:
                guess = min((left, up, corner), key=lambda each: abs(left + up - corner - each))
            row[x] = (row[x] + guess) & 255
        rows.append(row)
        above = row
    return rows

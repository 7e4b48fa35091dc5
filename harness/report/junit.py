"""JUnit XML: a test case a scenario; a broken promise is a failure, an invalid run an error.

The text of each is the terminal's screen. The form is the one that Jenkins, GitLab and GitHub
actions read: `testsuites` > `testsuite` > `testcase`.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from harness.report.result import Result, Run
from harness.report.screen import plain, screen

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(run: Run) -> str:
    """The report as XML text, with declaration."""
    outcomes = [result.outcome for result in run.results]
    counts = {
        "tests": str(len(outcomes)),
        "failures": str(outcomes.count("fail")),
        "errors": str(outcomes.count("invalid")),
        "time": f"{sum(result.wall_s for result in run.results):.3f}",
    }
    suites = ElementTree.Element("testsuites", {"name": "harness", **counts})
    suite = ElementTree.SubElement(
        suites, "testsuite", {"name": "scenarios", "skipped": "0", **counts}
    )
    for result in run.results:
        _case(suite, result)
    ElementTree.indent(suites)
    body = ElementTree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _case(suite: ElementTree.Element, result: Result) -> None:
    folder, _, name = result.story.rpartition("/")
    case = ElementTree.SubElement(
        suite,
        "testcase",
        {
            "classname": _clean(f"scenarios.{folder}" if folder else "scenarios"),
            "name": _clean(name),
            "file": _clean(result.path),
            "time": f"{result.wall_s:.3f}",
        },
    )
    header = result.record.header
    properties = ElementTree.SubElement(case, "properties")
    for key, value in (
        ("token", header.token),
        ("target", header.target),
        ("seed", str(header.seed)),
    ):
        ElementTree.SubElement(properties, "property", {"name": key, "value": _clean(value)})
    if result.outcome == "pass":
        return
    tag, kind, message = _trouble(result)
    trouble = ElementTree.SubElement(case, tag, {"type": kind, "message": _clean(message)})
    trouble.text = _clean(plain(screen(result, 100)))


def _trouble(result: Result) -> tuple[str, str, str]:
    """Tag, type and message of what is wrong."""
    findings = result.verdict.findings
    if findings:
        return "failure", findings[0].code, f"{findings[0].code} {findings[0].message}"
    return "error", "invalid", " ".join(result.verdict.reasons)


def _clean(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold, escaped or not."""
    return _NOT_XML.sub("\ufffd", text)

"""The tables of system calls."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.world import network
from harness.world.syscalls import contents, entries
from harness.world.syscalls.filter import DO_NOT_EXIST, SEND_FLAGS_ARGUMENT, SLEEPS
from harness.world.syscalls.numbers import MACHINES, UnknownMachine, machine


@pytest.mark.parametrize("name", MACHINES)
def test_every_number_has_one_name(name: str) -> None:
    here = MACHINES[name]
    assert len(set(here.numbers.values())) == len(here.numbers)
    for call, number in here.numbers.items():
        assert here.name_of(number) == call
    assert here.name_of(9999) == "#9999"


@pytest.mark.parametrize("name", MACHINES)
def test_every_call_that_can_be_notified_is_understood(name: str) -> None:
    decided = DO_NOT_EXIST | {"socket"} | set(SEND_FLAGS_ARGUMENT)
    understood = set(contents.CALLS) | set(entries.CALLS) | network.CALLS | SLEEPS
    assert set(MACHINES[name].numbers) - decided <= understood


def test_the_new_calls_have_the_same_numbers_everywhere() -> None:
    one, other = (MACHINES[name].numbers for name in ("x86_64", "aarch64"))
    for call in ("io_uring_setup", "openat2"):
        assert one[call] == other[call]


def test_numbers_agree_with_the_headers_of_this_machine() -> None:
    here = machine()
    places = [*Path("/usr/include").glob("**/asm/unistd_64.h")]
    defined = {
        name: int(number)
        for place in places
        for name, number in re.findall(r"#define __NR_(\w+) (\d+)\n", place.read_text("utf-8"))
    }
    wrong = {
        call: defined[call]
        for call, number in here.numbers.items()
        if defined.get(call, number) != number
    }
    assert wrong == {}


def test_an_unknown_machine_is_named() -> None:
    with pytest.raises(UnknownMachine, match="x86_64 and aarch64, and this machine is riscv64"):
        machine("riscv64")

"""One family of errors, so that callers can catch what the stack refuses and nothing else."""

from __future__ import annotations

import harness.lifecycle as menu
from harness.lifecycle import LifecycleError, errors


def test_every_error_is_of_one_family_and_on_the_menu() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert len(kinds) == 11
    for kind in kinds:
        assert issubclass(kind, LifecycleError)
        assert getattr(menu, kind.__name__) is kind


def test_what_a_caller_passed_wrongly_is_a_value_error_too() -> None:
    assert issubclass(errors.MessageRefused, ValueError)
    assert issubclass(errors.SessionIdError, ValueError)
    assert not issubclass(errors.WindowFull, ValueError)


def test_a_store_that_does_not_answer_is_an_os_error_as_a_disk_would_give() -> None:
    assert issubclass(errors.StoreUnavailable, OSError)
    assert not issubclass(errors.NotDurable, OSError)

"""Work in a thread: its result, its error, and that several may ask."""

from __future__ import annotations

import threading

import pytest

from netspec.system.background import Background


def test_the_work_goes_on_beside_and_its_result_is_had_as_often_as_wanted() -> None:
    go = threading.Event()

    def work() -> threading.Thread:
        assert go.wait(60)
        return threading.current_thread()

    background = Background(work)
    go.set()
    thread = background.result()
    assert thread is background.result()
    assert thread is not threading.current_thread()
    assert thread.daemon


def test_its_error_is_raised_where_the_result_is_asked_for() -> None:
    def fail() -> None:
        raise ValueError("no")

    background = Background(fail)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            background.result()

"""Trimming, counting, restoring, appending and the bill, side by side with what people use.

`plan` is what is measured, as plain data; `groups` are the measurements, which are pytest modules
on pytest-benchmark (`pytest harness/bench/groups` runs them, too); `peers` are other people's
libraries, each behind its own documented call; `run` runs them, `goals` and `gates` judge, `report`
shows.
"""

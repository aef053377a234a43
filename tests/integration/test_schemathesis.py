"""The API keeps to its description: a share of `make api-check`, with a fixed seed."""

from __future__ import annotations

from pathlib import Path

from tests.api_check import check


def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    share = ("--seed=4", "--phases=examples,coverage,fuzzing", "--max-examples=5")
    found = check(tmp_path, *share)
    assert found.passed, found.output
    assert found.cases >= 300, found.output

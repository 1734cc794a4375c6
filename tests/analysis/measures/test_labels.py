"""Why pairs are lost, in words."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.measures.labels import condition_of, label_of, reasons

GROUP = pd.DataFrame(
    {
        "batch_size": [64, 16, 64, 16, 4],
        "depth": pd.array([2, 2, None, 6, 6], dtype="Int64"),
        "learning_rate": [1e-3, 1e-2, 1e-3, 1e-3, 1e-1],
        "lost": pd.array(["oom", "", "failed", "oom", ""], dtype="str"),
    }
)


def slowly(group: pd.DataFrame, column: str, varying: list[str]) -> str:
    """Say the same with groupby."""
    texts = []
    for reason, rows in group[group[column] != ""].groupby(column, sort=True):
        keys = rows[varying].itertuples(index=False, name=None)
        settings = [label_of(condition_of(varying, key), varying) for key in keys]
        texts.append(f"{reason} at {'; '.join(settings)}" if varying else str(reason))
    return ", ".join(texts)


@pytest.mark.parametrize(
    "varying", [[], ["batch_size"], ["learning_rate", "depth"], ["batch_size", "depth"]]
)
def test_reasons_stand_in_order_each_with_its_settings(varying: list[str]) -> None:
    assert reasons(GROUP, "lost", varying) == slowly(GROUP, "lost", varying)
    assert reasons(GROUP.iloc[:0], "lost", varying) == ""


def test_reasons_in_words() -> None:
    found = reasons(GROUP, "lost", ["batch_size", "depth"])
    assert found == (
        "failed at batch size 64, oom at batch size 64, depth 2; batch size 16, depth 6"
    )
    assert reasons(GROUP, "lost", []) == "failed, oom"

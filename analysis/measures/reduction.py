"""Many pairs of a seed → one: each arm reduced along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.measures.labels import match_columns, reasons
from analysis.measures.pairs import ARMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from analysis.contrasts import Values


def collapse(
    pairs: pd.DataFrame, over: str, reduce: Callable[[Values, Values], float]
) -> pd.DataFrame:
    """Reduce each arm over an axis, seed by seed: many pairs become one.

    Settings where either arm is undefined are left out of both; one lost value loses the seed.

    Parameters
    ----------
    pairs
        A pair table.
    over
        The axis.
    reduce
        (settings, values), rising in the setting, → one number; shapes (k,) and (k,).

    Returns
    -------
    pandas.DataFrame
        A pair table without that axis.
    """
    where = [c for c in match_columns(pairs) if c != over] + ["seed"]
    ordered = pairs.sort_values([*where, over], kind="stable", ignore_index=True)
    group = ordered.groupby(where, dropna=False, sort=True).ngroup()
    defined = _defined(ordered)
    first = ~group.duplicated()
    result = ordered.loc[first, where].set_index(group[first])
    used, used_group = ordered[defined], group[defined]
    # Settings that are names, such as initialisations, have their place in the order as a number.
    names = not pd.api.types.is_numeric_dtype(used[over])
    settings = (pd.factorize(used[over], sort=True)[0] if names else used[over]).astype(np.float64)
    settings = np.asarray(settings)
    slices = used_group.groupby(used_group).indices
    for side in ARMS:
        values = used[side].to_numpy(np.float64)
        reduced = {g: reduce(settings[at], values[at]) for g, at in slices.items()}
        result[side] = pd.Series(reduced, dtype="float64")
        result[f"{side}_censored"] = used[f"{side}_censored"].groupby(used_group).any()
        result[f"{side}_diverged"] = used[f"{side}_diverged"].groupby(used_group).sum()
        for what, rows in (("lost", used), ("undefined", ordered[~group.isin(slices)])):
            column = f"{side}_{what}"
            marked = rows[rows[column] != ""]
            result[column] = pd.Series(
                {g: reasons(r, column, [over]) for g, r in marked.groupby(group[marked.index])},
                dtype="str",
            )
            result[column] = result[column].fillna("")
        result[side] = result[side].where(result[f"{side}_lost"] == "")
        result[f"{side}_censored"] = result[f"{side}_censored"].eq(other=True)
        result[f"{side}_diverged"] = result[f"{side}_diverged"].fillna(0).astype("int64")
    return result.reset_index(drop=True)


def _defined(pairs: pd.DataFrame) -> pd.Series[bool]:
    return (pairs["treatment_undefined"] == "") & (pairs["control_undefined"] == "")

"""The store: one SQLite file a run, one writer, any number of readers.

Durability: journal DELETE with synchronous EXTRA and one transaction for each stack of trials, so a
trial that was acknowledged survives ``kill -9`` and a power cut, and one that was not leaves no
trace. The writer holds an advisory lock on ``<store>.lock`` for as long as it lives; the operating
system frees it when the process dies. Every stored trial, and every other table, has a checksum:
SQLite notices pages that make no sense, but not a digit that has become another one.
"""

from __future__ import annotations

from suite.store.reader import StoreReader, trial_from_json
from suite.store.schema import APPLICATION_ID, SCHEMA_VERSION, STORE_NAME
from suite.store.writer import StoreWriter

__all__ = [
    "APPLICATION_ID",
    "SCHEMA_VERSION",
    "STORE_NAME",
    "StoreReader",
    "StoreWriter",
    "trial_from_json",
]

"""Simulated data with a known truth through the very code that gives verdicts.

Whether a test keeps its level is a matter of measurement: :mod:`scenarios` makes the data,
:mod:`checks` and :mod:`whole_registry` count how often the verdict code is wrong, :mod:`table`
keeps the figures for the report. Run by ``python -m analysis.calibrate``.
"""

"""Kinds of figures that several claims share: a figure file gives the table, a kind draws it."""

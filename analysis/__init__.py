"""Judges the claims on what the suite stored; never trains and never imports torch."""

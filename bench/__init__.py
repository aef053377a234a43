"""Measurements, run as `python -m bench.<name>`; each compares its figures within one run."""

"""Operators along a time axis."""

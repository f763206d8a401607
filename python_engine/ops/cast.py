"""Changing dtypes."""

"""Sorting and ranking."""

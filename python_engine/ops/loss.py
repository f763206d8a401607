"""Heads and losses."""

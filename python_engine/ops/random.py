"""Samplers and the densities of their distributions."""

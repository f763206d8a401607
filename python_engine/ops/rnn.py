"""Fused recurrent layers."""

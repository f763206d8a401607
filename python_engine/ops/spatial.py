"""Samplers and transformers of images and feature maps."""

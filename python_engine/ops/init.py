"""Arrays made from nothing but a shape."""

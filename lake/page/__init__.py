"""The page: a lake as a static site that anyone can host."""

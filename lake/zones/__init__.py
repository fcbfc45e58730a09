"""The clean and the business zone: datasets that are built from what has landed."""

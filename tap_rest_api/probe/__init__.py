"""Turns the address of an endpoint into a configuration for it, by asking it a few things."""

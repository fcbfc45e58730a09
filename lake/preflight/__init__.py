"""Turns a configuration into what would keep its next run from succeeding."""

"""Turns an API's OpenAPI document into a configuration for it."""

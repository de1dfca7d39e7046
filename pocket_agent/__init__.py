"""Pocket Agent: a private assistant for one laptop that gets to know its person."""

__version__ = "0.1.0"

"""Simulated people: labelled conversations for training, made from hand-written text."""

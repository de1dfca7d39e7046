"""Measurements that run by hand: speed, and how much is remembered."""

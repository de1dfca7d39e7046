"""Measuring a policy on labelled turns, with intervals by bootstrap over people."""

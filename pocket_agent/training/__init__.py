"""The training module: people simulated, policies trained, judged and exported.

Offline: its libraries look things up on their hub unless told not to, which `pocket_agent` does
before any of them is imported.
"""

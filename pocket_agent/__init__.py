"""Pocket Agent: a private assistant for one laptop that gets to know its person."""

import os

__version__ = "0.1.0"

NO_NETWORK = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "DO_NOT_TRACK": "1",
}
"""What libraries read to know that they may look up and report nothing."""

# Here, because every process of ours imports this before any of those libraries, and its children
# take the environment over.
os.environ.update(NO_NETWORK)

"""The training module: people simulated, policies trained, judged and exported. Offline."""

import os

# Before any of their libraries is imported: they look things up on their hub unless told not to.
for _name in (
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_DATASETS_OFFLINE",
    "HF_HUB_DISABLE_TELEMETRY",
    "DO_NOT_TRACK",
):
    os.environ.setdefault(_name, "1")

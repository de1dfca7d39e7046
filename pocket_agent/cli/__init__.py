"""The command line. stdout is data, stderr is narration."""

from pocket_agent.cli.main import main

__all__ = ["main"]

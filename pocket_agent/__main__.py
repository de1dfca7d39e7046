"""`python -m pocket_agent` is `pocket-agent`."""

import sys

from pocket_agent.cli import main

if __name__ == "__main__":
    sys.exit(main())

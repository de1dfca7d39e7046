"""`python -m pocket_agent.training`, which is what `accelerate launch -m` needs."""

import sys

from pocket_agent.training.cli import main

sys.exit(main())

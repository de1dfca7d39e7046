"""`pocket-agent doctor`: is everything here that is needed, and does it work?"""

import argparse
from dataclasses import asdict

from pocket_agent.cli import options
from pocket_agent.cli.output import flush, one_line, put_json, put_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `doctor`."""
    parser.add_argument("--json", action="store_true", help="one object with every detail")
    parser.add_argument(
        "--offline",
        action="store_true",
        help="show that a chat is the same without a network, and that nothing tries to use it",
    )
    options.add_model(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Look at everything; 1 if anything is broken."""
    from pocket_agent.cli import checks

    findings = []
    look = checks.look_offline if arguments.offline else checks.look_at_all
    for found in look(arguments):
        findings.append(found)
        if not arguments.json:
            put_line(f"{'ok  ' if found.ok else 'FAIL'} {found.name}: {one_line(found.detail)}")
            flush()
    sound = all(found.ok for found in findings)
    if arguments.json:
        put_json({"ok": sound, "findings": [asdict(found) for found in findings]})
    return 0 if sound else 1

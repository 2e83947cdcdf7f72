"""Options of the scripts in Python that people run, in the form that those in bash
have.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import argparse
import sys
from pathlib import Path

from .qemutree import TOP


class Parser(argparse.ArgumentParser):
    """Tells what @doc, which is the script's, does; says in one line what is wrong
    with the words that the script was given."""

    def __init__(self, doc, **options):
        super().__init__(
            prog=str(Path(sys.argv[0]).resolve().relative_to(TOP)),
            description=doc.partition('\nSPDX-')[0].strip(),
            formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message):
        self.exit(2, f'error: {message}: see {self.prog} --help\n')

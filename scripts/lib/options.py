"""Options of the commands in Python, in the same form as in those in bash.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import argparse
import sys
from pathlib import Path

from .qemutree import TOP


class Parser(argparse.ArgumentParser):
    """A parser whose help is @doc, the script's docstring, and whose errors are one
    line."""

    def __init__(self, doc, **options):
        super().__init__(
            prog=str(Path(sys.argv[0]).resolve().relative_to(TOP)),
            description=doc.partition('\nSPDX-')[0].strip(),
            formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message):
        self.exit(2, f'error: {message}: see {self.prog} --help\n')

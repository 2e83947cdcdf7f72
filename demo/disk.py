"""
The second device of the demo: a disk backed by a shared object

SPDX-License-Identifier: GPL-2.0-or-later
"""

import re
import select
import subprocess

from backend import Backend
from guest import DemoError

ANSWER_TIME = 60


class Disk(Backend):
    """
    A run of vhost-user-uuid-disk

    @options are further arguments of the program.  Commands come from command(), or
    from the file @commands; their answers are then in the file @log.
    """

    def __init__(self, program, *options, commands=None, log=None):
        super().__init__('disk', program, *options,
                         stdin=commands or subprocess.PIPE,
                         stdout=log or subprocess.PIPE)

    def ask(self, line):
        """The program's answer to a command."""
        try:
            self.process.stdin.write(f'{line}\n'.encode())
            self.process.stdin.flush()
        except BrokenPipeError as err:
            raise DemoError('the disk has ended') from err
        readable, _, _ = select.select([self.process.stdout], [], [],
                                       ANSWER_TIME)
        answer = self.process.stdout.readline().decode() if readable else ''
        return answer.strip() or 'no answer'

    def command(self, line):
        """The program's answer to a command, which must succeed."""
        answer = self.ask(line)
        if not answer.startswith('ok'):
            raise DemoError(f"the disk's command '{line}' failed: {answer}")
        return answer

    def lookups(self):
        """How many lookups the disk has made."""
        return int(re.search(r'lookups=(\d+)', self.command('info'))[1])

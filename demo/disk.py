"""
The second device of the demo: a disk backed by a shared object

SPDX-License-Identifier: GPL-2.0-or-later
"""

import os
import re
import select
import shutil
import subprocess
import tempfile
import time

from guest import DemoError

ANSWER_TIME = 60
START_TIME = 30
ACCEPTS_CONNECTIONS = '00010000'


def listens(path):
    """Whether QEMU can connect: the socket exists before the program listens."""
    with open('/proc/net/unix', encoding='utf-8', errors='replace') as table:
        sockets = [line.split(maxsplit=7) for line in table]
    return any(len(fields) == 8 and fields[3] == ACCEPTS_CONNECTIONS and
               fields[7].rstrip('\n') == path for fields in sockets)


def shared_memory(megabytes):
    """QEMU's arguments for a guest whose memory other processes can map."""
    return ['-object',
            f'memory-backend-memfd,id=mem,size={megabytes}M,share=on',
            '-machine', 'memory-backend=mem']


class Disk:
    """
    A run of vhost-user-uuid-disk, as a context manager that ends it

    @options are further arguments of the program.  Start QEMU with arguments()
    inside the context.  Commands come from command(), or from the file @commands;
    their answers are then in the file @log.
    """

    def __init__(self, program, *options, commands=None, log=None):
        self.program = program
        self.options = options
        self.stdin = commands or subprocess.PIPE
        self.stdout = log or subprocess.PIPE
        self.folder = tempfile.mkdtemp(prefix='demo-disk-')
        self.socket = os.path.join(self.folder, 'socket')
        self.process = None

    def arguments(self, device, megabytes):
        """QEMU's arguments, for a guest with @megabytes of shared memory."""
        return [*shared_memory(megabytes),
                '-chardev', f'socket,id=disk,path={self.socket}',
                '-device', f'{device},id=disk,chardev=disk']

    def __enter__(self):
        try:
            self.process = subprocess.Popen(
                ['setpriv', '--pdeathsig', 'KILL', self.program,
                 *self.options, f'--socket-path={self.socket}'],
                stdin=self.stdin, stdout=self.stdout)
            end = time.monotonic() + START_TIME
            while not listens(self.socket):
                if self.process.poll() is not None or time.monotonic() > end:
                    raise DemoError(f'{self.program} did not start')
                time.sleep(0.01)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.communicate()
        shutil.rmtree(self.folder)

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

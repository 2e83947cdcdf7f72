"""
The vhost-user back-ends of the demo: start one, connect QEMU to it, and end it

SPDX-License-Identifier: GPL-2.0-or-later
"""

import os
import shutil
import subprocess
import tempfile
import time

from guest import DemoError

START_TIME = 30
EXIT_TIME = 60
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


class Backend:
    """
    A run of a back-end, as a context manager that ends it

    @name is the id of the device in QEMU; @options are further arguments of the
    program, and @streams its standard streams.  Start QEMU with arguments() inside
    the context.
    """

    def __init__(self, name, program, *options, **streams):
        self.name = name
        self.program = program
        self.options = options
        self.streams = streams
        self.folder = tempfile.mkdtemp(prefix=f'demo-{name}-')
        self.socket = os.path.join(self.folder, 'socket')
        self.process = None

    def arguments(self, device, megabytes):
        """QEMU's arguments, for a guest with @megabytes of shared memory."""
        return [*shared_memory(megabytes), *self.device(device)]

    def device(self, device):
        """QEMU's arguments, for a guest whose memory is shared already."""
        return ['-chardev', f'socket,id={self.name},path={self.socket}',
                '-device', f'{device},id={self.name},chardev={self.name}']

    def __enter__(self):
        try:
            self.process = subprocess.Popen(
                ['setpriv', '--pdeathsig', 'KILL', self.program,
                 *self.options, f'--socket-path={self.socket}'],
                **self.streams)
            end = time.monotonic() + START_TIME
            while not listens(self.socket):
                if self.process.poll() is not None or time.monotonic() > end:
                    raise DemoError(f'{self.program} did not start')
                time.sleep(0.01)
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait(self):
        """Wait until the program ends; it must end when QEMU ends."""
        try:
            status = self.process.wait(EXIT_TIME)
        except subprocess.TimeoutExpired as err:
            raise DemoError(f'{self.program} has not ended with QEMU') from err
        if status:
            raise DemoError(f'{self.program} exited with status {status}')

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.communicate()
        shutil.rmtree(self.folder)

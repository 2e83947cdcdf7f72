"""
The guest of the demo: start it, talk with it, never leave it behind

SPDX-License-Identifier: GPL-2.0-or-later
"""

import importlib
import logging
import os
import re
import signal
import sys
import time


MESSAGE = re.compile(r'DEMO: (Linux|screen|resource|uuid|no uuid:|ready|done|'
                     r'error:) ?(.*)')
HEARTBEAT = 10


class DemoError(Exception):
    """The demo has failed, and would fail again."""


class NoAnswer(DemoError):
    """The guest did not get there in time, as on a loaded machine."""


def say(text):
    print(text, flush=True)


def tail(path, count=20):
    """The last lines of a log, as far as there is one."""
    try:
        with open(path, encoding='utf-8', errors='replace') as log:
            return [line.rstrip() for line in log][-count:]
    except FileNotFoundError:
        return []


def qemu_library(directory):
    """QEMU's own Python library, from its source tree."""
    sys.path.insert(0, directory)
    logging.getLogger('qemu').setLevel(logging.CRITICAL)
    try:
        return importlib.import_module('qemu.machine.machine')
    except ImportError as err:
        raise DemoError(f'{directory} has no qemu.machine: {err}') from err


class Guest:
    """
    One run of the guest, as a context manager: QEMU has ended after it

    QEMU is killed after @limit seconds, so that nothing that waits for it, QMP
    included, waits any longer; NoAnswer is what then leaves the context.
    """

    def __init__(self, library, opts, accel, device, limit):
        self.library = library
        self.limit = limit
        self.late = False
        self.start = time.monotonic()
        self.serial = open(os.path.join(opts.out, 'serial.log'), 'wb')
        self.pending = b''
        # Even if this process is killed, QEMU ends.
        self.vm = library.QEMUMachine(
            opts.qemu, name='qemu', log_dir=opts.out,
            wrapper=('setpriv', '--pdeathsig', 'KILL'))
        self.vm.set_machine('q35')
        self.vm.set_console()
        self.vm.add_args(*self.arguments(opts, accel, device))

    @staticmethod
    def arguments(opts, accel, device):
        append = 'console=ttyS0 quiet loglevel=4 panic=-1'
        if accel == 'tcg':
            # The kernel may hang as it calibrates the TSC on a loaded host.
            append += ' tsc_early_khz=2000000'
        args = ['-nodefaults', '-no-reboot', '-m', '512', '-accel', accel,
                '-kernel', os.path.join(opts.guest, 'vmlinuz'),
                '-initrd', os.path.join(opts.guest, 'initramfs.cpio.gz'),
                '-append', append, '-device', device,
                '-D', os.path.join(opts.out, 'trace.log'),
                '-trace', 'enable=virtio_gpu_res_uuid*']
        for directory in opts.data_dir:
            args += ['-L', directory]
        return args

    def __enter__(self):
        signal.signal(signal.SIGALRM, self.time_is_over)
        signal.setitimer(signal.ITIMER_REAL, self.limit, 1)
        try:
            self.vm.launch()
        except BaseException as err:
            self.__exit__(type(err), err, None)
            if isinstance(err, self.library.VMLaunchFailure):
                output = (err.output or '').strip() or err.__cause__
                raise DemoError(f'QEMU did not start: {output}') from err
            raise
        return self

    def __exit__(self, _, err, __):
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.vm.kill()
        self.serial.close()
        if self.late and isinstance(err, Exception):
            raise NoAnswer(
                f'the guest was not done after {self.limit:.0f} s') from err

    def time_is_over(self, *_):
        self.late = True
        pid = self.vm.get_pid()
        if pid:
            os.kill(pid, signal.SIGKILL)

    def elapsed(self):
        return f'{time.monotonic() - self.start:5.0f} s'

    def lines(self):
        """The lines of the serial console, as they come."""
        self.vm.console_socket.settimeout(HEARTBEAT)
        while True:
            *complete, self.pending = self.pending.split(b'\n')
            for line in complete:
                yield line.decode(errors='replace').rstrip()
            try:
                data = self.vm.console_socket.recv(4096)
            except TimeoutError:
                say(f'{self.elapsed()}  waiting for the guest')
                continue
            if not data:
                raise DemoError('QEMU ended before the guest was done')
            self.serial.write(data)
            self.serial.flush()
            self.pending += data

    def listen(self, *last):
        """What the guest reports, by keyword, until it says one of @last."""
        said = {}
        for line in self.lines():
            match = MESSAGE.search(line)
            if not match:
                continue
            say(f'{self.elapsed()}  guest: {match[1]} {match[2]}')
            if match[1] == 'error:':
                raise DemoError(f'the guest failed: {match[2]}')
            said[match[1]] = match[2]
            if match[1] in last:
                return said

    def screendump(self, path):
        reply = self.vm.qmp('screendump', filename=path, device='gpu',
                            format='png')
        if 'error' in reply:
            raise DemoError(f'no screendump: {reply["error"]["desc"]}')

    def finish(self):
        """Let the guest power off, and QEMU end by itself."""
        self.vm.console_socket.sendall(b'done\n')
        self.listen('done')
        self.vm.wait(timeout=None)
        if self.vm.exitcode():
            raise DemoError(f'QEMU exited with status {self.vm.exitcode()}')

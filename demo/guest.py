"""
The guest of the demo: start it, exchange messages with it, and end it

SPDX-License-Identifier: GPL-2.0-or-later
"""

import contextlib
import glob
import importlib
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from types import SimpleNamespace


MESSAGE = re.compile(r'DEMO: (Linux|screen|resource|uuid|no uuid:|ready|done|'
                     r'shared|shown|drawn|backing|disk|film|streaming|played|ended|'
                     r'captured|'
                     r'error:) ?(.*)')
MEGABYTES = 512
HEARTBEAT = 10
POLL = 0.2


class DemoError(Exception):
    """The demo has failed, and another try would fail too."""


class NoAnswer(DemoError):
    """The guest did not finish in time, for example on a busy machine."""


def say(text):
    print(text, flush=True)


def tail(path, count=20):
    """The last lines of a log; none if there is no log."""
    try:
        with open(path, encoding='utf-8', errors='replace') as log:
            return [line.rstrip() for line in log][-count:]
    except FileNotFoundError:
        return []


def qemu_library(directory):
    """QEMU's own Python library, from its source tree.  QEMU 11.1 has one part of the
    library, qemu.qmp, in a wheel."""
    logging.getLogger('qemu').setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as unpacked:
        for wheel in glob.glob(f'{directory}/wheels/qemu?qmp-*.whl'):
            shutil.unpack_archive(wheel, unpacked, 'zip')
        sys.path[:0] = [directory, unpacked]
        try:
            machine = importlib.import_module('qemu.machine.machine')
            qmp = importlib.import_module('qemu.qmp')
        except ImportError as err:
            raise DemoError(f'{directory} has no qemu.machine: {err}') from err
    return SimpleNamespace(Machine=machine.QEMUMachine,
                           LaunchFailure=machine.VMLaunchFailure,
                           QMPError=qmp.QMPError)


def machine(opts):
    return 'microvm' if opts.mmio else 'q35'


def has_camera(opts):
    """Whether there is a video capture, whose frames are checked on the screen."""
    return opts.media and not opts.gl and not opts.blob


def program(opts):
    """Kernel arguments that tell the guest's init which program to run."""
    if opts.media:
        return 'demo=film demo=camera' if has_camera(opts) else 'demo=film'
    return 'demo=blob' if opts.blob else ''


def arguments(opts, accel, device, out, append=''):
    """QEMU's arguments, except those for the serial console; @append is for the
    kernel's command line."""
    append = f'console=ttyS0 quiet loglevel=4 panic=-1 {append}'
    if accel == 'tcg':
        # The kernel may hang when it calibrates the TSC on a busy host.
        append += ' tsc_early_khz=2000000'
    args = ['-nodefaults', '-no-reboot', '-m', f'{MEGABYTES}', '-accel', accel,
            '-kernel', os.path.join(opts.guest, 'vmlinuz'),
            '-initrd', os.path.join(opts.guest, 'initramfs.cpio.gz'),
            '-append', append, '-device', device,
            '-D', os.path.join(out, 'trace.log'),
            '-trace', 'enable=virtio_gpu_res_uuid*',
            '-trace', 'enable=virtio_export_lookup*']
    if opts.gl:
        args += ['-display', 'sdl,gl=on']
    if opts.mmio:
        # Linux's driver rejects devices older than virtio 1.0.  SeaBIOS reads
        # the disk into memory that QEMU does not share with vhost-user back-ends.
        args += ['-global', 'virtio-mmio.force-legacy=off',
                 '-bios', 'qboot.rom']
    for directory in opts.data_dir:
        args += ['-L', directory]
    return args


class Guest:
    """
    One run of QEMU with the guest, as a context manager that ends QEMU

    The logs are in the folder @out; @args are more arguments for QEMU.  QEMU is
    killed after @limit seconds, which also ends a QMP command that waits for it; the
    context then raises NoAnswer.
    """

    def __init__(self, library, opts, accel, device, limit, out, *args):
        self.library = library
        self.out = out
        self.limit = limit
        self.late = False
        self.dumps = 0
        self.start = time.monotonic()
        os.makedirs(out, exist_ok=True)
        self.serial = open(os.path.join(out, 'serial.log'), 'wb')
        self.pending = b''
        # QEMU ends even if this process is killed.
        self.vm = library.Machine(
            opts.qemu, name='qemu', log_dir=out,
            wrapper=('setpriv', '--pdeathsig', 'KILL'))
        self.vm.set_machine(machine(opts))
        self.vm.set_console()
        self.vm.add_args(*arguments(opts, accel, device, out, program(opts)),
                         *args)

    def __enter__(self):
        signal.signal(signal.SIGALRM, self.time_is_over)
        signal.setitimer(signal.ITIMER_REAL, self.limit, 1)
        try:
            self.vm.launch()
        except BaseException as err:
            self.__exit__(type(err), err, None)
            if isinstance(err, self.library.LaunchFailure):
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
                f'the guest did not finish in {self.limit:.0f} s') from err

    def time_is_over(self, *_):
        self.late = True
        pid = self.vm.get_pid()
        if pid:
            os.kill(pid, signal.SIGKILL)

    def elapsed(self):
        return f'{time.monotonic() - self.start:5.0f} s'

    def lines(self):
        """The lines of the serial console, one by one."""
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
                raise DemoError('QEMU ended before the guest had finished')
            self.serial.write(data)
            self.serial.flush()
            self.pending += data

    def listen(self, *last):
        """What the guest reports, by keyword, up to a report of one of @last."""
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

    def tell(self, word, *answer):
        """Send the guest a line; return its reports, as listen() does."""
        with contextlib.suppress(BrokenPipeError):  # listen() reports it
            self.vm.console_socket.sendall(f'{word}\n'.encode())
        return self.listen(*answer)

    def command(self, name, **arguments):
        """Execute a QMP command; return its result."""
        try:
            return self.vm.cmd(name, **arguments)
        except self.library.QMPError as err:
            raise DemoError(f"the QMP command '{name}' failed: {err}") from err

    def screendump(self, path):
        self.command('screendump', filename=path, device='gpu', format='png')

    def dump(self, uuid, path):
        self.command('x-virtio-export-dump', uuid=uuid, filename=path)
        self.dumps += 1

    def migrate(self, name, path, **arguments):
        """Execute a QMP command that starts a migration; wait for its end."""
        self.command(name, uri=f'file:{path}', **arguments)
        while True:
            info = self.command('query-migrate')
            status = info.get('status')
            if status == 'completed':
                return
            if status in ('failed', 'cancelled'):
                reason = info.get('error-desc', 'no reason given')
                raise DemoError(f"'{name}' {status}: {reason}")
            time.sleep(POLL)

    def save(self, path):
        """Stop the guest, save it to a file, and end QEMU."""
        self.command('stop')
        self.migrate('migrate', path)
        size = os.path.getsize(path)
        say(f'{self.elapsed()}  saved: {size / 1e6:.0f} MB')
        self.command('quit')
        self.wait()

    def restore(self, path):
        """Restore a guest from a file. The guest stays stopped until go_on()."""
        self.migrate('migrate-incoming', path, exit_on_error=False)
        if self.command('query-status')['running']:
            raise DemoError('the restored guest runs, although it was saved stopped')
        say(f'{self.elapsed()}  restored in a new QEMU')

    def go_on(self):
        self.command('cont')

    def finish(self):
        """Make the guest power off, and wait until QEMU ends."""
        self.tell('done', 'done')
        self.wait()

    def wait(self):
        """Wait until QEMU ends; its exit status must be 0."""
        self.vm.wait(timeout=None)
        if self.vm.exitcode():
            raise DemoError(f'QEMU exited with status {self.vm.exitcode()}')

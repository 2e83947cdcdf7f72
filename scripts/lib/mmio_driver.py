"""QEMU's microvm with one virtio device, and a driver of that device, for tests.

Written from the virtio specification and docs/devel/testing/qtest.rst.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import importlib
import struct
import sys
import time

from .qemutree import TOP

sys.path.insert(0, str(TOP / 'demo'))
guest = importlib.import_module('guest')

BASE, BUS = 0xfeb00000, 'virtio-mmio-bus.0'
(FEATURES, FEATURES_WORD, ACCEPTED, ACCEPTED_WORD, QUEUE, QUEUE_SIZE, QUEUE_READY,
 NOTIFY, STATUS, QUEUE_DESC, QUEUE_AVAIL, QUEUE_USED) = (
    0x10, 0x14, 0x20, 0x24, 0x30, 0x38, 0x44, 0x50, 0x70, 0x80, 0x90, 0xa0)
ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK = 1, 2, 4, 8
F_VERSION_1 = 1 << 32
RINGS, RINGS_OF_QUEUE = 0x100000, 0x10000
DESC, AVAIL, USED, REQUEST, REPLY = 0, 0x1000, 0x2000, 0x3000, 0x4000
LENGTH = 16
NEXT, WRITE = 1, 2
DIES_WITH_PARENT = ['setpriv', '--pdeathsig', 'KILL']
MEMORY = ['-object', 'memory-backend-memfd,id=mem,size=64M,share=on', '-m', '64M']


class Microvm:
    """The QEMU of @build runs under the command @wrapper, with a device on BUS that
    @device describes, a list of QEMU's options.  @machine is QEMU's own class."""

    def __init__(self, stack, build, device, wrapper=()):
        guest.qemu_library(str(build.parent / 'src/python'))
        qtest = importlib.import_module('qemu.machine.qtest')
        self.machine = qtest.QEMUQtestMachine(
            str(build / 'qemu-system-x86_64'),
            ['-nodefaults', '-machine', 'microvm,memory-backend=mem', *MEMORY,
             '-global', 'virtio-mmio.force-legacy=off', '-qtest-log', '/dev/null',
             *device], [*DIES_WITH_PARENT, *wrapper, *DIES_WITH_PARENT])
        stack.callback(self.machine.kill)
        self.machine.launch()

    def restart(self):
        self.machine.cmd('stop')
        self.machine.cmd('cont')

    def migrate(self):
        """Migrate to nowhere, which stops the guest."""
        self.machine.cmd('migrate', uri='exec:cat >/dev/null')
        while (status := self.machine.cmd('query-migrate')['status']) != 'completed':
            assert status != 'failed', self.machine.cmd('query-migrate')
            time.sleep(0.01)

    def quit(self):
        self.machine.shutdown()
        assert self.machine.exitcode() == 0, self.machine.get_log()

    def ask(self, *words):
        said = self.machine.qtest(' '.join(str(word) for word in words))
        status, *values = said.split() or ['QEMU has ended']
        assert status == 'OK', (words, status, values)
        return values[0] if values else None

    def set(self, register, value):
        self.ask('writel', BASE + register, value)

    def get(self, register):
        return int(self.ask('readl', BASE + register), 0)

    def write(self, address, data):
        self.ask('write', address, len(data), '0x' + data.hex())

    def read(self, address, size):
        return bytes.fromhex(self.ask('read', address, size)[2:])

    def start(self, features, queues, used=USED, content=b''):
        """Reset the device, accept those of @features that it has, and start it with
        @queues, a number.  @used is the place of the used ring; @content is that of
        a queue at the start."""
        features |= F_VERSION_1
        self.set(STATUS, 0)
        self.set(STATUS, ACKNOWLEDGE | DRIVER)
        for word in 0, 1:
            self.set(FEATURES_WORD, word)
            self.set(ACCEPTED_WORD, word)
            self.set(ACCEPTED, self.get(FEATURES) & features >> 32 * word)
        self.set(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK)
        self.seen = [0] * queues
        for queue in range(queues):
            rings = RINGS + queue * RINGS_OF_QUEUE
            self.write(rings, content.ljust(REQUEST, bytes(1)))
            self.set(QUEUE, queue)
            self.set(QUEUE_SIZE, LENGTH)
            for register, ring in ((QUEUE_DESC, DESC), (QUEUE_AVAIL, AVAIL),
                                   (QUEUE_USED, used)):
                self.set(register, rings + ring)
                self.set(register + 4, 0)
            self.set(QUEUE_READY, 1)
        self.set(STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)

    def offer(self, queue, data, room):
        """Make a request with @data and, unless @room is 0, a buffer for the reply.
        Only one request can be in the queue."""
        rings = RINGS + queue * RINGS_OF_QUEUE
        self.write(rings + REQUEST, data + bytes(1))
        parts = [(rings + REQUEST, len(data), 0)] * bool(data)
        parts += [(rings + REPLY, room, WRITE)] * bool(room)
        for i, (address, size, flags) in enumerate(parts):
            more = NEXT * (i + 1 < len(parts))
            self.write(rings + DESC + 16 * i,
                       struct.pack('<QIHH', address, size, flags | more, i + 1))
        index = self.seen[queue]
        self.write(rings + AVAIL + 4 + 2 * (index % LENGTH), bytes(2))
        self.write(rings + AVAIL + 2, struct.pack('<H', index + 1))
        self.set(NOTIFY, queue)

    def has_replied(self, queue):
        """Whether the device has used the request that offer() has made."""
        used = self.read(RINGS + queue * RINGS_OF_QUEUE + USED + 2, 2)
        return used == struct.pack('<H', self.seen[queue] + 1)

    def reply(self, queue, room):
        """What the device has written for the request that offer() has made."""
        while not self.has_replied(queue):
            time.sleep(0.01)
        self.seen[queue] += 1
        rings = RINGS + queue * RINGS_OF_QUEUE
        return self.read(rings + REPLY, room) if room else b''

    def request(self, queue, data, room):
        self.offer(queue, data, room)
        return self.reply(queue, room)

"""A proxy that records the messages between QEMU and a vhost-user back-end.

Written from docs/interop/vhost-user.rst.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import os
import re
import socket
import struct
import threading
import time

HEAD = struct.Struct('<III')
REGION = struct.Struct('<QQQQ')     # guest address, size, user address, offset
MAX_FDS = 16
FRONT_END, BACK_END = "QEMU's requests", "the back-end's replies"
CHANNEL, CHANNEL_REPLIES = "the back-end's requests", "QEMU's replies"


def names_in(source, enum):
    """{number: name} of the requests in @enum of vhost-user.c, whose text is
    @source."""
    body = re.search(rf'^typedef enum {enum} \{{(.*?)^\}}', source, re.S | re.M)[1]
    return {int(number): name
            for name, number in re.findall(r'VHOST_USER_(\w+) = (\d+)', body)}


def connected(path):
    """A connection to @path, where the back-end may not listen yet."""
    while True:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(path)
            return sock
        except (FileNotFoundError, ConnectionRefusedError):
            sock.close()
            time.sleep(0.05)


def shut_down(sock):
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:     # the other side was faster
        pass


class Recorder:
    """QEMU connects to the socket @path, and is connected to the back-end that listens
    at @back_end; @source is the text of QEMU's vhost-user.c.

    @messages has a list of lines for each direction of the connection, and of the
    channel that QEMU hands over with SET_BACKEND_REQ_FD.
    """

    def __init__(self, stack, path, back_end, source):
        self.back_end, self.pumps, self.sockets, self.regions = back_end, [], [], []
        front = names_in(source, 'VhostUserRequest')
        back = names_in(source, 'VhostUserBackendRequest')
        self.names = {FRONT_END: front, BACK_END: front,
                      CHANNEL: back, CHANNEL_REPLIES: back}
        self.messages = {direction: [] for direction in self.names}
        self.listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        self.listener.bind(path)
        self.listener.listen()
        stack.callback(self.close)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                front, _ = self.listener.accept()
            except OSError:
                return
            self.messages[FRONT_END].append('connection')
            self.connect(front, connected(self.back_end), FRONT_END, BACK_END)

    def connect(self, asking, asked, requests, replies):
        """Forward @requests from @asking to @asked, and the @replies."""
        self.sockets += asking, asked
        for pump in (threading.Thread(target=self.forward, args=words, daemon=True)
                     for words in ((asking, asked, requests),
                                   (asked, asking, replies))):
            self.pumps.append(pump)
            pump.start()

    def forward(self, source, sink, direction):
        try:
            while self.forward_message(source, sink, direction):
                pass
        except OSError:     # of a connection that the other side has closed
            pass
        shut_down(source)
        shut_down(sink)

    def forward_message(self, source, sink, direction):
        head, fds, _, _ = socket.recv_fds(source, HEAD.size, MAX_FDS,
                                          socket.MSG_WAITALL)
        if len(head) < HEAD.size:
            return False
        request, flags, size = HEAD.unpack(head)
        payload = source.recv(size, socket.MSG_WAITALL) if size else b''
        name = self.names[direction].get(request, request)
        if direction == FRONT_END:
            self.learn_regions(name, payload)
        self.messages[direction].append(
            f'{name} flags {flags:#x} size {size} fds {len(fds)} '
            f'{self.without_addresses(payload).hex()}')
        if name == 'SET_BACKEND_REQ_FD' and fds:
            fds = [self.replace_channel(*fds)]
        socket.send_fds(sink, [head + payload], fds)
        for fd in fds:
            os.close(fd)
        return True

    def replace_channel(self, fd):
        """Forward what is sent over QEMU's @fd; the descriptor for the back-end."""
        ours, theirs = socket.socketpair()
        self.connect(ours, socket.socket(fileno=fd), CHANNEL, CHANNEL_REPLIES)
        return theirs.detach()

    def learn_regions(self, name, payload):
        if name == 'SET_MEM_TABLE':
            self.regions = []
        if name in ('SET_MEM_TABLE', 'ADD_MEM_REG'):
            self.regions += REGION.iter_unpack(payload[8:])

    def without_addresses(self, payload):
        """@payload with guest addresses in place of QEMU's own addresses."""
        words = [payload[i:i + 8] for i in range(0, len(payload), 8)]
        for i, word in enumerate(words):
            value = int.from_bytes(word, 'little')
            for guest, size, user, _ in self.regions:
                if len(word) == 8 and user <= value < user + size:
                    words[i] = struct.pack('<Q', value - user + guest)
        return b''.join(words)

    def close(self):
        """End the connections, as if the back-end had died."""
        for sock in self.sockets:
            shut_down(sock)
        self.finish()

    def reconnect(self):
        """Close the connection, and return while or after QEMU starts the device on the
        next one."""
        self.close()
        requests = self.messages[FRONT_END]
        end = len(requests)
        while not any(line.startswith('SET_VRING_KICK ') for line in requests[end:]):
            time.sleep(0.01)

    def finish(self):
        """Wait until all messages of connections that have ended are recorded."""
        for pump in self.pumps:
            pump.join()
        for sock in self.sockets:
            sock.close()
        self.pumps, self.sockets = [], []

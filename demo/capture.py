"""
The steps of the demo with a video capture: GStreamer's test picture lands in a buffer
of the GPU

Each step prints a line, and fails if the result is not as expected.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import os
import subprocess
import time

from backend import Backend
from checks import is_equal, report
from guest import DemoError, say
from story import step

CAPTURED = 'captured.png'
SENT = 'sent.rgb'
COUNT = 10
TRIES = 10
# The colour bars at the top of the picture, from left to right
BARS = ((255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255),
        (255, 0, 0), (0, 0, 255))
# The guest gets the same frames as the file
PIPELINE = (f'videotestsrc pattern=smpte num-buffers={COUNT} ! tee name=frames ! queue ! '
            'videoconvert ! video/x-raw,format=RGB ! filesink location={sent} '
            'frames. ! queue')


class Camera(Backend):
    """A run of vhost-user-media, which sends a test picture to the guest, and writes it
    to a file in the folder @out."""

    def __init__(self, program, out):
        self.path = os.path.join(out, SENT)
        super().__init__('camera', program, '--capture', '--pipeline',
                         PIPELINE.format(sent=self.path), stdin=subprocess.DEVNULL)

    def last_frame(self, size):
        """The last of the frames that were sent, of @size bytes each; the end of the
        stream is also the end of the file."""
        with open(self.path, 'rb') as file:
            data = file.read()
        os.remove(self.path)
        if len(data) != COUNT * size:
            raise DemoError(f'{COUNT} frames have {len(data)} bytes, not {COUNT * size}')
        return data[-size:]


class Capture:
    """The steps, for the buffer on the screen of @guest; @said is what it reports."""

    def __init__(self, guest, camera, said):
        self.guest = guest
        self.camera = camera
        self.width, self.height = (int(n) for n in said['screen'].split('x'))

    def check_bars(self, picture):
        """Check the first row, so that an empty picture fails."""
        edges = [self.width * number // len(BARS) for number in range(len(BARS) + 1)]
        row = b''.join(bytes(bar) * (end - start) for bar, start, end in
                       zip(BARS, edges, edges[1:]))
        if picture[:3 * self.width] != row:
            raise DemoError("the camera's picture does not begin with colour bars")

    def check_screen(self, tries):
        """Check that the screen shows the last frame, in one of @tries."""
        path = os.path.join(self.guest.out, CAPTURED)
        picture = self.camera.last_frame(3 * self.width * self.height)
        self.check_bars(picture)
        expected = (self.width, self.height), picture
        for left in reversed(range(tries)):
            self.guest.screendump(path)
            equal = is_equal(path, 'screen', 'test picture', expected)
            if equal == self.width * self.height:
                break
            time.sleep(min(left, 1))
        report(path, 'screen', 'test picture', equal, expected)

    def capture(self, word):
        """Let the guest capture frames; return its reports."""
        said = self.guest.tell(word, 'captured')
        if int(said['captured']) != COUNT:
            raise DemoError(f'the guest has captured {said["captured"]} frames, not '
                            f'{COUNT}')
        return said

    def tell(self):
        step("GStreamer's test picture is captured into the buffer on the screen, by its "
             'UUID: the guest transfers nothing')
        said = self.capture('capture')
        self.check_screen(tries=1)
        if int(said['backing']) != self.width * self.height:
            raise DemoError("the guest's backing has changed")
        say("backing:      the guest's own picture")

        step("the guest captures it into a program's memory, and shows a copy")
        self.capture('capture-pages')
        self.check_screen(TRIES)

"""
The steps of the demo with a video output: a GStreamer pipeline records a film that the
guest draws

Each step prints a line, and fails if the result is not as expected.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import os
import re
import subprocess
import time

from backend import Backend
from checks import equal_pixels, expected_pixels, traced_uuids
from guest import DemoError, say
from story import draw_strip, step

FILM = 'film.webm'
FRAMES = 'film.rgb'
STRIP = 'media.png'
# The frames in STRIP, from left to right
SCENES = (0, 11, 22, 33)
# The columns that the picture moves per frame, and the buffers: see guest-film.c
STEP = 7
BUFFERS = 4
PAGES = 30
ROUNDS = 10
ROUND = 100
FRAME_TIME = 60
WEBM = b'\x1a\x45\xdf\xa3'
LOOKUP = re.compile(r'virtio_export_lookup (\S+): ')
STRIDE = re.compile(r'virtio_export_lookup \S+: .* stride (\d+),')
BOTTOM_UP = 'virtio_export_lookup_bottom_up '
# Record the frames without loss for the comparison, and as a film in WebM
PIPELINE = ('videoflip video-direction=auto ! tee name=frames ! '
            'queue ! videoconvert ! video/x-raw,format=RGB ! '
            'filesink location={frames} append=true buffer-mode=unbuffered '
            'frames. ! queue ! videoconvert ! vp8enc deadline=1 ! webmmux ! '
            'filesink location={film}')


class Recorder(Backend):
    """A run of vhost-user-media, which records frames in the folder @out."""

    def __init__(self, program, out):
        self.paths = {'frames': os.path.join(out, FRAMES),
                      'film': os.path.join(out, FILM)}
        super().__init__('video', program, '--output', '--pipeline',
                         PIPELINE.format(**self.paths),
                         stdin=subprocess.DEVNULL)

    def take(self, size):
        """The frames that were recorded since the last call: @size bytes."""
        path = self.paths['frames']
        end = time.monotonic() + FRAME_TIME
        # A buffer returns to the guest before the last element has its frame.
        while not os.path.exists(path) or os.path.getsize(path) < size:
            if time.monotonic() > end:
                raise DemoError(f'the back-end has not recorded {size} bytes in '
                                f'{FRAME_TIME} s')
            time.sleep(0.01)
        with open(path, 'rb') as file:
            data = file.read()
        os.truncate(path, 0)
        if len(data) != size:
            raise DemoError(f'the back-end has recorded {len(data)} bytes, not '
                            f'{size}')
        return data

    def forget(self):
        """Wait until the pipeline has closed its files; delete the recorded frames."""
        folder = f'/proc/{self.process.pid}/fd'
        end = time.monotonic() + FRAME_TIME
        while any(os.path.realpath(f'{folder}/{fd}') in self.paths.values()
                  for fd in os.listdir(folder)):
            if time.monotonic() > end:
                raise DemoError('the pipeline has not ended')
            time.sleep(0.01)
        if os.path.exists(self.paths['frames']):
            os.truncate(self.paths['frames'], 0)

    def finish(self):
        """Wait until the program ends; remove the file of frames, which is empty."""
        self.wait()
        os.remove(self.paths['frames'])


class Film:
    """The steps, for the film that @guest plays and @recorder records."""

    def __init__(self, opts, guest, recorder, said):
        self.opts = opts
        self.guest = guest
        self.recorder = recorder
        self.out = guest.out
        self.processes = {'QEMU': guest.vm.get_pid(),
                          'back-end': recorder.process.pid}
        (self.width, self.height), picture = expected_pixels(
            opts, said['film'], 'picture')
        self.pitch = self.width * 3
        self.rows = [picture[at:at + self.pitch]
                     for at in range(0, len(picture), self.pitch)]
        self.number = 0
        self.pictures = []

    def expected(self, number):
        """A frame of the film: the picture has moved to the left."""
        at = number * STEP % self.width * 3
        return b''.join(row[at:] + row[:at] for row in self.rows)

    def check_frame(self, frame):
        equal = equal_pixels(self.expected(self.number), frame)
        count = self.width * self.height
        if equal != count:
            raise DemoError(f'{equal} of {count} pixels of frame {self.number} '
                            'are equal')
        self.number += 1

    def begin(self, memory):
        self.guest.tell(memory, 'streaming')
        self.number = 0

    def play(self, count):
        """Let the guest play frames, and check each; return the frames."""
        self.guest.tell(f'play {count}', 'played')
        size = self.pitch * self.height
        data = self.recorder.take(count * size)
        frames = [data[at:at + size] for at in range(0, len(data), size)]
        for frame in frames:
            self.check_frame(frame)
        return frames

    def descriptors(self):
        return {name: len(os.listdir(f'/proc/{pid}/fd'))
                for name, pid in self.processes.items()}

    def check_descriptors(self, before):
        """Check that no process has more open files than @before; return how many."""
        end = time.monotonic() + FRAME_TIME
        # A process closes the files of the last frame after it has returned the buffer.
        while True:
            now = self.descriptors()
            if all(now[name] <= before[name] for name in now):
                return now
            if time.monotonic() > end:
                raise DemoError(f'there were {before} open files, and after '
                                f'{ROUND} more frames there are {now}')
            time.sleep(0.01)

    def misuse(self):
        step('a program misuses the video output')
        self.guest.tell('misuse', 'ended')
        self.recorder.forget()
        say('misuse:       the pipeline fails, Linux does not warn')

    def play_pages(self):
        step("the guest queues frames in pages of a program's memory")
        self.begin('pages')
        self.play(PAGES)
        self.guest.tell('end', 'ended')
        say(f'pages:        {PAGES} of {PAGES} frames equal')

    def play_objects(self):
        step("the guest queues frames in the GPU's resources, by their UUIDs")
        self.begin('objects')
        frames = self.play(ROUND)
        self.pictures = [frames[number] for number in SCENES]
        files = self.descriptors()
        for _ in range(1, ROUNDS):
            self.play(ROUND)
            files = self.check_descriptors(files)
        self.guest.tell('end', 'ended')
        total = ROUND * ROUNDS
        say(f'objects:      {total} of {total} frames equal')
        say('open files:   ' + ', '.join(f'{name} {count}' for name, count in
                                         files.items()) +
            f', not more than after {ROUND} frames')

    def tell(self):
        self.misuse()
        self.play_pages()
        self.play_objects()

    def check_trace(self, others):
        """Check that QEMU traced one lookup of each buffer's UUID; the film has BUFFERS
        buffers, and there are @others more."""
        with open(os.path.join(self.out, 'trace.log'), encoding='utf-8') as log:
            found = LOOKUP.findall(log.read())
        assigned = [uuid for _, _, uuid in traced_uuids(self.guest)]
        if len(assigned) != BUFFERS + others or sorted(found) != sorted(assigned):
            raise DemoError(f'QEMU traced the UUIDs {assigned}, and lookups of '
                            f'{found}')
        say(f'lookups:      {len(found)}, one per buffer')

    def check_layouts(self):
        """Check that textures have layouts that the guest could not have guessed, and
        that QEMU knows no layout of blobs."""
        with open(os.path.join(self.out, 'trace.log'), encoding='utf-8') as log:
            trace = log.read()
        strides = [int(stride) for stride in STRIDE.findall(trace)]
        turned = trace.count(BOTTOM_UP)
        say(f'strides:      {strides}, in the guest {self.width * 4}; {turned} of '
            'the buffers are bottom-up')
        if self.opts.gl:
            right = min(strides) > self.width * 4 and turned == BUFFERS // 2
        else:
            right = not self.opts.blob or not any(strides)
        if not right:
            raise DemoError('the traced layouts do not match the buffers')

    def check_film(self):
        path = self.recorder.paths['film']
        with open(path, 'rb') as film:
            if film.read(len(WEBM)) != WEBM:
                raise DemoError(f'{path} is not a WebM file')
        say(f'the film:     {path}')

    def draw(self):
        """Write some of the recorded frames side by side into STRIP."""
        path = os.path.join(self.out, STRIP)
        header = f'P6\n{self.width} {self.height}\n255\n'.encode()
        draw_strip([header + picture for picture in self.pictures], path)
        say(f'the strip:    {path}')

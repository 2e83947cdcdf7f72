"""
The story of the demo: a buffer of the GPU is a second device's memory

Each step is shown in a line, and fails if it is not so.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import os
import re
import subprocess

from checks import check_pixels, check_screen, expected_pixels
from guest import DemoError, say

STORY = 'story.png'
DRAWN = 'drawn.png'
CHANGED = 'changed.png'
# Where the pictures lie in STORY, from left to right
SCENES = (DRAWN, CHANGED, 'painted.png', 'overwritten.png')
WIDTH = 320
MAPPING = 'mapping.png'
KEPT = 'kept.png'


def step(text):
    say(f'--- {text}')


class Story:
    """What happens to one buffer of @guest that @disk shares."""

    def __init__(self, opts, guest, disk, said):
        self.opts = opts
        self.guest = guest
        self.disk = disk
        self.screen = said['screen']
        self.uuid = said['uuid']
        self.width, self.height = (int(n) for n in self.screen.split('x'))
        disk.command(f'picture {self.width} {self.height} XR24')

    def path(self, name):
        return os.path.join(self.guest.out, name)

    def check_disk(self, what, name):
        """The back-end's own mapping shows @what; keep it as a PNG."""
        path = self.path(name)
        self.disk.command(f'png {path}')
        check_pixels(path, what, 'mapping',
                     expected_pixels(self.opts, self.screen, what))

    def check_guest(self, backing, equal):
        """What the guest sees: its buffer, and the disk against it."""
        said = self.guest.tell('compare', 'disk')
        if (int(said['backing']), int(said['disk'])) != (backing, equal):
            raise DemoError(f'the guest found {said["backing"]} pixels of its '
                            f'buffer as drawn, and {said["disk"]} on the disk;'
                            f' not {backing} and {equal}')

    def show_exports(self):
        """The monitor's table has the shared buffer, as it is."""
        table = self.guest.command('human-monitor-command', **{
            'command-line': 'info virtio-exports'})
        for line in table.splitlines():
            say(f'    {line}')
        row = f'{self.uuid} .* {self.screen} XR24 '
        if not re.search(row, table):
            raise DemoError(f'{row} is not what the monitor tells')

    def check_dump(self, what, name):
        """The monitor writes @what, as it is behind the UUID, to a PNG."""
        path = self.path(name)
        self.guest.dump(self.uuid, path)
        check_pixels(path, what, 'object',
                     expected_pixels(self.opts, self.screen, what))

    def invert_half(self):
        """The back-end paints; the screen has it with no word of the guest."""
        self.disk.command(f'invert 0 0 {self.width // 2} {self.height}')
        check_screen(self.opts, self.guest, self.screen, 'half', SCENES[2],
                     tries=1)

    def share_a_copy(self, pixels):
        """The device's memory is not the guest's: transfers go between."""
        step('the back-end inverts the left half: the screen shows it, '
             "the guest's backing does not have it")
        self.invert_half()
        self.check_guest(pixels, pixels // 2)

        step("the guest's next transfer overwrites what the back-end wrote")
        self.guest.tell('transfer', 'shown')
        check_screen(self.opts, self.guest, self.screen, 'negative',
                     'negative.png')
        self.check_disk('negative', MAPPING)
        self.check_guest(pixels, pixels)

    def share_a_blob(self, pixels):
        """The guest, the device and the disk have the very same memory."""
        step('the back-end inverts the left half: the screen shows it, '
             'and the guest has it in its own memory')
        self.invert_half()
        self.check_guest(pixels // 2, pixels)

        step('the guest shows the blob again: nothing is overwritten')
        self.guest.tell('transfer', 'shown')
        check_screen(self.opts, self.guest, self.screen, 'half', KEPT)
        self.check_disk('half', MAPPING)
        self.check_guest(pixels // 2, pixels)

        step('the guest draws the negative, and tells the device nothing: '
             'screen and disk have it')
        self.guest.tell('draw', 'drawn')
        check_screen(self.opts, self.guest, self.screen, 'negative',
                     'negative.png', tries=1)
        self.check_disk('negative', MAPPING)
        self.check_guest(pixels, pixels)

    def tell(self):
        pixels = self.width * self.height

        step('the guest hands the UUID to its disk, which looks it up')
        self.guest.tell('share', 'shared')
        self.check_disk('picture', SCENES[0])
        step("what QEMU's monitor tells of it: info virtio-exports")
        self.show_exports()
        step('the guest reads the same bytes through the disk')
        self.check_guest(pixels, pixels)

        step('the guest draws the negative: the disk sees it')
        self.guest.tell('again', 'ready')
        check_screen(self.opts, self.guest, self.screen, 'negative',
                     'negative.png')
        self.check_disk('negative', SCENES[1])
        self.check_guest(pixels, pixels)

        if self.opts.blob:
            self.share_a_blob(pixels)
        else:
            self.share_a_copy(pixels)
        if self.disk.lookups() != 1:
            raise DemoError(f'the disk looked {self.disk.lookups()} objects up')

        step("what QEMU's monitor finds behind the UUID: x-virtio-export-dump")
        self.check_dump('negative', SCENES[3])

    def check_trace(self):
        """QEMU, which has ended, was asked by the disk and the monitor only."""
        with open(self.path('trace.log'), encoding='utf-8') as log:
            lines = re.findall(r'virtio_export_lookup .*', log.read())
        if len(lines) != 2:
            raise DemoError(f'QEMU traced {len(lines)} lookups, not two')
        geometry = f'{self.width}x{self.height}, fourcc 0x34325258'
        for line in lines:
            if geometry not in line:
                raise DemoError(f'{geometry} is not what QEMU traced: {line}')
            say(f'lookup:      {line.split(": ", 1)[1]}')

    def draw(self):
        """The pictures side by side."""
        pictures = []
        for name in SCENES:
            decoded = subprocess.run(['pngtopnm', self.path(name)],
                                     check=True, capture_output=True).stdout
            small = subprocess.run(['pamscale', '-xsize', str(WIDTH)],
                                   input=decoded, check=True,
                                   capture_output=True).stdout
            pictures.append(self.path(name + '.ppm'))
            with open(pictures[-1], 'wb') as file:
                file.write(small)
        row = subprocess.run(['pnmcat', '-lr', *pictures], check=True,
                             capture_output=True).stdout
        with open(self.path(STORY), 'wb') as file:
            subprocess.run(['pnmtopng', '-compression', '9'], input=row,
                           stdout=file, stderr=subprocess.DEVNULL, check=True)
        for name in pictures:
            os.remove(name)
        say(f'the story:    {self.path(STORY)}')

"""The series as QEMU itself takes it, which has one version to serve.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import re

from .qemutree import MAIN, SUPPORTED, TOP, TreeError

COMPAT = 'include/hw/virtio/virtio-export-compat.h'
# what those who include it say, and what they would say without it
ONE_VERSION = {f'#include "{COMPAT.removeprefix("include/")}"\n': '',
               'VirtIOExportClassData': 'const void'}


def numbers(version):
    return [int(number) for number in version.split('.')]


class Changes:
    """What the files of each commit of @tree are for QEMU's @release, with
    @maintainer, (name, mail), for what is new.  Either may be None."""

    def __init__(self, tree, release, maintainer):
        self.tree, self.release, self.maintainer = tree, release, maintainer
        self.base = tree.ref('base')
        self.texts = {}
        version = tree.version(self.base)[1]
        if release and (not re.fullmatch(r'[1-9][0-9]*\.[0-9]', release) or
                        numbers(release) <= numbers(version)):
            raise TreeError(f"'{release}' is no release of QEMU after "
                            f'{version}')
        if release and version == MAIN:
            raise TreeError(
                f'upstream is newer than QEMU {version}: build with --qemu '
                f'{SUPPORTED[-1]} and name --tree build-{SUPPORTED[-1]}/src')

    def tree_of(self, commit):
        """The tree of @commit, changed.  To be called for each in order."""
        if not self.release and not self.maintainer:
            return f'{commit}^{{tree}}'
        for path, status in self.tree.changed(commit).items():
            self.texts.pop(path, None)
            if status != 'D':
                text = self.tree.blob(commit, path)
                changed = self.changed(path, text)
                if changed != text:
                    self.texts[path] = changed
        return self.tree.with_texts(commit, self.texts)

    def changed(self, path, text):
        """None for a file that is to go."""
        if self.maintainer and path == 'MAINTAINERS':
            return self.with_maintainer(text)
        if not self.release:
            return text
        if path == COMPAT:
            return None
        if path.startswith('qapi/'):
            return self.with_release(path, text)
        for old, new in ONE_VERSION.items():
            text = text.replace(old, new)
        return text

    def with_maintainer(self, text):
        titles = re.findall(r'^(.+)\nS: ', (TOP / 'MAINTAINERS').read_text(),
                            re.M)
        who = '{} <{}>'.format(*self.maintainer)
        for title in titles:
            text = text.replace(f'\n{title}\nS: Orphan\n',
                                f'\n{title}\nM: {who}\nS: Maintained\n')
        return text

    def with_release(self, path, text):
        """Each definition that the base lacks comes with the release."""
        before = self.tree.blob(self.base, path)

        def one(comment):
            if f'\n# @{comment[1]}:\n' in before:
                return comment[0]
            return re.sub('^# Since: .*', f'# Since: {self.release}',
                          comment[0], flags=re.M)
        return re.sub(r'^##\n# @(\S+):\n(?:#(?!#).*\n)*', one, text,
                      flags=re.M)

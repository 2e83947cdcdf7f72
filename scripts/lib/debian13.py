"""A Debian 13 machine with nothing installed, as a folder, for test scripts.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from .tap import exit_on_signals, good, on_signals
from .qemutree import TOP, environment

REPOSITORY = '/root/virtio-gpu-uuid'
# Runs in namespaces of its own, with which its mounts and processes end.  The
# devices and the network are those of this machine, and so may be the cache
# folder.
INIT = '''set -e
root=$1 cache=$2; shift 2
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
if [ "$cache" ]; then
    there=$root/root/.cache/virtio-gpu-uuid
    mkdir -p "$there"
    mount --bind "$cache" "$there"
fi
chroot "$root" "$@"
exit'''
PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
PROXIES = 'http_proxy', 'https_proxy', 'no_proxy'


class Debian13:
    """A machine in the folder @root.  Use machine() to make it."""

    def __init__(self, root, shares_cache=False):
        self.root = Path(root)
        self.cache = cache_folder() if shares_cache else ''
        self.log = self.root.with_suffix('.log')

    def unpack(self):
        tarball = subprocess.run([TOP / 'scripts/build/debian-root'],
                                 text=True, check=False,
                                 stdout=subprocess.PIPE)
        if tarball.returncode:
            sys.exit(tarball.returncode)
        self.root.mkdir(parents=True)
        good('tar', '-C', self.root, '--numeric-owner', '-xf',
             tarball.stdout.strip())
        for name in 'resolv.conf', 'hosts':
            shutil.copy(f'/etc/{name}', self.root / 'etc')

    def remove(self):
        if self.root.exists():
            good('rm', '-rf', '--one-file-system', self.root)

    def path(self, name):
        """Where the file @name of the machine is on this one."""
        return self.root / str(name).lstrip('/')

    def run(self, *words, folder='/root', env=None, **options):
        """Run a command there, as root; what subprocess.run() returns."""
        variables = {'HOME': '/root', 'PATH': PATH,
                     'TERM': os.environ.get('TERM', 'dumb'),
                     **{name: os.environ[name] for name in PROXIES
                        if name in os.environ}, **(env or {})}
        return subprocess.run(
            ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--mount', '--pid',
             '--ipc', '--fork', '--kill-child', 'bash', '-c', INIT, 'init',
             self.root, self.cache, 'env', '-i', '-C', folder,
             *(f'{name}={value}' for name, value in variables.items()),
             *words], check=False, **options)

    def good(self, *words, limit, **options):
        """The output of a command, which has to succeed in @limit minutes.
        If that took long, a comment of TAP says so."""
        start = time.monotonic()
        try:
            with open(self.log, 'w', encoding='utf-8') as log:
                done = self.run(*words, timeout=60 * limit, stdout=log,
                                stderr=log, stdin=subprocess.DEVNULL,
                                **options).returncode
        except subprocess.TimeoutExpired:
            done = f'not at its end after {limit} minutes'
        text = self.log.read_text(errors='replace')
        seconds = round(time.monotonic() - start)
        if seconds >= 10:
            name = '; '.join(' '.join(words).splitlines())
            print(f'# {name}: {seconds // 60} min {seconds % 60} s', flush=True)
        assert done == 0, '\n'.join([f'{" ".join(words)}: {done}',
                                     *text.splitlines()[-40:]])
        return text

    def push(self, repository, folder, *refs):
        """Make the git repository @folder there, with @refs ("commit:ref") of
        @repository, of which the first is checked out."""
        there = self.path(folder)

        def git(where, *words):
            good('git', '-C', where, *words, env=environment())

        there.mkdir(parents=True, exist_ok=True)
        git(there, 'init', '-q', '-b', 'none')
        # @repository may be a shallow clone
        git(there, 'config', 'receive.shallowUpdate', 'true')
        git(repository, 'push', '-q', there, *refs)
        git(there, 'checkout', '-q', '-B', 'main', refs[0].partition(':')[2])

    def clone(self):
        """A clone there of this repository, with what is tracked in it as it
        is now, committed or not."""
        if (TOP / '.git').exists():
            self.push(TOP, REPOSITORY, f'{as_it_is()}:refs/heads/clone')
        else:       # a release
            shutil.copytree(TOP, self.path(REPOSITORY), ignore=lanes)


def lanes(folder, names):
    """For shutil.copytree(): the build folders."""
    return [name for name in names if Path(folder) == TOP and
            name.startswith('build')]


def cache_folder():
    return good('bash', '-c', '. "$1"; echo "$CACHE"', 'cache',
                TOP / 'scripts/lib/common.sh').strip()


def as_it_is():
    """A commit of the work tree, which no branch has."""
    someone = {f'GIT_{role}_{field}': 'someone@localhost' for role in
               ('AUTHOR', 'COMMITTER') for field in ('NAME', 'EMAIL')}
    return good('git', '-C', TOP, 'stash', 'create',
                env=environment(**someone)).strip() or 'HEAD'


def check_counts(text):
    """The last line of scripts/check says that all passed, or above it stands
    why not."""
    counts = re.fullmatch(r'([1-9]\d*) passed, 0 failed, (\d+) skipped',
                          text.splitlines()[-1])
    assert counts, text.splitlines()[-40:]
    print(f'# {counts[0]}')
    skipped = re.findall(r'^    skipped: .*: .+', text, re.M)
    for line in skipped:
        print(f'#{line}')
    assert len(skipped) == int(counts[2]), 'a skip does not say why'


@contextlib.contextmanager
def machine(root, shares_cache=False):
    """A machine, unpacked anew, so that nothing is there that an earlier run
    installed; a signal ends what runs on it, and it is removed at the end.
    Its cache folder is empty, or this machine's."""
    exit_on_signals()
    found = Debian13(root, shares_cache)
    try:
        found.remove()      # what a killed run has left
        found.unpack()
        yield found
    finally:
        on_signals(signal.SIG_IGN)
        found.remove()

"""A Debian 13 machine with nothing installed, in a folder, for test scripts.

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

from .tap import command, exit_on_signals, good, on_signals
from .qemutree import TOP, environment

REPOSITORY = '/root/virtio-gpu-uuid'
# This runs in its own namespaces; when they end, its mounts and processes do too.
# It uses the devices and the network of this machine, and also the cache folder
# if asked to.
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
        """The path on the host of the machine's file @name."""
        return self.root / str(name).lstrip('/')

    def run(self, *words, folder='/root', env=None, **options):
        """Run a command on the machine as root; what subprocess.run() returns."""
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
        """The output of a command, which must succeed within @limit minutes.  Print
        a comment of TAP with the time if it takes long."""
        start = time.monotonic()
        try:
            with open(self.log, 'w', encoding='utf-8') as log:
                done = self.run(*words, timeout=60 * limit, stdout=log,
                                stderr=log, stdin=subprocess.DEVNULL,
                                **options).returncode
        except subprocess.TimeoutExpired:
            done = f'timed out after {limit} minutes'
        text = self.log.read_text(errors='replace')
        seconds = round(time.monotonic() - start)
        if seconds >= 10:
            name = '; '.join(' '.join(words).splitlines())
            print(f'# {name}: {seconds // 60} min {seconds % 60} s', flush=True)
        assert done == 0, '\n'.join([f'{" ".join(words)}: {done}',
                                     *text.splitlines()[-40:]])
        return text

    def push(self, repository, folder, *refs):
        """Make the git repository @folder on the machine, with @refs ("commit:ref")
        of @repository, and check out the first of them."""
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
        """Clone this repository to the machine, with uncommitted changes to tracked
        files."""
        if (TOP / '.git').exists():
            self.push(TOP, REPOSITORY, f'{as_it_is()}:refs/heads/clone')
        else:       # a release
            shutil.copytree(TOP, self.path(REPOSITORY), ignore=lanes)


def obstacle():
    """Why this host cannot run a Debian 13 machine; None if it can."""
    if os.getuid():
        return 'only root can make a Debian 13 machine'
    if command('unshare', '--mount', '--pid', '--ipc', '--fork',
               'true').returncode:
        return 'a Debian 13 machine needs namespaces, which this host does not allow'
    return None


def lanes(folder, names):
    """The build folders, for shutil.copytree() to ignore."""
    return [name for name in names if Path(folder) == TOP and
            name.startswith('build')]


def cache_folder():
    return good('bash', '-c', '. "$1"; echo "$CACHE"', 'cache',
                TOP / 'scripts/lib/common.sh').strip()


def as_it_is():
    """A commit of the work tree, on no branch."""
    someone = {f'GIT_{role}_{field}': 'someone@localhost' for role in
               ('AUTHOR', 'COMMITTER') for field in ('NAME', 'EMAIL')}
    return good('git', '-C', TOP, 'stash', 'create',
                env=environment(**someone)).strip() or 'HEAD'


def check_counts(text):
    """The last line of @text, the output of scripts/check, says that nothing
    failed, and each skipped test has a reason."""
    counts = re.fullmatch(r'([1-9]\d*) passed, 0 failed, (\d+) skipped',
                          text.splitlines()[-1])
    assert counts, text.splitlines()[-40:]
    print(f'# {counts[0]}')
    skipped = re.findall(r'^    skipped: .*: .+', text, re.M)
    for line in skipped:
        print(f'#{line}')
    assert len(skipped) == int(counts[2]), 'a skipped test has no reason'


@contextlib.contextmanager
def machine(root, shares_cache=False):
    """A context with a fresh machine, which is removed at the end, also after a
    signal.  Its cache folder is empty, or the host's if @shares_cache."""
    exit_on_signals()
    found = Debian13(root, shares_cache)
    try:
        found.remove()      # what an earlier run has left if it was killed
        found.unpack()
        yield found
    finally:
        on_signals(signal.SIG_IGN)
        found.remove()

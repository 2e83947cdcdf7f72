"""The Test Anything Protocol for test scripts in Python.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback


def need_arguments(doc):
    """Exit unless a script was given the arguments that the usage in its @doc
    names, or if it was asked for help."""
    script, names = re.search(r'^usage: (\S+)(.*)', doc, re.M).groups()
    names, given = names.split(), sys.argv[1:]
    if given[:1] in (['-h'], ['--help']):
        print(doc.partition('\nSPDX-')[0].strip())
        sys.exit()
    missing = [name for name in names[len(given):] if name[0] != '[']
    if missing or len(given) > len(names) and '...' not in ''.join(names):
        print(f'error: {missing[0]} is missing' if missing else
              f"error: unexpected argument '{given[len(names)]}'",
              f': see {script} --help', sep='', file=sys.stderr)
        sys.exit(2)


def command(*words, env=None, **options):
    """Run a command; what subprocess.run() returns, with its output, which is
    in English."""
    return subprocess.run([str(word) for word in words], text=True,
                          capture_output=True, check=False, **options,
                          env={**(os.environ if env is None else env),
                               'LC_ALL': 'C.UTF-8', 'LANGUAGE': ''})


def good(*words, **options):
    """The output of a command, which has to succeed."""
    done = command(*words, **options)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def refused(*words):
    """The one line that an error says."""
    done = command(*words)
    assert done.returncode == 1 and done.stderr.count('\n') == 1, done.stderr
    return done.stderr


def glib_cases(listed):
    """The cases in what a GLib test program prints for -l.  Debian 13's GLib
    lists them as comments."""
    return re.findall(r'^(?:# )?(/\S+)$', listed, re.M)


def on_signals(handler):
    for number in signal.SIGHUP, signal.SIGINT, signal.SIGTERM:
        signal.signal(number, handler)


def exit_on_signals():
    """End as at an error, so that what is to be removed at the end is."""
    on_signals(lambda number, _: sys.exit(signal.strsignal(number)))


def remove(folder):
    """Remove @folder, in which commands that a signal ends may still write."""
    on_signals(signal.SIG_IGN)
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            break
        time.sleep(0.5)


def run(cases):
    """Run the functions in @cases, whose names say what they prove, and exit.
    A case fails by an exception."""
    failed = 0
    print(f'1..{len(cases)}')
    for number, case in enumerate(cases, 1):
        name = case.__name__.replace('_', ' ')
        try:
            case()
            print(f'ok {number} - {name}', flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines():
                print(f'# {line}')
            print(f'not ok {number} - {name}', flush=True)
    sys.exit(failed != 0)

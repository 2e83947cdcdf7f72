# Functions for scripts that make a Debian system of their own.  Source common.sh first.
#
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash

# debian_obstacle: why this host cannot make a Debian system; nothing if it can.
debian_obstacle() {
    if [ "$(id -u)" -ne 0 ]; then
        echo "only root can make a Debian system"
    elif ! unshare --mount --pid --ipc --fork true 2>/dev/null; then
        echo "a Debian system needs namespaces, which this host does not allow"
    elif ! command -v mmdebstrap >/dev/null; then
        echo "mmdebstrap is missing: run scripts/install-packages --release"
    fi
}

# make_debian SUITES TARGET OPTION...: make a system with apt and what apt needs in
# TARGET, with OPTIONs of mmdebstrap.  SUITES are as for archive_lines.
make_debian() {
    local obstacle sources settings options
    obstacle=$(debian_obstacle)
    [ -z "$obstacle" ] || die "$obstacle"
    sources=$(archive_lines "$1")
    settings=$(mktemp)
    options=(--aptopt="$settings")
    # use this machine's proxy, and accept an outdated mirror if it does
    apt-config dump | grep -E '^Acquire::(https?::Proxy|Check-Valid-Until)\b' \
        >"$settings" || true
    [[ $sources != *https:* ]] || options+=(--include=ca-certificates)
    mmdebstrap --quiet --mode=root --variant=minbase --keyring="$KEYRING" \
        "${options[@]}" "${@:3}" '' "$2" - <<<"$sources" >&2 || {
        rm -f "$settings"
        die "mmdebstrap could not make a Debian system: see above, check the network" \
            "and try again"
    }
    rm -f "$settings"
}

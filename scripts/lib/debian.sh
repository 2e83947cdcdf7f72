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

# run_on_debian ROOT CACHE FOLDER COMMAND...: become a process that runs a command in
# FOLDER of the system in ROOT, in its own namespaces; its mounts and processes end with
# the namespaces.  The system uses the devices and the network of this machine, and
# CACHE as its cache folder unless CACHE is empty.
run_on_debian() {
    local name words=()
    for name in TERM http_proxy https_proxy no_proxy; do
        [ -z "${!name:-}" ] || words+=("$name=${!name}")
    done
    # the variables are those of the inner shell
    # shellcheck disable=SC2016
    exec setpriv --pdeathsig KILL unshare --mount --pid --ipc --fork --kill-child \
        bash -ec 'root=$1 cache=$2; shift 2
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
            exit' init "$1" "$2" env -i -C "$3" HOME=/root \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "${words[@]}" "${@:4}"
}

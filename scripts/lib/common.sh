# Shared by the shell scripts here: messages, options, the cache folder, Debian
# packages, lanes.  Source it; it runs nothing by itself.
#
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

unset CDPATH LANGUAGE
export LC_ALL=C.UTF-8         # what commands say is read here
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[ -n "${VIRTIO_GPU_UUID_CACHE:-${XDG_CACHE_HOME:-${HOME:-}}}" ] ||
    die "there is no home folder: set VIRTIO_GPU_UUID_CACHE to a cache folder"
CACHE=${VIRTIO_GPU_UUID_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/virtio-gpu-uuid}
CACHE=$(realpath -m -- "$CACHE")
export VIRTIO_GPU_UUID_CACHE=$CACHE
[[ $TOP != *[[:space:]:]* ]] ||
    die "QEMU does not build where a path has spaces or colons: move '$TOP'"
[[ $CACHE != *[[:space:]:]* ]] ||
    die "QEMU does not build where a path has spaces or colons: set" \
        "VIRTIO_GPU_UUID_CACHE to another folder than '$CACHE'"

# A step of meson.build, run by set_up_build, says what it does past ninja.
if [ -n "${STEP_OUTPUT:-}" ]; then
    exec >&"$STEP_OUTPUT" 2>&1
    unset STEP_OUTPUT
fi
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# usage_error WHAT...: say what is wrong with the words that the script was given.
usage_error() {
    printf 'error: %s: see %s --help\n' "$*" \
        "$(realpath --relative-to="$TOP" "$0")" >&2
    exit 2
}

# parse_options OPTIONS ARGUMENTS WORD...: read the words that the script was given.
# OPTIONS are getopt's ("all,qemu:"), ARGUMENTS as in a usage ("TARGET [SECONDS]").
# option[NAME] becomes the value of --NAME, or 1 where it has none, and arguments
# the words after the options.  The help is the head of the script.
# shellcheck disable=SC2034     # the scripts read option and arguments
declare -A option=()
parse_options() {
    local known=$1 said name='' number=0 wanted
    local getopt=(getopt -n error -o +h -l "help${1:+,$1}" --)
    read -ra wanted <<<"$2"
    shift 2
    said=$("${getopt[@]}" "$@" 2>&1 >/dev/null) || {
        said=${said%%$'\n'*}
        usage_error "${said#error: }"
    }
    eval "set -- $("${getopt[@]}" "$@")"
    while [ "$1" != -- ]; do
        name=${1#--}
        case ,$known, in
        *,"$name",*) option[$name]=1 ;;
        *,"$name:",*) option[$name]=$2; shift ;;
        *) sed -n '2,/^# SPDX/{/^# SPDX/!s/^# \?//p}' "$0" | sed '$d'
           exit ;;
        esac
        shift
    done
    shift
    arguments=("$@")
    for name in "${wanted[@]}"; do
        number=$((number + 1))
        [[ $name = \[* ]] || [ $# -ge $number ] ||
            usage_error "$name is missing"
    done
    [[ $name = *... ]] || [ $# -le $number ] ||
        usage_error "unexpected argument '${arguments[number]}'"
}

# debian_release: 12 or 13; anything else is refused.
debian_release() {
    local version
    version=$(. /etc/os-release && echo "${ID:-}-${VERSION_ID:-}")
    case $version in
    debian-12|debian-13) echo "${version#debian-}" ;;
    *) die "this needs Debian 12 or 13 (found ${version%-}): elsewhere, use" \
           "'scripts/series' and build QEMU as you are used to" ;;
    esac
}

# need_root WHAT: refuse early what only root can do.
need_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    command -v sudo >/dev/null ||
        die "only root can $1: run this as root or install sudo"
    sudo true || die "only root can $1, and sudo does not let $(id -un)"
}

# as_root COMMAND...: run it as root, after need_root.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# refuse_sudo FOLDER...: keep root from writing into folders of the user who has
# called sudo, who could not write there any more.
refuse_sudo() {
    local folder
    [ "$(id -u)" -eq 0 ] && [ "${SUDO_UID:-0}" -ne 0 ] || return 0
    for folder; do
        until [ -e "$folder" ]; do
            folder=$(dirname "$folder")
        done
        [ "$(stat -c %u "$folder")" != "$SUDO_UID" ] ||
            die "$folder belongs to $SUDO_USER, who could not write there any" \
                "more: run this without sudo, which it calls itself"
    done
}

# listed_packages FILE...: the packages that files as scripts/build/packages name.
listed_packages() { sed 's/#.*//' "$@" | awk 'NF { print $1 }'; }

# missing_packages PACKAGE...: those of them that are not installed.
missing_packages() {
    local package
    for package; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
            grep -qx installed || echo "$package"
    done
}

# install_packages PACKAGE...: install what is missing; silent if nothing is.
install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing from Debian: ${missing[*]}"
    need_root "install packages"
    as_root apt-get -q update >&2 ||
        say "some of apt's sources cannot be read; trying with the others"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
        -o DPkg::Lock::Timeout=300 --no-install-recommends \
        "${missing[@]}" >&2 ||
        die "apt-get could not install ${missing[*]}: check the network"
}

# debian_sites: the Debian archives among apt's sources, with their labels.
debian_sites() {
    # the format is apt's, not the shell's
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(LABEL)' \
        'Created-By: Packages' 'Origin: Debian' | sort -u
}

# need_space DIRECTORY GIB: refuse early rather than fail in the middle.
need_space() {
    local dir=$1 gib=$2 free
    mkdir -p "$dir" 2>/dev/null || die "cannot create $dir"
    free=$(($(df --output=avail -B1M "$dir" | tail -n 1)))
    [ "$free" -ge $((gib * 1024)) ] ||
        die "$dir has $free MiB free and $gib GiB are needed: make room there"
}

# archive_lines SUITES: apt's lines for the Debian archives of this machine, with
# their suite replaced by each of SUITES ("deb:trixie deb-src:trixie-security").
archive_lines() {
    local sites lines site label type suite
    sites=$(debian_sites)
    if [ -z "$sites" ]; then
        need_root "update apt's lists"
        as_root apt-get -q update >&2 ||
            die "apt-get update failed: check the network and apt's sources"
        sites=$(debian_sites)
    fi
    lines=$(while read -r site label; do
        for suite in $1; do
            type=${suite%%:*} suite=${suite#*:}
            case $label:$suite in
            Debian-Security:*-security) ;;
            Debian-Security:*|*:*-security) continue ;;
            esac
            echo "$type [signed-by=$KEYRING] $site $suite main"
        done
    done <<<"$sites")
    [ -n "$lines" ] ||
        die "apt knows no Debian archive on this machine: add one to its sources"
    echo "$lines"
}

# private_apt SUITES COMMAND...: run apt's COMMAND on a state of its own in the
# cache folder, whose sources are archive_lines of SUITES.
# The system's apt configuration is read and not changed; what is installed
# and pinned there does not matter.  ARCHITECTURE is another than this
# machine's.
private_apt() {
    local suites=$1 dir key
    shift
    key=$(printf '%s' "$suites${ARCHITECTURE:+ $ARCHITECTURE}" |
          tr -c 'a-z0-9\n' '_')
    dir=$CACHE/apt/$key
    mkdir -p "$dir"/{state,lists/partial,archives/partial}
    if [ ! -s "$dir/sources.list" ]; then
        archive_lines "$suites" >"$dir/sources.list.new" || exit 1
        mv "$dir/sources.list.new" "$dir/sources.list"
    fi
    : >"$dir/status"
    local options=(
        -o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State="$dir/state" -o Dir::State::Lists="$dir/lists"
        -o Dir::State::status="$dir/status"
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
        -o Dir::Cache="$dir" -o Dir::Cache::Archives="$dir/archives"
        -o APT::Sandbox::User="$(id -un)"
        ${ARCHITECTURE:+-o "APT::Architecture=$ARCHITECTURE"}
    )
    # apt-file's lists of contents are large, and of no use here
    for key in deb::Contents-{deb,udeb,deb-legacy} deb-src::Contents-dsc; do
        options+=(-o "Acquire::IndexTargets::$key::DefaultEnabled=false")
    done
    if [ "$1" = update ]; then
        apt-get -q "${options[@]}" --error-on=any update >&2 ||
            die "cannot reach the Debian archive: check the network and try again"
        return
    fi
    "$1" "${options[@]}" "${@:2}"
}

# glib_cases COMMAND...: the cases of a GLib test program, as paths.  Debian 13's
# GLib lists them as comments.
glib_cases() { "$@" -l | sed -n 's|^\(# \)\?\(/.*\)|\2|p'; }

# report WHAT OUTCOME LOG: a line of TAP for the next case, and the end of LOG
# unless OUTCOME is 0.
number=0
report() {
    number=$((number + 1))
    if [ "$2" -eq 0 ]; then
        echo "ok $number - $1"
    else
        printf '%s\n' "$3" | tail -n 40 | sed 's/^/# /'
        echo "not ok $number - $1"
    fi
}

# today_and_commit: what the line of a long run's figures begins with.
today_and_commit() {
    echo "$(date -u +%F)" \
        "$(git -C "$TOP" describe --always --dirty 2>/dev/null || echo unknown)"
}

# is_version TEXT: whether it names a version of QEMU, as 10.2.
is_version() { [[ $1 =~ ^[0-9]+\.[0-9]+$ ]]; }

# other_versions: those beside Debian 13's that there are patches for.
other_versions() {
    local folder
    for folder in "$TOP"/patches/*/; do
        basename "$folder"
    done
}

# is_main TEXT: whether that version of QEMU is the one without a name.
is_main() {
    is_version "$1" && grep -qF "MAIN = '$1' " "$TOP/scripts/lib/qemutree.py"
}

# build_folder LANE QEMU
build_folder() {
    local folder=$TOP/build
    ! is_version "$2" || is_main "$2" || folder+=-$2
    [ "$1" = plain ] || folder+=-$1
    echo "$folder"
}

# clear_build FOLDER: remove what a failed set-up has left, but not a tree that
# somebody has prepared there.
clear_build() {
    if [ -e "$1/src/.git" ]; then
        rm -rf "$1"/meson-{private,info,logs}
    else
        rm -rf "$1"
    fi
}

# configure_qemu BUILD SOURCE OPTION...: newly in the folder BUILD, to which SOURCE is
# relative, with a meson that QEMU takes, also when ninja runs it again.
configure_qemu() {
    local build=$1 source=$2 meson_path
    meson_path=$("$TOP/scripts/build/fetch" meson) || return 1
    rm -rf "$build" && mkdir -p "$build"
    (cd "$build" && PYTHONPATH=$meson_path "$source/configure" "${@:3}") ||
        return 1
    [ -z "$meson_path" ] || echo "$meson_path" > \
        "$(echo "$build"/pyvenv/lib/python3*/site-packages)/meson.pth"
}

# named_qemu QEMU: what --qemu names, as meson's option takes it.
named_qemu() {
    if is_main "$1"; then
        return
    elif is_version "$1"; then
        echo "$1"
    else
        realpath -e -- "$1" 2>/dev/null ||
            usage_error "there is no '$1': --qemu takes a version as 10.2, a" \
                "folder or a tarball"
    fi
}

# set_up_build LANE QEMU: make its build_folder by meson and build it.  QEMU is
# what named_qemu prints.
set_up_build() {
    local lane=$1 qemu=$2 folder options output
    folder=$(build_folder "$lane" "$qemu")
    options=(-Dlane="$lane" -Dqemu="$qemu")
    [[ $lane != twin && $lane != release ]] ||
        options+=(-Dpatched="$(build_folder plain "$qemu")")
    if [ -f "$folder/build.ninja" ]; then
        meson configure "$folder" "${options[@]}" >/dev/null
    else
        clear_build "$folder"
        meson setup "$folder" "$TOP" "${options[@]}" >/dev/null
    fi || die "meson could not set up $folder"
    exec {output}>&2
    if ! STEP_OUTPUT=$output ninja -C "$folder" >"$folder/ninja.log" 2>&1; then
        # of a step that fails it has no more than its command
        grep -q '^FAILED: .*\.stamp' "$folder/ninja.log" ||
            cat "$folder/ninja.log" >&2
        die "the $lane build failed, see above"
    fi
}

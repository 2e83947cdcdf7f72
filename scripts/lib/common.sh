# Functions that the bash scripts share: messages, options, the cache folder, Debian
# packages, lanes.  Source this file; it runs nothing by itself.
#
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash

# say TEXT...: print a message, with the step and the elapsed time: [2/5 03:10]
say() {
    local gone=$((EPOCHSECONDS - ${STARTED:-$EPOCHSECONDS}))
    printf '==> %s%s\n' "${STEP:+$(printf '[%s %02d:%02d] ' "$STEP" \
        $((gone / 60)) $((gone % 60)))}" "$*" >&2
}

# step I/N TEXT...: begin a step; messages of its commands show the step, too
step() {
    export STEP=$1 STARTED=${STARTED:-$EPOCHSECONDS}
    say "${@:2}"
}

die() { printf 'error: %s\n' "$*" >&2; exit 1; }

unset CDPATH LANGUAGE
export LC_ALL=C.UTF-8         # scripts parse the output of commands
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[ -n "${VIRTIO_GPU_UUID_CACHE:-${XDG_CACHE_HOME:-${HOME:-}}}" ] ||
    die "HOME is not set: set VIRTIO_GPU_UUID_CACHE to a folder for the cache"
CACHE=${VIRTIO_GPU_UUID_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/virtio-gpu-uuid}
CACHE=$(realpath -m -- "$CACHE")
export VIRTIO_GPU_UUID_CACHE=$CACHE
[[ $TOP != *[[:space:]:]* ]] ||
    die "QEMU cannot be built in a path with spaces or colons: move '$TOP'"
[[ $CACHE != *[[:space:]:]* ]] ||
    die "QEMU cannot be built in a path with spaces or colons: set" \
        "VIRTIO_GPU_UUID_CACHE to a folder other than '$CACHE'"

# The steps of meson.build that set_up_build runs write to its stderr, not to ninja's.
if [ -n "${STEP_OUTPUT:-}" ]; then
    exec >&"$STEP_OUTPUT" 2>&1
    unset STEP_OUTPUT
fi
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# usage_error WHAT...: report an error in the script's arguments, and exit.
usage_error() {
    printf 'error: %s: see %s --help\n' "$*" \
        "$(realpath --relative-to="$TOP" "$0")" >&2
    exit 2
}

# parse_options OPTIONS ARGUMENTS WORD...: parse the script's command line, WORD....
# OPTIONS has getopt's form ("all,qemu:"), ARGUMENTS that of a usage line
# ("TARGET [SECONDS]").  Sets option[NAME] to the value of --NAME, or to 1 if it takes
# none, and the array arguments to the words after the options.  --help prints the
# script's head comment.
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

# debian_release: print 12, or 13 for Debian 13 and unstable; any other system is an
# error.
debian_release() {
    local version
    version=$(. /etc/os-release && echo "${ID:-}-${VERSION_ID:-}")
    case $version in
    debian-12|debian-13) echo "${version#debian-}" ;;
    debian-) echo 13 ;;         # unstable has no version
    *) die "this needs Debian 12 or 13, and this system is ${version%-}: on other" \
           "systems, apply the patches that 'scripts/series' writes to your QEMU" ;;
    esac
}

# as_root WHAT COMMAND...: run a command as root; exit if neither this is root nor sudo
# can be used.  WHAT describes the command in the error message.
as_root() {
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            die "only root can $1: run this as root or install sudo"
        sudo true || die "only root can $1, and sudo does not allow $(id -un) to"
        set -- "$1" sudo "${@:2}"
    fi
    "${@:2}"
}

# reject_sudo FOLDER...: exit if the script runs under sudo and a folder belongs to the
# user who called sudo, who could not write to what root leaves there.
reject_sudo() {
    local folder
    [ "$(id -u)" -eq 0 ] && [ "${SUDO_UID:-0}" -ne 0 ] || return 0
    for folder; do
        until [ -e "$folder" ]; do
            folder=$(dirname "$folder")
        done
        [ "$(stat -c %u "$folder")" != "$SUDO_UID" ] ||
            die "$folder belongs to $SUDO_USER, who could not write there" \
                "afterwards: run this without sudo, which it calls itself"
    done
}

# listed_packages FILE...: the packages in lists such as scripts/build/packages.
listed_packages() { sed 's/#.*//' "$@" | awk 'NF { print $1 }'; }

# missing_packages PACKAGE...: the given packages that are not installed.
missing_packages() {
    # the format is dpkg's, not the shell's
    # shellcheck disable=SC2016
    printf '%s\n' "$@" | grep -vFx -f <(
        dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
}

# install_packages PACKAGE...: install the missing packages; print nothing if none is
# missing.
install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing from Debian: ${missing[*]}"
    as_root "install packages" apt-get -q update >&2 ||
        say "some of apt's sources cannot be read; trying with the others"
    as_root "install packages" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends \
        "${missing[@]}" >&2 ||
        die "apt-get could not install ${missing[*]}: check the network"
}

# need_space DIRECTORY GIB: exit if DIRECTORY has less than GIB free.
need_space() {
    local dir=$1 gib=$2 free
    mkdir -p "$dir" 2>/dev/null || die "cannot create $dir"
    free=$(($(df --output=avail -B1M "$dir" | tail -n 1)))
    [ "$free" -ge $((gib * 1024)) ] ||
        die "$dir has $free MiB free, but $gib GiB are needed: free some space"
}

# archive_lines SUITES: lines for apt's sources with the Debian archives that this
# machine uses and each of SUITES ("deb:trixie deb-src:trixie-security").
archive_lines() {
    # the format is apt's, not the shell's
    # shellcheck disable=SC2016
    local lines site label type suite list=(
        apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages'
        'Origin: Debian'
    )
    [ -n "$("${list[@]}")" ] || as_root "update apt's lists" apt-get -q update >&2 ||
        die "apt-get update failed: check the network and apt's sources"
    lines=$("${list[@]}" | sort -u | while read -r site label; do
        for suite in $1; do
            type=${suite%%:*} suite=${suite#*:}
            case $label:$suite in
            Debian-Security:*-security) ;;
            Debian-Security:*|*:*-security) continue ;;
            esac
            echo "$type [signed-by=$KEYRING] $site $suite main"
        done
    done)
    [ -n "$lines" ] ||
        die "apt's sources have no Debian archive: add one"
    echo "$lines"
}

# private_apt SUITES COMMAND...: run an apt command with the sources that archive_lines
# prints for SUITES.  Its state is in the cache folder: the system's apt configuration
# is not changed, and the system's installed packages and pins have no effect.  Set
# ARCHITECTURE for an architecture other than this machine's.
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
    # the lists of contents, for apt-file, are large and not needed
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

# glib_cases COMMAND...: the paths of the cases of a GLib test program, with those that
# "make check" leaves out.  Debian 13's GLib prints them as comments.
glib_cases() { "$@" -m slow -l | sed -n 's|^\(# \)\?\(/.*\)|\2|p'; }

# one_plan: pass the output of a GLib test program on.  GLib prints a plan after each -p,
# with the cases so far: keep only the last one.
one_plan() { awk '/^1\.\./ { plan = $0; next } { print; fflush() } END { print plan }'; }

# report WHAT OUTCOME LOG: print the next case's line of TAP, and the end of LOG unless
# OUTCOME is 0.
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

# check WHAT COMMAND...: run a command, and report whether it succeeds.
check() {
    local log outcome=0
    log=$("${@:2}" 2>&1 </dev/null) || outcome=1
    report "$1" $outcome "$log"
}

# all_counted LOG: whether LOG, the output of scripts/check or scripts/demo, ends with
# counts of which none failed, and has a reason for each skipped case.
all_counted() {
    [[ ${1##*$'\n'} =~ ^[1-9][0-9]*\ passed,\ 0\ failed,\ ([0-9]+)\ skipped$ ]] &&
        [ "$(grep -c '^    skipped: .*: .' <<<"$1")" -eq "${BASH_REMATCH[1]}" ]
}

# today_and_commit: the beginning of the line of figures of a long run.
today_and_commit() {
    echo "$(date -u +%F)" \
        "$(git -C "$TOP" describe --always --dirty 2>/dev/null || echo unknown)"
}

# is_version TEXT: whether TEXT is a version of QEMU such as 10.2.
is_version() { [[ $1 =~ ^[0-9]+\.[0-9]+$ ]]; }

# other_versions: the versions of QEMU besides Debian 13's that have patches.
other_versions() {
    local series
    for series in "$TOP"/patches/*/series; do
        basename "$(dirname "$series")"
    done
}

# The exit status of scripts/build/fetch if Debian's archive does not have a version.
readonly NOT_THERE=3

# skip_reason VERSION: why tests with this QEMU are skipped; nothing if they are not.
skip_reason() {
    local log status=0
    log=$("$TOP/scripts/build/fetch" qemu "$1" 2>&1 >/dev/null) || status=$?
    case $status in
    0) ;;
    "$NOT_THERE") sed -n 's/^error: //p' <<<"$log" ;;
    *) printf '%s\n' "$log" >&2; return 1 ;;
    esac
}

# is_main TEXT: whether TEXT is the version of QEMU that patches/*/*.patch are for.
is_main() {
    is_version "$1" && grep -qF "MAIN = '$1' " "$TOP/scripts/lib/qemutree.py"
}

# build_folder LANE QEMU: the build folder of a lane.
build_folder() {
    local folder=$TOP/build
    ! is_version "$2" || is_main "$2" || folder+=-$2
    [ "$1" = plain ] || folder+=-$1
    echo "$folder"
}

# configure_qemu BUILD SOURCE OPTION...: configure QEMU in a new folder BUILD, to which
# SOURCE is relative, with a meson that QEMU accepts, also when ninja reconfigures.
configure_qemu() {
    local build=$1 source=$2 meson_path
    meson_path=$("$TOP/scripts/build/fetch" meson) || return 1
    rm -rf "$build" && mkdir -p "$build"
    (cd "$build" && PYTHONPATH=$meson_path "$source/configure" "${@:3}") ||
        return 1
    [ -z "$meson_path" ] || echo "$meson_path" > \
        "$(echo "$build"/pyvenv/lib/python3*/site-packages)/meson.pth"
}

# named_qemu QEMU: the value of meson's option qemu for the value of --qemu.
named_qemu() {
    if is_main "$1"; then
        return
    elif is_version "$1"; then
        echo "$1"
    else
        realpath -e -- "$1" 2>/dev/null ||
            usage_error "'$1' does not exist: --qemu takes a version such as 10.2," \
                "a folder or a tarball"
    fi
}

# set_up_build LANE QEMU [TARGET]...: make or update a lane's build folder, and build it,
# or only these of its targets.  QEMU is what named_qemu prints.
set_up_build() {
    local lane=$1 qemu=$2 folder options output
    folder=$(build_folder "$lane" "$qemu")
    options=(-Dlane="$lane" -Dqemu="$qemu")
    [[ $lane != twin && $lane != release ]] ||
        options+=(-Dpatched="$(build_folder plain "$qemu")")
    if [ -f "$folder/build.ninja" ]; then
        meson configure "$folder" "${options[@]}" >/dev/null
    else
        rm -rf "$folder"/meson-{private,info,logs}  # left by a failed setup
        meson setup "$folder" "$TOP" "${options[@]}" >/dev/null
    fi || die "meson could not set up $folder"
    exec {output}>&2
    if ! STEP_OUTPUT=$output ninja -C "$folder" "${@:3}" >"$folder/ninja.log" 2>&1; then
        # the steps of meson.build have printed their errors already
        grep -q '^FAILED: .*\.stamp' "$folder/ninja.log" ||
            cat "$folder/ninja.log" >&2
        die "the $lane build failed, see above"
    fi
}

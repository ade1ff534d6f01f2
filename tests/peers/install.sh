#!/bin/sh
# Gets the FTP servers and clients the tests talk to, on a Debian machine, as root. Safe to run again: what is
# there already is left alone, so a second run takes well under a second.
#
# The Debian server packages exclude one another, so each is unpacked into a directory of its own below
# $FTP_PROTO_PEERS (default: target/peers in the workspace) together with the libraries the system lacks.
# Nothing is started and no configuration of the system changes, except that
#   - the clients are installed as packages, and
#   - vsftpd and inetutils-ftpd know only users of the system, so there is one, "ftp-proto", with a random
#     password, kept with its hash in /var/lib/ftp-proto-peers/account (readable by root alone).
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
peers=${FTP_PROTO_PEERS:-$here/../../target/peers}
account=/var/lib/ftp-proto-peers/account
user=ftp-proto

fail() { echo "install.sh: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "must run as root (the servers switch users)"
command -v apt-get >/dev/null || fail "needs Debian or a relative of it (apt-get)"
mkdir -p "$peers"
peers=$(cd "$peers" && pwd)

# One installation at a time, also from several checkouts: apt has one lock.
exec 9>/run/lock/ftp-proto-peers.lock
flock 9

lists_fresh=no
refresh_lists() {
    [ $lists_fresh = yes ] && return
    apt-get update -qq || fail "apt-get update failed"
    lists_fresh=yes
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null)" = 'ii ' ]; }

# need PACKAGE...: installs those that are missing, as ordinary packages.
need() {
    missing=
    for package in "$@"; do installed "$package" || missing="$missing $package"; done
    [ -n "$missing" ] || return 0
    refresh_lists
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null ||
        fail "cannot install$missing"
}

# unpack NAME BINARY PACKAGE...: the packages and every library they need that the system lacks, into
# $peers/NAME. $peers/NAME/libraries is for LD_LIBRARY_PATH; $peers/NAME/version exists when all is complete.
unpack() {
    name=$1 binary=$2
    shift 2
    [ -e "$peers/$name/version" ] && return
    refresh_lists
    fresh=$peers/$name.new
    rm -rf "$fresh" "${peers:?}/$name"
    mkdir -p "$fresh/archives" "$fresh/libraries"
    wanted="$*"
    for library in $(apt-cache depends -i --recurse "$@" |
        sed -n 's/^ *|\{0,1\}Depends: \(lib[^ <]*\)$/\1/p' | sort -u); do
        installed "$library" || wanted="$wanted $library"
    done
    # shellcheck disable=SC2086
    (cd "$fresh/archives" && apt-get -o APT::Sandbox::User=root download -qq $wanted) ||
        fail "cannot download $wanted"
    for archive in "$fresh"/archives/*.deb; do dpkg -x "$archive" "$fresh"; done
    dpkg-deb -f "$fresh/archives/$1"_*.deb Version >"$fresh/version.new"
    rm -rf "$fresh/archives"
    find "$fresh" -name '*.so.*' -not -path '*/libraries/*' | while read -r library; do
        ln -s "..${library#"$fresh"}" "$fresh/libraries/${library##*/}"
    done
    if LD_LIBRARY_PATH=$fresh/libraries ldd "$fresh/$binary" | grep 'not found' >&2; then
        fail "$name lacks libraries"
    fi
    mv "$fresh/version.new" "$fresh/version"
    mv "$fresh" "$peers/$name"
}

# A Python environment of its own: the pinned requirements, nothing from the system.
python_environment() {
    stamp=$peers/pyftpdlib/version
    cmp -s "$here/requirements.txt" "$peers/pyftpdlib/requirements.txt" && [ -e "$stamp" ] && return
    rm -rf "$peers/pyftpdlib"
    python=$(command -v python3)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        need python3-venv
        python=/usr/bin/python3
    fi
    "$python" -m venv "$peers/pyftpdlib" || fail "cannot make a Python environment"
    "$peers/pyftpdlib/bin/python" -m pip --disable-pip-version-check install -q -r "$here/requirements.txt" ||
        fail "pip cannot install requirements.txt"
    cp "$here/requirements.txt" "$peers/pyftpdlib/"
    sed -n 's/^pyftpdlib==//p' "$here/requirements.txt" >"$stamp"
}

# The user of the system. Its home is "the current directory of whoever asks", so that every server started in
# a directory of its own logs in there, with one line in /etc/passwd for all of them.
system_user() {
    if [ -s $account ] && [ "$(sed -n 3p $account)" = "$(getent shadow $user | cut -d: -f2)" ] &&
        [ "$(sed -n 4p $account)" = "$(id -u $user)" ]; then
        return
    fi
    password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
    # MD5-crypt, because a stronger hash costs a tenth of a second at each login.
    hash=$(openssl passwd -1 "$password")
    if getent passwd $user >/dev/null; then
        usermod -p "$hash" -d /proc/self/cwd -s /bin/sh $user
    else
        useradd --no-create-home --home-dir /proc/self/cwd --shell /bin/sh --password "$hash" \
            --user-group --system --comment 'login of the FTP servers under test' $user
    fi
    mkdir -p -m 700 "$(dirname $account)"
    (umask 077 && printf '%s\n' $user "$password" "$hash" "$(id -u $user)" "$(id -g $user)" >$account)
}

need curl lftp ckermit ncftp tnftp wget openssl passwd python3 util-linux
unpack vsftpd usr/sbin/vsftpd vsftpd
unpack proftpd usr/sbin/proftpd proftpd-core proftpd-mod-crypto
unpack pure-ftpd usr/sbin/pure-ftpd pure-ftpd pure-ftpd-common
unpack inetutils usr/sbin/ftpd inetutils-ftpd
python_environment
system_user

for server in vsftpd proftpd pure-ftpd inetutils pyftpdlib; do
    printf '%-10s %s\n' $server "$(cat "$peers/$server/version")"
done
dpkg-query -W -f='${Package} ${Version}\n' curl lftp ckermit ncftp tnftp wget python3 | while read -r client version; do
    printf '%-10s %s\n' "$client" "$version"
done

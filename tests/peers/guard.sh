#!/bin/sh
# Runs a server for as long as somebody holds the other end of the standard input: when that is closed, for
# whatever reason (also because the test process was killed), the server and all it started are killed and its
# directory is removed. When the server ends by itself the directory stays, for its logs. The caller starts this
# in a process group of its own.
#
#     guard.sh DIRECTORY COMMAND [ARGUMENT...] <pipe
directory=$1
shift
exec 3<&0 </dev/null

descendants() {
    for child in $(cat "/proc/$1/task/$1/children"); do
        echo "$child"
        descendants "$child"
    done
} 2>/dev/null

stopping=no
# SIGHUP: from the kernel, to a group with a stopped process in it whose starter just died.
trap 'stopping=yes' TERM HUP

"$@" 3<&- &
server=$!
(
    trap '' HUP
    cat <&3 >/dev/null
    kill -TERM $$
    # Not only the group: vsftpd puts each of its sessions into one of its own. Stopped, so that it starts no more.
    kill -STOP $server
    # shellcheck disable=SC2046
    kill -KILL $(descendants $server) $server
    rm -rf -- "$directory"
    kill -KILL 0
) 2>/dev/null &
wait $server
status=$?
# The last thing done there is to kill this too. Twice, since each of the signals ends one wait.
[ $stopping = yes ] && { wait; wait; }
echo "the server ended by itself, exit status $status"
kill -KILL 0

#!/bin/sh
# Runs a server for as long as somebody holds the other end of the standard input: when that is closed, for
# whatever reason (also because the test process was killed), the whole process group is killed. The caller
# makes that group. When the server ends by itself, the rest of the group goes too.
#
#     guard.sh COMMAND [ARGUMENT...] <pipe
exec 3<&0 </dev/null
( cat <&3 >/dev/null; kill -KILL 0 ) &
"$@" 3<&-
echo "the server ended by itself, exit status $?"
kill -KILL 0

"""Listens, and starts the given program once per connection with the socket as its standard input and output:
what inetd does, for a server that cannot listen by itself.

    accept.py ADDRESS PORT PROGRAM [ARGUMENT...]
"""

import signal
import socket
import subprocess
import sys

address, port, *program = sys.argv[1:]
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
family = socket.AF_INET6 if ":" in address else socket.AF_INET
listener = socket.create_server((address, int(port)), family=family, backlog=128)
while True:
    connection, _ = listener.accept()
    subprocess.Popen(program, stdin=connection, stdout=connection)
    connection.close()

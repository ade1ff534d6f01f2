"""ftpbench, whose downloads are of whole files. The first argument is its path, the rest is for it.

Under TLS ftpbench closes behind an upload while session tickets wait to be read. Its system then resets the connection, and a server that
sends tickets loses what it has not read yet: the file that is fetched afterwards is a part of what it should be, and the figure with it.
"""

import ssl
import sys


def main():
    path = sys.argv.pop(1)
    with open(path, encoding="utf-8") as file:
        program = compile(file.read(), path, "exec")
    bench = {"__name__": "ftpbench", "__file__": path}
    exec(program, bench)

    def stor(ftp=None):
        session = ftp or bench["connect"]()
        size = bench["FILE_SIZE"]
        session.voidcmd("TYPE I")
        connection = session.transfercmd("STOR " + bench["TESTFN"])
        connection.sendall(b"x" * size)
        if isinstance(connection, ssl.SSLSocket):
            try:
                # Reads to the end, tickets too.
                connection.unwrap()
            except OSError:
                pass
        connection.close()
        session.voidresp()
        there = session.size(bench["TESTFN"])
        if there != size:
            sys.exit(f"{there} of {size} bytes were stored")
        if ftp is None:
            session.quit()
        return session

    bench["stor"] = stor
    bench["main"]()


main()

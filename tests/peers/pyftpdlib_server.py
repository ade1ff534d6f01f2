"""One pyftpdlib server for the tests. The only argument is a JSON file; its keys are those of `Settings` below."""

import collections
import json
import os
import sys

from OpenSSL import SSL
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

Settings = collections.namedtuple(
    "Settings",
    "address port passive_first passive_last root user password uid gid anonymous active"
    " tls certificate key authority tls_versions client_certificate control_required data_required"
    " sessions",
)


class ImplicitHandler(TLS_FTPHandler):
    """TLS from the first byte: the greeting comes inside."""

    def handle(self):
        self.secure_connection(self.ssl_context)
        super().handle()


def context(settings):
    made = SSL.Context(SSL.TLS_SERVER_METHOD)
    made.use_certificate_chain_file(settings.certificate)
    made.use_privatekey_file(settings.key)
    made.set_session_id(b"ftp-proto")
    lowest, highest = {
        "both": (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION),
        "1.2": (SSL.TLS1_2_VERSION, SSL.TLS1_2_VERSION),
        "1.3": (SSL.TLS1_3_VERSION, SSL.TLS1_3_VERSION),
    }[settings.tls_versions]
    made.set_min_proto_version(lowest)
    made.set_max_proto_version(highest)
    if settings.client_certificate:
        made.load_verify_locations(settings.authority)
        made.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    return made


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        settings = Settings(**json.load(file))

    class Handler({"off": FTPHandler, "explicit": TLS_FTPHandler, "implicit": ImplicitHandler}[settings.tls]):
        pass

    authorizer = DummyAuthorizer()
    authorizer.add_user(settings.user, settings.password, settings.root, perm="elradfmwMT")
    if settings.anonymous:
        authorizer.add_anonymous(settings.root)
    Handler.authorizer = authorizer
    Handler.passive_ports = range(settings.passive_first, settings.passive_last + 1)
    if not settings.active:
        Handler.proto_cmds = {
            name: rest for name, rest in Handler.proto_cmds.items() if name not in ("PORT", "EPRT")
        }
    if settings.tls != "off":
        Handler.certfile = settings.certificate
        Handler.ssl_context = context(settings)
        Handler.tls_control_required = settings.control_required
        Handler.tls_data_required = settings.data_required

    server = FTPServer((settings.address, settings.port), Handler)
    server.max_cons = 2000
    server.max_cons_per_ip = settings.sessions
    os.setgroups([])
    os.setgid(settings.gid)
    os.setuid(settings.uid)
    os.umask(0o022)
    server.serve_forever(handle_exit=False)


main()

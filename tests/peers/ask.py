"""What a server answers, found out with nothing of this project: sockets and OpenSSL, by way of Python's standard library.

    ask.py HOST PORT MODE CA USER PASSWORD     MODE: explicit, implicit or clear

prints one JSON object: the columns of `ftp survey` by their names, as far as they can be found out so.
"""

import json
import re
import socket
import ssl
import sys

HOST, PORT, MODE, CA, USER, PASSWORD = sys.argv[1:]
LIMIT = 20


def context(low=None, high=None):
    made = ssl.create_default_context(cafile=CA)
    if low:
        made.minimum_version = low
    if high:
        made.maximum_version = high
    return made


class Control:
    """One control connection; `method` is what AUTH is asked for, or None."""

    def __init__(self, method=None, tls=None, greeted=True):
        self.sock = socket.create_connection((HOST, int(PORT)), LIMIT)
        self.context = tls or context()
        self.pending = b""
        if MODE == "implicit":
            self.wrap()
        if greeted:
            self.greeting = self.reply()
        if method:
            self.auth = self.ask("AUTH " + method)
            if self.auth[0] == 234:
                self.wrap()

    def wrap(self):
        assert not self.pending, self.pending
        self.sock = self.context.wrap_socket(self.sock, server_hostname=HOST, suppress_ragged_eofs=False)

    def line(self):
        while b"\n" not in self.pending:
            piece = self.sock.recv(65536)
            if not piece:
                raise EOFError
            self.pending += piece
        line, self.pending = self.pending.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def reply(self):
        while True:
            lines = [self.line()]
            code = lines[0][:3]
            if lines[0][3:4] == "-":
                while not lines[-1].startswith(code + " "):
                    lines.append(self.line())
            if int(code) >= 200:
                return int(code), lines

    def say(self, *lines):
        self.sock.sendall("".join(line + "\r\n" for line in lines).encode())

    def ask(self, line):
        self.say(line)
        return self.reply()

    def code(self, line):
        return str(self.ask(line)[0])

    def login(self):
        code = self.code("USER " + USER)
        return self.code("PASS " + PASSWORD) if code == "331" else code

    def protect(self):
        if isinstance(self.sock, ssl.SSLSocket):
            assert self.code("PBSZ 0") == "200" and self.code("PROT P") == "200"
        return self

    def passive(self, command="EPSV"):
        code, lines = self.ask(command)
        if code == 229:
            port = int(re.search(r"\|\|\|(\d+)\|", lines[-1]).group(1))
        elif code == 227:
            numbers = [int(number) for number in re.search(r"(\d+,){5}\d+", lines[-1]).group().split(",")]
            port = numbers[4] * 256 + numbers[5]
        else:
            raise ValueError(code)
        return socket.create_connection((HOST, port), LIMIT)

    def active(self, command):
        """A listener the server knows of."""
        listener = socket.create_server((HOST, 0))
        listener.settimeout(LIMIT)
        port = listener.getsockname()[1]
        place = "|1|%s|%d|" % (HOST, port) if command == "EPRT" else HOST.replace(".", ",") + ",%d,%d" % divmod(port, 256)
        code = self.ask(command + " " + place)[0]
        if code >= 300:
            raise ValueError(code)
        return listener

    def transfer(self, line, command="EPSV", resumes=True):
        """Code, payload, whether TLS was resumed, how the data ended."""
        if command in ("EPRT", "PORT"):
            listener = self.active(command)
            self.say(line)
            data = listener.accept()[0]
        else:
            data = self.passive(command)
            self.say(line)
        resumed, end, payload = None, None, b""
        try:
            if isinstance(self.sock, ssl.SSLSocket):
                session = self.sock.session if resumes else None
                data = self.context.wrap_socket(
                    data, server_hostname=HOST, session=session, suppress_ragged_eofs=False
                )
                resumed = data.session_reused
            while True:
                piece = data.recv(65536)
                if not piece:
                    end = "close_notify"
                    break
                payload += piece
        except ssl.SSLEOFError:
            end = "no close_notify"
        except OSError as error:
            end = str(error)
        try:
            data.close()
            return self.reply()[0], payload, resumed, end
        except (EOFError, OSError):
            return 0, payload, resumed, end


def listed(control, line="LIST", command="EPSV"):
    try:
        code = control.transfer(line, command)[0]
    except ValueError as refused:
        code = refused.args[0]
    return "works" if 200 <= code < 300 else "refused: %d" % code


def features(answer):
    return [line.strip() for line in answer[1][1:-1]]


def in_session(method, found):
    """What needs a login."""

    def fresh():
        control = Control(method)
        assert control.login().startswith("2")
        return control

    control = Control(method)
    found["login"] = control.login()
    found["syst"] = control.code("SYST")
    answer = control.ask("FEAT")
    found["feat_after_login"] = " ".join([str(answer[0])] + [line.split()[0] for line in features(answer) if line])
    found["opts_utf8"] = control.code("OPTS UTF8 ON")
    found["mlst"] = control.code("MLST")
    control.code("TYPE I")
    found["rest"] = control.code("REST 1")
    found["abor_idle"] = control.code("ABOR")
    control.say("NOOP", "SYST", "PWD", "TYPE I")
    codes = [control.reply()[0] for _ in range(4)]
    in_order = codes[0] == 200 and codes[2:] == [257, 200]
    found["batching"] = "answered in order" if in_order else "answered " + str(codes)
    found["epsv"] = control.code("EPSV")
    code, lines = control.ask("PASV")
    found["pasv"] = str(code)
    if code == 227:
        host = ".".join(re.search(r"(\d+,){4}", lines[-1]).group().split(",")[:4])
        found["passive_address"] = "the server's" if host == HOST else host
    found["rein"] = control.code("REIN")

    control = fresh().protect()
    found["list_epsv"] = listed(control)
    if found["list_epsv"] == "works" and method_is_tls(method):
        found["data_close"] = control.transfer("LIST")[3]
    found["mlsd"] = listed(fresh().protect(), "MLSD")
    for command in ["PASV", "EPRT", "PORT"]:
        found["list_" + command.lower()] = listed(fresh().protect(), "LIST", command)
    if not method_is_tls(method):
        return

    for column, version in [("resumed_1_2", ssl.TLSVersion.TLSv1_2), ("resumed_1_3", ssl.TLSVersion.TLSv1_3)]:
        try:
            control = Control(method, context(version, version))
        except (ssl.SSLError, OSError):
            continue
        control.login()
        control.protect()
        resumed = [control.transfer("LIST")[2] for _ in range(2)]
        found[column] = "yes" if all(resumed) else "no"

    code = fresh().protect().transfer("NLST", resumes=False)[0]
    found["reuse_required"] = "no" if 200 <= code < 300 else "yes: %d" % code

    control = fresh()
    code = control.code("CCC")
    found["ccc"] = code
    if code == "200":
        control.sock = control.sock.unwrap()
        found["ccc"] = "200, then %s in clear text" % control.code("NOOP")


def method_is_tls(method):
    return method is not None or MODE == "implicit"


def unprotected(method):
    """How data comes when nothing was said about it."""
    control = Control(method)
    control.login()
    data = control.passive()
    control.say("NLST")
    data.settimeout(3)
    try:
        try:
            came = data.recv(65536)
        except ConnectionResetError:
            came = b""
        if came:
            return "clear"
        data.close()
        return "refused: %d" % control.reply()[0]
    except TimeoutError:
        data.settimeout(LIMIT)
        control.context.wrap_socket(data, server_hostname=HOST, session=control.sock.session)
        return "private"


def inside_tls(method, found):
    control = Control(method)
    if MODE == "implicit":
        found["greeting"] = "%d %s" % (control.greeting[0], control.greeting[1][0][4:])
        answer = control.ask("FEAT")
        found["feat_before_login"] = str(answer[0])
        found["auth_advertised"] = advertised(answer)
    found["prot_before_pbsz"] = control.code("PROT P")
    found["pbsz"] = control.code("PBSZ 8192")
    for level in "CSEXP":
        found["prot_" + level.lower()] = control.code("PROT " + level)
    control.code("QUIT")
    try:
        found["control_close"] = "close_notify" if control.sock.recv(1) == b"" else "more"
    except ssl.SSLEOFError:
        found["control_close"] = "no close_notify"
    except OSError as error:
        found["control_close"] = str(error)


def advertised(answer):
    methods = [method for line in features(answer) if line.startswith("AUTH ") for method in re.split(r"[; ]+", line[5:])]
    return " ".join(method for method in methods if method) or "none"


def behind():
    control = Control()
    control.say("AUTH TLS", "NOOP")
    try:
        code = control.reply()[0]
        if code != 234:
            return "AUTH was answered with %d" % code
        control.wrap()
        code = control.code("QUIT")
    except (AssertionError, EOFError, OSError):
        # Clear text where TLS has to begin counts as cut: no client can go on.
        return "connection cut"
    return {"221": "thrown away", "200": "carried out inside TLS"}.get(code, code)


def main():
    found = {}
    if MODE != "implicit":
        control = Control()
        found["greeting"] = "%d %s" % (control.greeting[0], control.greeting[1][0][4:])
        answer = control.ask("FEAT")
        found["feat_before_login"] = str(answer[0])
        found["auth_advertised"] = advertised(answer)
        for column, line in [
            ("auth_unknown", "AUTH FOO"),
            ("pbsz_before_auth", "PBSZ 0"),
            ("prot_before_auth", "PROT P"),
            ("host", "HOST x.invalid"),
            ("clear_user", "USER anonymous"),
        ]:
            found[column] = control.code(line)
        for method in ["TLS", "SSL", "TLS-C", "TLS-P"]:
            column = "auth_" + method.lower().replace("-", "_")
            found[column] = str(Control(method).auth[0])
    if MODE == "explicit":
        found["auth_again"] = Control("TLS").code("AUTH TLS")
        found["behind_auth"] = behind()
        found["data_after_auth_tls"] = unprotected("TLS")
        if found["auth_ssl"] == "234":
            found["data_after_auth_ssl"] = unprotected("SSL")
    if MODE == "implicit":
        found["data_implicit"] = unprotected(None)
    method = "TLS" if MODE == "explicit" else None
    if MODE != "clear":
        inside_tls(method, found)
        for column, version in [("tls_1_2", ssl.TLSVersion.TLSv1_2), ("tls_1_3", ssl.TLSVersion.TLSv1_3)]:
            try:
                found[column] = Control(method, context(version, version)).sock.version()
            except (ssl.SSLError, OSError):
                found[column] = "no"
    in_session(method, found)
    print(json.dumps(found))


main()

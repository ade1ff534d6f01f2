//! The real servers come up, let the user in, take a file and give one, with every kind of TLS they have, and are
//! gone afterwards. Another client, curl, does the talking here.

#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the helpers of a test may fail as the test does"
)]

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use ftp_proto_tests::peers::{self, Certificate, Kind, Options, Server, Tls, Versions};

const EXPLICIT: Tls = Tls::Explicit;

#[test]
fn plain() {
    each(|_| Options::default());
}

#[test]
fn plain_over_ipv6() {
    each(|_| Options {
        ipv6: true,
        ..Options::default()
    });
}

#[test]
fn explicit_tls_with_reuse_where_a_server_can_require_it() {
    each_with_tls(|kind| Options {
        tls: EXPLICIT,
        require_reuse: matches!(kind, Kind::Vsftpd | Kind::ProFtpd),
        ..Options::default()
    });
}

#[test]
fn explicit_tls_over_ipv6() {
    each_with_tls(|_| Options {
        tls: EXPLICIT,
        ipv6: true,
        ..Options::default()
    });
}

#[test]
fn tls_1_2_only() {
    each_with_tls(|_| Options {
        tls: EXPLICIT,
        versions: Versions::Tls12Only,
        ..Options::default()
    });
}

#[test]
fn tls_1_3_only() {
    each_with_tls(|_| Options {
        tls: EXPLICIT,
        versions: Versions::Tls13Only,
        ..Options::default()
    });
}

#[test]
fn implicit_tls() {
    for kind in [Kind::Vsftpd, Kind::ProFtpd, Kind::Pyftpdlib] {
        exchange(
            kind,
            &Options {
                tls: Tls::Implicit,
                ..Options::default()
            },
        );
    }
}

#[test]
fn vsftpd_insists_on_close_notify() {
    let options = Options {
        tls: EXPLICIT,
        strict_close: true,
        require_reuse: true,
        ..Options::default()
    };
    exchange(Kind::Vsftpd, &options);
}

#[test]
fn versions_are_really_limited() {
    let limits = [
        (Versions::Tls12Only, ["--tlsv1.3", "--tls-max", "1.3"]),
        (Versions::Tls13Only, ["--tlsv1.2", "--tls-max", "1.2"]),
    ];
    for kind in with_tls() {
        for (versions, other) in limits {
            let options = Options {
                tls: EXPLICIT,
                versions,
                ..Options::default()
            };
            let server = started(kind, &options);
            let result = curl(&server, "readme.txt", &other);
            assert_eq!(
                result.status.code(),
                Some(35),
                "{kind} {versions:?} {result:?}\n{}",
                server.log()
            );
        }
    }
}

#[test]
fn required_tls_is_required() {
    for kind in with_tls() {
        let options = Options {
            tls: EXPLICIT,
            require_tls_control: true,
            require_tls_data: true,
            ..Options::default()
        };
        let server = started(kind, &options);
        let reply = reply_to_clear_login(&server);
        assert!(!reply.starts_with("331"), "{kind}: {reply:?}");
        let clear_data = bare_curl(&server, "ftp", "readme.txt", &["--ftp-ssl-control"]);
        assert!(!clear_data.status.success(), "{kind} {clear_data:?}");
        download(&server, "readme.txt");
    }
}

#[test]
fn flawed_certificates_are_noticed() {
    let flaws = [
        Certificate::Expired,
        Certificate::NotYetValid,
        Certificate::WrongName,
        Certificate::SelfSigned,
        Certificate::UnknownIssuer,
    ];
    for kind in with_tls() {
        for certificate in flaws {
            let options = Options {
                tls: EXPLICIT,
                certificate,
                ..Options::default()
            };
            let server = started(kind, &options);
            let result = curl(&server, "readme.txt", &[]);
            assert_eq!(
                result.status.code(),
                Some(60),
                "{kind} {certificate:?} {result:?}"
            );
            let careless = curl(&server, "readme.txt", &["--insecure"]);
            assert!(
                careless.status.success(),
                "{kind} {certificate:?} {careless:?}\n{}",
                server.log()
            );
        }
    }
}

#[test]
fn client_certificates_are_asked_for() {
    for kind in with_tls() {
        let options = Options {
            tls: EXPLICIT,
            client_certificate: true,
            ..Options::default()
        };
        let server = started(kind, &options);
        let without = curl(&server, "readme.txt", &[]);
        assert!(!without.status.success(), "{kind} {without:?}");

        let credential = server.authority().client("somebody").unwrap();
        let certificate = server.ca_path().with_file_name("client-cert.pem");
        let key = server.ca_path().with_file_name("client-key.pem");
        fs::write(&certificate, credential.certificate).unwrap();
        fs::write(&key, credential.key).unwrap();
        let arguments = [
            "--cert",
            certificate.to_str().unwrap(),
            "--key",
            key.to_str().unwrap(),
        ];
        let with = curl(&server, "readme.txt", &arguments);
        assert!(with.status.success(), "{kind} {with:?}\n{}", server.log());
    }
}

#[test]
fn active_mode() {
    for kind in Kind::ALL {
        let server = started(kind, &Options::default());
        let active = curl(&server, "100k.bin", &["--ftp-port", "127.0.0.1"]);
        let expected = fs::read(server.root().join("100k.bin")).unwrap();
        assert!(
            active.stdout == expected,
            "{kind} {:?}\n{}",
            active.status,
            server.log()
        );
    }
    for kind in [Kind::Vsftpd, Kind::ProFtpd, Kind::Pyftpdlib] {
        let options = Options {
            allow_active: false,
            ..Options::default()
        };
        let server = started(kind, &options);
        let refused = curl(&server, "100k.bin", &["--ftp-port", "127.0.0.1"]);
        assert_eq!(refused.status.code(), Some(30), "{kind} {refused:?}");
        download(&server, "100k.bin");
    }
}

#[test]
fn anonymous() {
    for kind in [Kind::Vsftpd, Kind::ProFtpd, Kind::Pyftpdlib] {
        for anonymous in [true, false] {
            let options = Options {
                anonymous,
                ..Options::default()
            };
            let server = started(kind, &options);
            let result = curl(&server, "readme.txt", &["--user", "anonymous:guest@"]);
            assert_eq!(
                result.status.success(),
                anonymous,
                "{kind} {result:?}\n{}",
                server.log()
            );
        }
    }
}

#[test]
fn what_cannot_be_says_why() {
    let implicit = Options {
        tls: Tls::Implicit,
        ..Options::default()
    };
    let error = peers::start(Kind::PureFtpd, &implicit).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("implicit"), "{error}");
}

/// Several at once, with their transfers, do not get in each other's way; and nothing is left of a server.
#[test]
fn many_at_once_and_none_afterwards() {
    let servers: Vec<Server> = [Kind::ALL, Kind::ALL]
        .concat()
        .into_iter()
        .map(|kind| started(kind, &Options::default()))
        .collect();
    std::thread::scope(|scope| {
        for server in &servers {
            scope.spawn(move || download(server, "100k.bin"));
        }
    });
    let roots: Vec<_> = servers
        .iter()
        .map(|server| server.root().to_path_buf())
        .collect();
    let addresses: Vec<_> = servers.iter().map(Server::addr).collect();
    drop(servers);
    for root in roots {
        let directory = root.parent().unwrap();
        assert!(!directory.exists(), "{} is left", directory.display());
        let name = directory.to_str().unwrap();
        let left = processes_of(name);
        assert!(left.is_empty(), "left: {left:?}");
    }
    for address in addresses {
        assert!(TcpStream::connect(address).is_err(), "{address} answers");
    }
}

/// A server is gone with its sessions, also those in which somebody is logged in and silent.
#[test]
fn sessions_end_with_their_server() {
    for kind in Kind::ALL {
        let server = started(kind, &Options::default());
        let mut control = connect(&server);
        assert!(reply_line(&mut control).starts_with("220"));
        for (line, code) in [
            (format!("USER {}\r\n", server.user()), "331"),
            (format!("PASS {}\r\n", server.password()), "230"),
        ] {
            control.get_mut().write_all(line.as_bytes()).unwrap();
            let reply = reply_line(&mut control);
            assert!(reply.starts_with(code), "{kind}: {reply:?}");
        }
        drop(server);
        // End of file or a reset; not the time-out.
        let mut rest = Vec::new();
        match control.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{kind}"),
        }
    }
}

fn each(options: impl Fn(Kind) -> Options) {
    for kind in Kind::ALL {
        exchange(kind, &options(kind));
    }
}

fn each_with_tls(options: impl Fn(Kind) -> Options) {
    for kind in with_tls() {
        exchange(kind, &options(kind));
    }
}

fn with_tls() -> impl Iterator<Item = Kind> {
    Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::Inetutils)
}

/// Greeting, login, a small upload and a small download.
fn exchange(kind: Kind, options: &Options) {
    let begun = Instant::now();
    let server = started(kind, options);
    let up_after = begun.elapsed();
    if options.tls != Tls::Implicit {
        let greeting = greeting(&server);
        assert!(greeting.starts_with("220"), "{kind}: {greeting:?}");
    }
    upload(&server);
    download_all(&server);
    let refused = curl(&server, "unreadable.txt", &[]);
    assert!(
        !refused.status.success(),
        "{kind} gives away what it may not read"
    );
    let done_after = begun.elapsed();
    let place = bare_curl(
        &server,
        scheme(&server),
        "",
        &["--list-only", "-v", "-Q", "PWD"],
    );
    let said = String::from_utf8_lossy(&place.stderr);
    let home = server.home();
    assert!(
        said.contains(&format!("< 257 \"{home}\"")),
        "{kind} is not at {home}: {said}"
    );
    drop(server);
    println!(
        "{kind:9} up after {up_after:7.1?}, all files after {done_after:7.1?}: {:?} {:?}{}{}",
        options.tls,
        options.versions,
        if options.require_reuse { " reuse" } else { "" },
        if options.ipv6 { " IPv6" } else { "" },
    );
}

fn started(kind: Kind, options: &Options) -> Server {
    peers::start(kind, options).unwrap_or_else(|error| panic!("{kind}, {options:?}: {error}"))
}

fn greeting(server: &Server) -> String {
    reply_line(&mut connect(server))
}

/// Not curl: Pure-FTPd answers 421 but stays, and curl waits for it to go.
fn reply_to_clear_login(server: &Server) -> String {
    let mut control = connect(server);
    reply_line(&mut control);
    let user = format!("USER {}\r\n", server.user());
    control.get_mut().write_all(user.as_bytes()).unwrap();
    reply_line(&mut control)
}

fn connect(server: &Server) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(server.addr()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    BufReader::new(stream)
}

/// The last line of the next reply.
fn reply_line(control: &mut BufReader<TcpStream>) -> String {
    loop {
        let mut line = String::new();
        control.read_line(&mut line).unwrap();
        if line.as_bytes().get(3) != Some(&b'-') {
            return line;
        }
    }
}

fn upload(server: &Server) {
    let content: Vec<u8> = (0..3000_u32).flat_map(u32::to_le_bytes).collect();
    let source = server.ca_path().with_file_name("upload.bin");
    fs::write(&source, &content).unwrap();
    let result = curl(
        server,
        "uploaded.bin",
        &["--upload-file", source.to_str().unwrap()],
    );
    assert!(
        result.status.success(),
        "{}: {result:?}\n{}",
        server.kind(),
        server.log()
    );
    let stored = fs::read(server.root().join("uploaded.bin")).unwrap();
    assert!(stored == content, "{} stored something else", server.kind());
}

fn download(server: &Server, name: &str) {
    download_each(server, &[name]);
}

fn download_all(server: &Server) {
    download_each(
        server,
        &[
            "readme.txt",
            "100k.bin",
            "empty.bin",
            "dir/inner.txt",
            "a name with spaces.txt",
            "grüße-日本.txt",
        ],
    );
}

/// In one session.
fn download_each(server: &Server, names: &[&str]) {
    let mut command = curl_command(server, &tls_arguments(server));
    let outputs: Vec<_> = (0..names.len())
        .map(|index| server.ca_path().with_file_name(format!("download-{index}")))
        .collect();
    for (name, output) in names.iter().zip(&outputs) {
        command.arg("--output").arg(output);
        command.arg(url(server, scheme(server), name));
    }
    let result = run(command);
    assert!(
        result.status.success(),
        "{} {names:?}: {result:?}\n{}",
        server.kind(),
        server.log()
    );
    for (name, output) in names.iter().zip(&outputs) {
        // curl makes no file when there is nothing to put into it.
        let got = fs::read(output).unwrap_or_default();
        let expected = fs::read(server.root().join(name)).unwrap();
        assert!(
            got == expected,
            "{} {name}: got {} bytes instead of {}",
            server.kind(),
            got.len(),
            expected.len()
        );
    }
}

fn curl(server: &Server, name: &str, more: &[&str]) -> Output {
    let mut arguments = tls_arguments(server);
    // curl 7.88 resets TLS 1.3 uploads now and then: it closes data connections without reading the tickets.
    if server.options().versions == Versions::Both && more.contains(&"--upload-file") {
        arguments.extend(["--tls-max", "1.2"]);
    }
    arguments.extend(more);
    bare_curl(server, scheme(server), name, &arguments)
}

fn tls_arguments(server: &Server) -> Vec<&'static str> {
    match server.options().tls {
        Tls::Explicit => vec!["--ssl-reqd"],
        _ => Vec::new(),
    }
}

fn scheme(server: &Server) -> &'static str {
    match server.options().tls {
        Tls::Implicit => "ftps",
        _ => "ftp",
    }
}

/// Without `--ssl-reqd`.
fn bare_curl(server: &Server, scheme: &str, name: &str, more: &[&str]) -> Output {
    let mut command = curl_command(server, more);
    command.arg(url(server, scheme, name));
    run(command)
}

fn curl_command(server: &Server, more: &[&str]) -> Command {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--max-time", "30", "--cacert"])
        .arg(server.ca_path())
        .arg("--user")
        .arg(format!("{}:{}", server.user(), server.password()))
        .args(more);
    command
}

fn url(server: &Server, scheme: &str, name: &str) -> String {
    let escaped: String = name
        .bytes()
        .map(|byte| match byte {
            b'/' | b'.' | b'-' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!("{scheme}://{}/{escaped}", server.addr())
}

fn run(mut command: Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("curl: {error} (run tests/peers/install.sh)"))
}

/// Processes with this text in their command line.
fn processes_of(text: &str) -> Vec<String> {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(text))
        .collect()
}

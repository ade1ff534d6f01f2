//! Files that are not there, must not be touched, do not fit or break off.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ftp_proto_tests::peers::{Kind, Options, Server};
use ftp_proto_tests::tool;

use crate::board::{Attempt, Board, Case, Ended, Scratch, Tiny};
use crate::security::{at, explicit, started, text};

/// Bytes in a file that is long enough to be broken off in the middle; it has holes only.
const LONG: u64 = 1 << 32;

/// So many bytes are some, and far from all.
const SOME: u64 = 1 << 20;

/// What a real server says no to.
pub(crate) fn refused(board: &Board, kind: Kind) {
    let server = started(kind, &usual(kind));
    let root = server.root();
    let owner = fs::metadata(root).unwrap();
    let closed = root.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(closed.join("root.txt"), "Stays.\n").unwrap();
    let full = Tiny::mount(&root.join("full"), owner.uid(), owner.gid());

    let scratch = Scratch::new();
    let small = scratch.path.join("small.bin");
    fs::write(&small, b"small").unwrap();
    let large = scratch.path.join("large.bin");
    fs::write(&large, vec![b'l'; 1 << 20]).unwrap();
    let (small, large) = (text(&small), text(&large));

    let case = Case::new(
        format!("wrong password, {kind}"),
        5,
        &[
            "530",
            "check name and password|check user name and password",
        ],
    );
    board.bad(&case, |attempt| get(attempt, &server, "readme.txt"));

    let ours = |name: &str, status: i32, says: &'static [&'static str]| {
        Case::new(format!("{name}, {kind}"), status, says).secret(server.password())
    };
    let case = ours(
        "missing file",
        6,
        &["RETR", "550", "check the path", "letter case"],
    );
    board.bad(&case, |attempt| get(attempt, &server, "nowhere.txt"));
    // Some list it as empty.
    let case = ours(
        "missing directory to list",
        6,
        &["refused", "check the path"],
    );
    board.bad(&case, |attempt| {
        with(attempt, &server, &["ls", &at(&server, "ftp", "nowhere/")])
    });
    let case = ours(
        "no permission to read",
        6,
        &["RETR", "550", "the server's administrator"],
    );
    board.bad(&case, |attempt| get(attempt, &server, "unreadable.txt"));
    let case = ours(
        "no permission to write",
        6,
        &["STOR", "55", "no permission to write", "another directory"],
    );
    board.bad(&case, |attempt| {
        with(
            attempt,
            &server,
            &["put", small, &at(&server, "ftp", "closed/root.txt")],
        )
    });
    let case = ours("directory that may not be written", 6, &["STOR", "55"]);
    board.bad(&case, |attempt| {
        with(
            attempt,
            &server,
            &["put", small, &at(&server, "ftp", "closed/")],
        )
    });
    let case = ours(
        "delete without permission",
        6,
        &["DELE", "55", "the server's administrator"],
    );
    board.bad(&case, |attempt| {
        with(
            attempt,
            &server,
            &["rm", &at(&server, "ftp", "closed/root.txt")],
        )
    });
    let (status, says): (_, &[&str]) = match kind {
        Kind::ProFtpd | Kind::Inetutils => (6, &["STOR", "452", "no room"]),
        // It says nothing at all.
        Kind::Pyftpdlib => (9, &["no answer in time"]),
        Kind::Vsftpd | Kind::PureFtpd => (7, &["STOR", "451", "broke", "no room"]),
    };
    let case = Case::new(format!("full disk on the server, {kind}"), status, says)
        .secret(server.password());
    board.bad(&case, |attempt| {
        let url = at(&server, "ftp", "full/");
        let ended = within("3", attempt, &server, &["put", large, &url]);
        // Room for the next attempt.
        for entry in fs::read_dir(root.join("full")).unwrap().flatten() {
            let _ = fs::remove_file(entry.path());
        }
        ended
    });
    if closed.join("small.bin").exists()
        || fs::read(closed.join("root.txt")).unwrap() != b"Stays.\n"
    {
        board.wrong(kind.name(), "a closed directory was written to");
    }
    drop(full);
}

/// Trouble on our own side.
pub(crate) fn local(board: &Board) {
    let server = started(Kind::Vsftpd, &explicit());
    let scratch = Scratch::new();
    let tiny_path = scratch.path.join("tiny");
    let tiny = Tiny::mount(&tiny_path, 0, 0);
    let case = Case::new(
        "full local disk",
        1,
        &["No space left", "100k.bin", "room on the disk"],
    )
    .secret(server.password());
    board.bad(&case, |attempt| {
        let url = at(&server, "ftp", "100k.bin");
        let ended = with(
            attempt,
            &server,
            &["get", &url, &format!("{}/", text(&tiny_path))],
        );
        if fs::read_dir(&tiny_path).unwrap().next().is_some() {
            board.wrong("full local disk", "something is left there");
        }
        ended
    });
    drop(tiny);
    let case = Case::new("local file missing", 1, &["nowhere.bin", "No such file"])
        .secret(server.password());
    board.bad(&case, |attempt| {
        with(
            attempt,
            &server,
            &["put", "nowhere.bin", &at(&server, "ftp", "")],
        )
    });
    let case = Case::new(
        "local directory missing",
        1,
        &["nowhere/readme.txt", "No such file"],
    )
    .secret(server.password());
    board.bad(&case, |attempt| {
        let url = at(&server, "ftp", "readme.txt");
        with(attempt, &server, &["get", &url, "nowhere/"])
    });
    let case = Case::new("a directory in place of a local file", 1, &["irectory"])
        .secret(server.password());
    board.bad(&case, |attempt| {
        with(
            attempt,
            &server,
            &["put", "/tmp", &at(&server, "ftp", "up.bin")],
        )
    });
    let case =
        Case::new("output that takes nothing", 1, &["No space left"]).secret(server.password());
    board.bad(&case, |attempt| {
        with(
            attempt,
            &server,
            &["get", &at(&server, "ftp", "100k.bin"), "/dev/full"],
        )
    });
}

/// A tree that is not there: more than one line is said, the last one what to do.
pub(crate) fn trees(board: &Board) {
    let server = started(Kind::Vsftpd, &explicit());
    let scratch = Scratch::new();
    let output = tool::ftp()
        .env("FTP_PASSWORD", server.password())
        .arg("--ca")
        .arg(server.ca_path())
        .args(["mirror", &at(&server, "ftp", "nowhere")])
        .arg(scratch.path.join("copy"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = said.trim_end().lines().last().unwrap_or_default();
    let wrong = output.status.code() != Some(7)
        || !last.contains("1 failed")
        || !last.ends_with("what is done is not done twice")
        || said.contains(server.password());
    if wrong {
        board.wrong("missing directory to mirror", &said);
    }
}

/// Servers that die in the middle.
pub(crate) fn killed(board: &Board) {
    for kind in [
        Kind::Vsftpd,
        Kind::ProFtpd,
        Kind::PureFtpd,
        Kind::Pyftpdlib,
        Kind::Inetutils,
    ] {
        // The account is the same each time.
        let secret = started(kind, &usual(kind)).password().to_owned();
        let case = Case::new(
            format!("server killed in mid-download, {kind}"),
            7,
            &["whole", "--resume"],
        )
        .secret(&secret);
        board.bad(&case, |attempt| {
            let server = started(kind, &usual(kind));
            let long = server.root().join("long.bin");
            File::create(&long).unwrap().set_len(LONG).unwrap();
            let url = at(&server, "ftp", "long.bin");
            kill_in_the_middle(attempt, server, &["get", &url], attempt.place())
        });
        let case = Case::new(
            format!("server killed in mid-upload, {kind}"),
            7,
            &["whole", "--resume"],
        )
        .secret(&secret);
        let scratch = Scratch::new();
        let long = scratch.path.join("long.bin");
        File::create(&long).unwrap().set_len(LONG).unwrap();
        board.bad(&case, |attempt| {
            let server = started(kind, &usual(kind));
            let url = at(&server, "ftp", "up.bin");
            let root = server.root().to_path_buf();
            kill_in_the_middle(attempt, server, &["put", text(&long), &url], &root)
        });
    }
}

/// Runs a transfer and kills the server when some of it is in `place`.
fn kill_in_the_middle(
    attempt: &Attempt<'_>,
    server: Server,
    arguments: &[&str],
    place: &Path,
) -> Ended {
    let arguments = all_arguments("10", &server, arguments);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let child = attempt.spawn(&arguments);
    let begun = Instant::now();
    while !has_some(place) && begun.elapsed() < Duration::from_secs(20) {
        sleep(Duration::from_millis(1));
    }
    drop(server);
    attempt.end(child)
}

/// Whether a file there has grown to [`SOME`] bytes.
fn has_some(place: &Path) -> bool {
    fs::read_dir(place)
        .unwrap()
        .flatten()
        .filter_map(|entry| Some((entry.file_name(), entry.metadata().ok()?.len())))
        .any(|(name, length)| name != "long.bin" && length >= SOME)
}

/// TLS where there is any.
fn usual(kind: Kind) -> Options {
    match kind {
        Kind::Inetutils => Options::default(),
        _ => explicit(),
    }
}

fn get(attempt: &Attempt<'_>, server: &Server, name: &str) -> Ended {
    with(attempt, server, &["get", &at(server, "ftp", name)])
}

/// Some servers take their time before they refuse a password.
fn with(attempt: &Attempt<'_>, server: &Server, arguments: &[&str]) -> Ended {
    within("20", attempt, server, arguments)
}

fn within(limit: &str, attempt: &Attempt<'_>, server: &Server, arguments: &[&str]) -> Ended {
    let arguments = all_arguments(limit, server, arguments);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    attempt.run(&arguments)
}

fn all_arguments(limit: &str, server: &Server, arguments: &[&str]) -> Vec<String> {
    let ca = server.ca_path();
    let security = match server.kind() {
        Kind::Inetutils => ["--clear", "--quiet"],
        _ => ["--ca", text(&ca)],
    };
    let limit = ["--timeout", limit];
    let all = security.iter().chain(&limit).chain(arguments);
    all.map(|argument| (*argument).to_owned()).collect()
}

//! What the user typed.

use crate::board::{Board, CANARY, Case};

pub(crate) fn all(board: &Board) {
    let in_urls: [(&str, &str, &[&str]); 18] = [
        ("no scheme", "ftp.example.org/a", &["ftp://", "ftps://"]),
        (
            "another scheme",
            "http://h/a",
            &["http:// is not FTP", "use ftp://"],
        ),
        ("no host", "ftp://", &["host is missing"]),
        ("no host but a port", "ftp://:2121/a", &["host is missing"]),
        ("port 0", "ftp://h:0/a", &["1 to 65535"]),
        ("port beyond 65535", "ftp://h:65536/a", &["1 to 65535"]),
        ("port in letters", "ftp://h:x/a", &["1 to 65535"]),
        ("open bracket", "ftp://[::1/a", &["]"]),
        ("host with a space", "ftp://h h/a", &["host name"]),
        ("host not in ASCII", "ftp://bücher.example/a", &["xn--"]),
        ("empty user", "ftp://@h/a", &["user name"]),
        ("half an escape", "ftp://h/100%", &["%25"]),
        ("escape without digits", "ftp://h/%zz", &["%25"]),
        ("CR LF in the path", "ftp://h/a%0D%0ADELE%20b", &["CR, LF"]),
        ("raw LF in the path", "ftp://h/a\nDELE b", &["CR, LF"]),
        ("NUL in the path", "ftp://h/a%00", &["NUL"]),
        ("LF in the user", "ftp://j%0ao@h/a", &["CR, LF"]),
        ("unknown type", "ftp://h/a;type=x", &[";type="]),
    ];
    for (name, url, says) in in_urls {
        let case = Case::new(format!("URL: {name}"), 2, says);
        board.bad(&case, |attempt| attempt.run(&["get", url, "-"]));
    }
    // Each holds the password where it can get into the message.
    for (name, url, says) in [
        (
            "% in the password",
            format!("ftp://joe:{CANARY}%zz@h/a"),
            &["%25"][..],
        ),
        (
            "LF in the password",
            format!("ftp://joe:{CANARY}%0a@h/a"),
            &["CR, LF"],
        ),
        (
            "/ in the password",
            format!("ftp://joe:{CANARY}/x@h/a"),
            &["1 to 65535", "%2F"],
        ),
        (
            "password before the scheme",
            format!("joe:{CANARY}://h/a"),
            &["ftps://"],
        ),
        ("slash missing", format!("ftp:/joe:{CANARY}@h/a"), &["URL"]),
    ] {
        let case = Case::new(format!("URL: {name}"), 2, says);
        board.bad(&case, |attempt| attempt.run_bare(&["get", &url]));
    }
    let secret_url = format!("ftp://joe:{CANARY}@h/a");
    let arguments: [(&str, &[&str], &[&str]); 10] = [
        ("no command", &[], &["Usage"]),
        ("unknown command", &["fetch", &secret_url], &["fetch"]),
        (
            "one operand too many",
            &["ls", "ftp://h/", &secret_url],
            &["unexpected"],
        ),
        ("put to no URL", &["put", "a", "b"], &["ftp://"]),
        (
            "put of a URL",
            &["put", &secret_url, "ftp://h/b"],
            &["local file"],
        ),
        (
            "several files into one",
            &["put", "a", "b", "ftp://h/c"],
            &["end the URL with /"],
        ),
        (
            "a directory to get",
            &["get", "ftp://h/dir/"],
            &["names no file"],
        ),
        (
            "time-out of 0",
            &["ls", "--timeout", "0", "ftp://h/"],
            &["0"],
        ),
        (
            "pin that is none",
            &["ls", "--pin", "abc", "ftp://h/"],
            &["abc"],
        ),
        (
            "clear text and ftps",
            &["ls", "--clear", "ftps://h/"],
            &["--clear", "ftps://"],
        ),
    ];
    for (name, arguments, says) in arguments {
        let case = Case::new(name, 2, says);
        board.bad(&case, |attempt| attempt.run(arguments));
    }
    let case = Case::new("no password", 2, &["FTP_PASSWORD", "--password-file"]);
    board.bad(&case, |attempt| {
        attempt.run_bare(&["ls", "--user", "joe", "ftp://h/"])
    });
    for (name, option) in [
        ("password file missing", "--password-file"),
        ("authority file missing", "--ca"),
        ("own certificate missing", "--cert"),
    ] {
        let case = Case::new(name, 1, &["/nowhere/x", "No such file"]);
        board.bad(&case, |attempt| {
            attempt.run(&[
                "ls",
                "--user",
                "joe",
                option,
                "/nowhere/x",
                "ftp://127.0.0.1:9/",
            ])
        });
    }
}

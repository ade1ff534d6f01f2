//! The symptoms of old, made by small servers on real sockets: one sentence from the command-line client, which says what to do.

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread;
use std::time::Duration;

use ftp_proto_tests::certs::Authority;
use ftp_proto_tests::tool::ftp;
use serde_json::Value;
use socket2::{Domain, SockAddr, Socket, Type};

use super::scripted::{Talk, peer};

/// In seconds; the servers here never answer in time, or at once.
const TIMEOUT: &str = "4";

const LISTING: &[&str] = &["LIST", "NLST", "MLSD"];

type Script = Box<dyn Fn(&mut Talk, &str) -> io::Result<bool> + Send + Sync>;

/// One symptom.
struct Case {
    name: &'static str,
    script: Script,
    options: &'static [&'static str],
    /// The cause that comes first.
    id: &'static str,
    /// What the sentence says of it, and of what to do.
    says: [&'static str; 2],
}

/// What the server does at these commands; otherwise it is as any other.
fn at(
    verbs: &'static [&'static str],
    what: impl Fn(&mut Talk, &str) -> io::Result<()> + Send + Sync + 'static,
) -> Script {
    Box::new(move |talk, line| {
        let verb = line.split(' ').next().unwrap_or_default();
        let odd = verbs.contains(&verb);
        if odd {
            what(talk, verb)?;
        }
        Ok(odd)
    })
}

/// The first script that has something to do.
fn either(first: Script, second: Script) -> Script {
    Box::new(move |talk, line| Ok(first(talk, line)? || second(talk, line)?))
}

/// In place of TLS come these bytes.
fn in_place_of_tls(bytes: &'static [u8]) -> Script {
    at(&["AUTH"], move |talk, _| {
        talk.say("234 go on")?;
        talk.something()?;
        talk.send(bytes)?;
        talk.wait_for_the_end().map(drop)
    })
}

/// Passive replies name a port that is filtered.
fn filtered(port: u16) -> Script {
    at(&["EPSV", "PASV"], move |talk, verb| {
        talk.passive(verb, port)
    })
}

/// As [`filtered`], and the host is one of the server's own network.
fn private(port: u16) -> Script {
    at(&["PASV"], move |talk, _| {
        let (high, low) = (port >> 8, port & 0xFF);
        talk.say(&format!(
            "227 Entering Passive Mode (192,168,1,2,{high},{low})."
        ))
    })
}

/// The server hears nothing while it waits for the data connection, as vsftpd does.
fn deaf() -> Script {
    at(LISTING, |talk, _| talk.wait_for_the_end().map(drop))
}

/// The server waits for the data connection, and gives up when it is told to.
fn patient() -> Script {
    either(
        at(LISTING, |_, _| Ok(())),
        at(&["ABOR"], |talk, _| {
            talk.say("426 Failure.")?;
            talk.say("226 aborted")
        }),
    )
}

/// The data connection is up, and the server sends nothing on it; before that it says this, if anything.
fn stands_still(announcement: Option<&'static str>) -> Script {
    at(LISTING, move |talk, _| {
        let _data = talk.clear_data()?;
        if let Some(announcement) = announcement {
            talk.say(announcement)?;
        }
        talk.wait_for_the_end().map(drop)
    })
}

/// A port to which a connection neither comes about nor is refused: its queue is full and nobody empties it.
struct Full {
    port: u16,
    _listener: Socket,
    _waiting: Vec<Socket>,
}

impl Full {
    fn new() -> Full {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener
            .bind(&SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))
            .unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let waiting = (0..4)
            .map(|_| {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                socket.set_nonblocking(true).unwrap();
                // Under way, or in the queue: in either case a place less.
                let _ = socket.connect(&address);
                socket
            })
            .collect();
        thread::sleep(Duration::from_millis(100));
        Full {
            port: address.as_socket().unwrap().port(),
            _listener: listener,
            _waiting: waiting,
        }
    }
}

/// The sentence for people and the first cause for programs.
fn explained(address: SocketAddr, options: &[&str], ca: &Path) -> (String, Value) {
    let run = |json: bool| {
        let mut command = ftp();
        command.args(options).args(["--timeout", TIMEOUT]);
        command.arg("--ca").arg(ca);
        if json {
            command.arg("--json");
        }
        command.args(["ls", "-l", &format!("ftp://joe:hunter22@{address}/")]);
        command.output().unwrap()
    };
    let (said, value) = thread::scope(|scope| {
        let said = scope.spawn(|| run(false));
        let value = run(true).stdout;
        (said.join().unwrap().stderr, value)
    });
    let said = String::from_utf8(said).unwrap();
    let value: Value = serde_json::from_slice(&value).unwrap();
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(!said.contains("hunter22"), "{said}");
    let advice = value["error"]["advice"].as_str().unwrap();
    assert!(said.trim_end().ends_with(advice), "{said}\n{advice}");
    (said, value["error"]["causes"][0].clone())
}

fn cases(full: &Full) -> Vec<Case> {
    let clear = &["--clear", "--data", "epsv"];
    let active = &["--clear", "--data", "port"];
    let takes_port = || {
        at(&["PORT", "EPRT"], |talk, _| {
            talk.say("200 PORT command successful.")
        })
    };
    let case = |name, script, options, id, says| Case {
        name,
        script,
        options,
        id,
        says,
    };
    vec![
        case(
            "cut right after 234",
            at(&["AUTH"], |talk, _| {
                talk.say("234 go on")?;
                talk.cut()
            }),
            &[],
            "DX1",
            ["firewall", "another network"],
        ),
        case(
            "cut at the ClientHello",
            at(&["AUTH"], |talk, _| {
                talk.say("234 go on")?;
                talk.something()?;
                talk.cut()
            }),
            &[],
            "DX1",
            ["firewall", "another network"],
        ),
        case(
            "no ServerHello",
            at(&["AUTH"], |talk, _| {
                talk.say("234 go on")?;
                talk.wait_for_the_end().map(drop)
            }),
            &[],
            "HELLO",
            ["firewall swallows", "administrators"],
        ),
        case(
            "clear text in place of TLS",
            in_place_of_tls(b"500 Syntax error\r\n"),
            &[],
            "PLAINTEXT",
            ["went on in clear text", "administrator"],
        ),
        case(
            "a reply in SSL version 2",
            in_place_of_tls(&[0x80, 0x2e, 4, 0, 1, 0, 2]),
            &[],
            "SSLV2",
            ["SSL version 2", "newer software"],
        ),
        case(
            "the login is fine, the listing hangs: the port is filtered, the server waits",
            either(filtered(full.port), deaf()),
            clear,
            "DX12",
            ["passive data port", "the other mode"],
        ),
        case(
            "the same, and the server gives up when told to",
            either(filtered(full.port), patient()),
            clear,
            "DX12",
            ["passive data port", "the other mode"],
        ),
        case(
            "the same in every passive way under TLS",
            either(filtered(full.port), patient()),
            &["--data", "epsv,pasv"],
            "DX12",
            ["under TLS", "the other mode"],
        ),
        case(
            "the listing is announced, and no byte comes",
            stands_still(Some("150 Here comes the directory listing.")),
            clear,
            "DX19",
            ["firewall swallows", "the other mode"],
        ),
        case(
            "the data connection comes up, and nothing more on either",
            stands_still(None),
            clear,
            "DX19",
            ["firewall swallows", "the other mode"],
        ),
        case(
            "the server waits for TLS where clear text was agreed",
            at(LISTING, |talk, _| {
                let mut data = talk.clear_data()?;
                talk.say("150 Here comes the directory listing.")?;
                data.read_exact(&mut [0; 5])
            }),
            clear,
            "DX19",
            ["disagree about TLS", "the other mode"],
        ),
        case(
            "no answer to TLS on the data connection",
            stands_still(Some("150 Here comes the directory listing.")),
            &["--data", "epsv"],
            "DX19",
            ["disagree about TLS", "the other mode"],
        ),
        case(
            "no answer to TLS there, and no announcement",
            stands_still(None),
            &["--data", "epsv"],
            "DX19",
            ["disagree about TLS", "the other mode"],
        ),
        case(
            "a private address in the passive reply, and the port behind it is filtered",
            either(private(full.port), deaf()),
            &["--clear", "--data", "pasv"],
            "DX12",
            ["passive data port", "the other mode"],
        ),
        case(
            "PORT from behind a translator, refused",
            at(&["PORT", "EPRT"], |talk, _| {
                talk.say("500 Illegal PORT command.")
            }),
            active,
            "DX9",
            ["translator", "passive mode"],
        ),
        case(
            "PORT from behind a translator, in vain",
            either(
                takes_port(),
                at(LISTING, |talk, _| {
                    talk.say("150 Here comes the directory listing.")?;
                    thread::sleep(Duration::from_millis(300));
                    talk.say("425 Failed to establish connection.")
                }),
            ),
            active,
            "DX10",
            ["translator on our side", "passive mode"],
        ),
        case(
            "the same, and the server tries for ever",
            either(takes_port(), deaf()),
            active,
            "DX10",
            ["translator on our side", "passive mode"],
        ),
    ]
}

#[test]
fn each_symptom_is_told_in_one_sentence_with_what_to_do() {
    let full = Full::new();
    let ca = Path::new(env!("CARGO_TARGET_TMPDIR")).join("symptoms.pem");
    std::fs::write(&ca, Authority::shared().unwrap().pem()).unwrap();
    let told: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = cases(&full)
            .into_iter()
            .map(|case| {
                let ca = &ca;
                scope.spawn(move || {
                    let (said, cause) = explained(peer(case.script), case.options, ca);
                    (case.name, case.id, case.says, said, cause)
                })
            })
            .collect();
        running
            .into_iter()
            .map(|case| case.join().unwrap())
            .collect()
    });
    let mut wrong = Vec::new();
    for (name, id, says, said, cause) in told {
        println!("{name}: {said}");
        let whole = ["client_advice", "server_advice"]
            .iter()
            .all(|key| cause[key].as_str().is_some_and(|text| !text.is_empty()))
            && cause["evidence"]
                .as_array()
                .is_some_and(|seen| !seen.is_empty());
        if cause["id"] != id || !whole || !says.iter().all(|words| said.contains(words)) {
            wrong.push(format!("{name}: not {id}, {says:?}: {cause}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

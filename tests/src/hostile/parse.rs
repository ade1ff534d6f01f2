//! Files to scripts, line by line. What is wrong is told with file and line.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::policy::{ClientPolicy, Limit, ServerPolicy};
use super::script::{
    Action, After, Ask, ClientPart, Codes, End, Expect, Handshake, Heard, Part, Payload, Request,
    Resume, Rule, Script, ServerPart, Step,
};
use super::text;
use crate::certs::Certificate;

type Parsed<T> = Result<T, String>;

/// One script.
pub(super) fn script(file: &Path, text: &str) -> Parsed<Script> {
    let mut header: Option<(String, String)> = None;
    let mut part: Option<Part> = None;
    let mut limits = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim_start();
        let done = match (&header, &mut part, word) {
            (None, _, "script") => title(rest).map(|found| header = Some(found)),
            (None, ..) => Err("a script begins with `script ID TITLE`".to_owned()),
            (Some(_), None, "client") => ClientPolicy::parse(rest).map(|client| {
                let server = ServerPart {
                    client,
                    ..ServerPart::default()
                };
                part = Some(Part::Server(server));
            }),
            (Some(_), None, "server") => ServerPolicy::parse(rest).map(|server| {
                let client = ClientPart {
                    server,
                    ..ClientPart::default()
                };
                part = Some(Part::Client(client));
            }),
            (Some(_), None, _) => {
                Err("`client` or `server` says who is under test, before anything else".to_owned())
            }
            (_, _, "limit") => Limit::parse(rest).map(|limit| limits.push(limit)),
            (_, Some(Part::Server(server)), _) => server_line(server, word, rest),
            (_, Some(Part::Client(client)), _) => {
                step(word, rest).map(|step| client.steps.push((number + 1, step)))
            }
        };
        done.map_err(|what| format!("{}:{}: {what}", file.display(), number + 1))?;
    }
    let missing = |what: &str| format!("{}: {what}", file.display());
    let (id, title) = header.ok_or_else(|| missing("empty"))?;
    Ok(Script {
        file: file.to_owned(),
        id,
        title,
        limits,
        part: part.ok_or_else(|| missing("nobody is under test"))?,
    })
}

/// Rules alone, as in a server part.
pub(super) fn rules(name: &str, text: &str) -> Parsed<Vec<Rule>> {
    let mut server = ServerPart::default();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        server_line(&mut server, word, rest.trim_start())
            .map_err(|what| format!("{name}:{}: {what}", number + 1))?;
    }
    Ok(server.rules)
}

fn title(rest: &str) -> Parsed<(String, String)> {
    let (id, title) = rest.split_once(' ').ok_or("an id and a title")?;
    let well_formed = id.starts_with(|c: char| c.is_ascii_uppercase())
        && id.chars().all(|c| c.is_ascii_alphanumeric());
    if !well_formed {
        return Err(format!("{id:?} is no id"));
    }
    Ok((id.to_owned(), title.trim().to_owned()))
}

fn server_line(server: &mut ServerPart, word: &str, rest: &str) -> Parsed<()> {
    match word {
        "ask" => server.asks.push(ask(rest)?),
        "after" => {
            server.after = Some(match rest {
                "usable" => After::Usable,
                "closed" => After::Closed,
                other => return Err(format!("{other:?} is neither `usable` nor `closed`")),
            });
        }
        "never" => server.never.push(heard(rest)?),
        "sent" => server.sent.push(heard(rest)?),
        "note" => server
            .notes
            .push(required(rest, "the name of a note")?.to_owned()),
        "on" => {
            let (on, number) = match rest.split_once(" #") {
                Some((on, number)) => (on, Some(count(number)?)),
                None => (rest, None),
            };
            server.rules.push(Rule {
                on: required(on, "what happens")?.to_owned(),
                number,
                actions: Vec::new(),
            });
        }
        _ => {
            let action = action(word, rest)?;
            let rule = server
                .rules
                .last_mut()
                .ok_or_else(|| format!("{word:?} belongs below an `on`"))?;
            rule.actions.push(action);
        }
    }
    Ok(())
}

fn heard(rest: &str) -> Parsed<Heard> {
    let mut heard = Heard {
        start: String::new(),
        clear: false,
        once: false,
    };
    let mut rest = rest;
    loop {
        if let Some(more) = rest.strip_prefix("clear ") {
            heard.clear = true;
            rest = more;
        } else if let Some(more) = rest.strip_prefix("once ") {
            heard.once = true;
            rest = more;
        } else {
            break;
        }
    }
    required(rest, "the beginning of a line")?.clone_into(&mut heard.start);
    Ok(heard)
}

fn ask(rest: &str) -> Parsed<Ask> {
    let (request, expect) = rest
        .rsplit_once(" = ")
        .ok_or("a request, ` = `, and what must come of it")?;
    Ok(Ask {
        request: self::request(request.trim())?,
        expect: expect
            .split(" | ")
            .map(self::expect)
            .collect::<Parsed<_>>()?,
    })
}

fn request(text: &str) -> Parsed<Request> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let one = || text::bytes(required(rest, "an argument")?);
    let two = || -> Parsed<(Vec<u8>, Vec<u8>)> {
        let (first, second) = rest.split_once(' ').ok_or("two arguments")?;
        Ok((text::bytes(first)?, text::bytes(second)?))
    };
    Ok(match word {
        "login" if rest.is_empty() => Request::Login,
        "login" => Request::LoginAccount(one()?),
        "get" => Request::Get(one()?),
        "resume" => {
            let (name, offset) = rest.split_once(' ').ok_or("a name and an offset")?;
            Request::Resume(text::bytes(name)?, count(offset)?.into())
        }
        "peek" => Request::Peek(one()?),
        "put" => two().map(|(name, bytes)| Request::Put(name, bytes))?,
        "append" => two().map(|(name, bytes)| Request::Append(name, bytes))?,
        "unique" => Request::Unique(one()?),
        "list" => Request::List(text::bytes(rest)?),
        "names" => Request::Names(text::bytes(rest)?),
        "facts" => Request::Facts(text::bytes(rest)?),
        "noop" => Request::Noop,
        "pwd" => Request::WorkingDirectory,
        "cd" => Request::ChangeDirectory(one()?),
        "mkdir" => Request::MakeDirectory(one()?),
        "delete" => Request::Delete(one()?),
        "rename" => two().map(|(from, to)| Request::Rename(from, to))?,
        "size" => Request::Size(one()?),
        "modified" => Request::Modified(one()?),
        "features" => Request::Features,
        "status" => Request::Status,
        "command" => Request::Command(one()?),
        "ccc" => Request::ClearCommandChannel,
        other => return Err(format!("no request {other:?}")),
    })
}

fn expect(text: &str) -> Parsed<Expect> {
    let text = text.trim();
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    Ok(match (word, rest) {
        ("done", "") => Expect::Done(None),
        ("done", bytes) => match bytes.strip_prefix("with ") {
            Some(bytes) => Expect::DoneWith(text::bytes(bytes)?),
            None => Expect::Done(Some(
                bytes
                    .parse()
                    .map_err(|_| format!("{bytes:?} is no number of bytes"))?,
            )),
        },
        ("fails", kind) => Expect::Fails(kind.to_owned()),
        ("refused", "") => Expect::Refused,
        ("any", "") => Expect::Any,
        _ => return Err(format!("{text:?} is no result: done, fails, refused, any")),
    })
}

fn action(word: &str, rest: &str) -> Parsed<Action> {
    Ok(match word {
        "say" => Action::Say(checked(rest)?),
        "send" => Action::Send(checked(required(rest, "bytes")?)?),
        "repeat" => repeated(rest).map(|(times, text)| Action::Repeat(times, text))?,
        "usual" => Action::Usual,
        "tls" => Action::Tls(handshake(rest)?),
        "clear" => Action::Clear,
        "end" => Action::End(end(rest)?),
        "silence" => Action::Silence,
        "wait" => Action::Wait(millis(rest)?),
        "data" => Action::Data(handshake(rest)?),
        "data-send" => Action::DataSend(1, checked(rest)?),
        "data-repeat" => repeated(rest).map(|(times, text)| Action::DataSend(times, text))?,
        "data-raw" => Action::DataRaw(checked(rest)?),
        "data-read" => Action::DataRead,
        "data-end" => Action::DataEnd(end(rest)?),
        "data-refuse" => Action::DataRefuse,
        "stranger" => {
            let (from, text) = rest.split_once(' ').unwrap_or((rest, ""));
            Action::Stranger(address(from)?, checked(text)?)
        }
        other => return Err(format!("no action {other:?}")),
    })
}

fn step(word: &str, rest: &str) -> Parsed<Step> {
    Ok(match word {
        "again" => Step::Again,
        "say" => Step::Say(checked(rest)?),
        "send" => Step::Send(checked(required(rest, "bytes")?)?),
        "repeat" => repeated(rest).map(|(times, text)| Step::Repeat(times, text))?,
        "expect" => {
            let (codes, text) = match rest.split_once(" holding ") {
                Some((codes, text)) => (codes, Some(text.to_owned())),
                None => (rest, None),
            };
            Step::Expect(self::codes(codes)?, text)
        }
        "closed" if rest.is_empty() => Step::Closed(None),
        "closed" => Step::Closed(Some(codes(
            rest.strip_prefix("after ")
                .ok_or("`closed`, or `closed after CODES`")?,
        )?)),
        "quiet" => Step::Quiet(millis(rest)?),
        "wait" => Step::Wait(millis(rest)?),
        "tls" => Step::Tls(handshake(rest)?),
        "clear" => Step::Clear,
        "login" => Step::Login,
        "passive" => match rest {
            "" => Step::Passive("EPSV".to_owned()),
            verb => Step::Passive(verb.to_owned()),
        },
        "listen" => Step::Listen,
        "connect" if rest.is_empty() => Step::Connect(None),
        "connect" => Step::Connect(Some(address(
            rest.strip_prefix("from ")
                .ok_or("`connect`, or `connect from ADDRESS`")?,
        )?)),
        "accept" => Step::Accept(match rest {
            "" => true,
            "nobody" => false,
            other => return Err(format!("{other:?} is not `nobody`")),
        }),
        "data-tls" => Step::DataTls(match rest {
            "" => Resume::Own,
            "anew" => Resume::Nothing,
            other => return Err(format!("{other:?} is not `anew`")),
        }),
        "data-send" => Step::DataSend(1, checked(rest)?),
        "data-repeat" => repeated(rest).map(|(times, text)| Step::DataSend(times, text))?,
        "data-read" => Step::DataRead(payload(rest)?),
        "data-end" => Step::DataEnd(end(rest)?),
        "end" => Step::End(end(rest)?),
        other => return Err(format!("no step {other:?}")),
    })
}

fn payload(rest: &str) -> Parsed<Payload> {
    if let Some(text) = rest.strip_prefix("= ") {
        return text::bytes(text).map(Payload::Is);
    }
    if let Some(text) = rest.strip_prefix("holding ") {
        return text::bytes(text).map(Payload::Holds);
    }
    match rest {
        "" => Ok(Payload::Any),
        "nothing" => Ok(Payload::Nothing),
        other => Err(format!(
            "{other:?} is no payload: `= TEXT`, `holding TEXT`, `nothing`"
        )),
    }
}

fn codes(text: &str) -> Parsed<Codes> {
    let codes: Vec<String> = text.split('|').map(|code| code.trim().to_owned()).collect();
    let well_formed = |code: &String| {
        code.len() == 3
            && code
                .chars()
                .all(|c| c.is_ascii_digit() || matches!(c, 'y' | 'z'))
    };
    match codes.iter().find(|code| !well_formed(code)) {
        Some(code) => Err(format!("{code:?} is no reply code")),
        None => Ok(Codes(codes)),
    }
}

fn handshake(rest: &str) -> Parsed<Handshake> {
    let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
    Ok(match word {
        "" => Handshake::Good,
        "garbage" => Handshake::Garbage(checked(text)?),
        "fin" => Handshake::Dropped(End::Fin),
        "reset" => Handshake::Dropped(End::Reset),
        "wrong-name" => Handshake::With(Certificate::WrongName),
        "other" => Handshake::Other,
        "expired" => Handshake::With(Certificate::Expired),
        "unknown-issuer" => Handshake::With(Certificate::UnknownIssuer),
        "self-signed" => Handshake::With(Certificate::SelfSigned),
        other => return Err(format!("no handshake {other:?}")),
    })
}

fn end(rest: &str) -> Parsed<End> {
    Ok(match rest {
        "" => End::Orderly,
        "fin" => End::Fin,
        "reset" => End::Reset,
        other => return Err(format!("no end {other:?}: nothing, `fin`, `reset`")),
    })
}

fn repeated(rest: &str) -> Parsed<(u32, String)> {
    let (times, text) = rest.split_once(' ').ok_or("a number and a text")?;
    Ok((count(times)?, checked(text)?))
}

fn checked(text: &str) -> Parsed<String> {
    text::bytes(text).map(|_| text.to_owned())
}

fn required<'t>(text: &'t str, what: &str) -> Parsed<&'t str> {
    match text.trim() {
        "" => Err(format!("{what} is missing")),
        text => Ok(text),
    }
}

fn count(text: &str) -> Parsed<u32> {
    text.trim()
        .parse()
        .map_err(|_| format!("{text:?} is no number"))
}

fn millis(text: &str) -> Parsed<Duration> {
    count(text).map(|millis| Duration::from_millis(millis.into()))
}

fn address(text: &str) -> Parsed<IpAddr> {
    text.parse().map_err(|_| format!("{text:?} is no address"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        script(Path::new("x.script"), text).unwrap_err()
    }

    #[test]
    fn what_is_wrong_is_told_with_file_and_line() {
        assert_eq!(
            wrong("script A1 t\nclient tls\n\non PASS\n  sya x"),
            "x.script:5: no action \"sya\""
        );
        for (text, line, what) in [
            ("client", 1, "a script begins"),
            ("script A1 t\nask login = done", 2, "who is under test"),
            ("script A1 t\nclient quick", 2, "is none of tls"),
            ("script A1 t\nclient\nsay x", 3, "belongs below an `on`"),
            ("script A1 t\nclient\nask get f", 3, "what must come of it"),
            ("script A1 t\nclient\nask get f = maybe", 3, "no result"),
            ("script A1 t\nclient\nlimit patience 3", 3, "no limit"),
            ("script A1 t\nserver\nexpect 2xx", 3, "no reply code"),
            ("script A1 t\nserver\nsay \\q", 3, "no escape"),
        ] {
            let told = wrong(text);
            assert!(told.starts_with(&format!("x.script:{line}: ")), "{told}");
            assert!(told.contains(what), "{told}");
        }
    }

    #[test]
    fn what_a_file_says_is_what_is_played() {
        let script = script(
            Path::new("servers/C1-x.script"),
            "# why\nscript C1 a title of words\nclient clear pasv\nlimit reply 500\nask get f = done 10 | fails Truncated\nafter usable\nnever clear PASS\non PASV #2\n  say 227 ok\\s\n",
        )
        .unwrap();
        assert_eq!((script.name().as_str(), script.row()), ("C1-x", "C1"));
        let Part::Server(server) = script.part else {
            unreachable!("a server")
        };
        assert_eq!(server.asks[0].request, Request::Get(b"f".to_vec()));
        assert_eq!(server.asks[0].expect.len(), 2);
        assert_eq!(server.after, Some(After::Usable));
        assert!(server.never[0].clear);
        assert_eq!(
            (server.rules[0].on.as_str(), server.rules[0].number),
            ("PASV", Some(2))
        );
        assert!(matches!(&server.rules[0].actions[..], [Action::Say(text)] if text == "227 ok\\s"));
    }
}

//! The same bytes in any pieces are the same replies, and lead to the same session.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop the test they help"
)]

use ftp_proto::client::Batching;
use ftp_proto::wire::reply::ReplyReader;
use ftp_proto::{Config, DataEnd, Malformed};
use ftp_proto_tests::rig::{Rig, in_clear};
use ftp_proto_tests::transcript::{Exchange, Section, recordings};

/// What a reader made of some bytes.
type Read = Vec<Result<(u16, Vec<u8>), Malformed>>;

fn reader() -> ReplyReader {
    ReplyReader::new(8 * 1024, 256 * 1024, 4096)
}

/// Takes all replies that are whole.
fn take(reader: &mut ReplyReader, read: &mut Read) {
    loop {
        match reader.next_reply() {
            Ok(Some(reply)) => read.push(Ok((reply.code().value(), reply.text().to_vec()))),
            Ok(None) => return,
            Err(malformed) => read.push(Err(malformed)),
        }
    }
}

fn in_pieces(pieces: &[&[u8]]) -> Read {
    let mut reader = reader();
    let mut read = Read::new();
    for piece in pieces {
        reader.push(piece);
        take(&mut reader, &mut read);
    }
    read
}

/// Stretches of a dialogue of at most about 4 KiB, cut between exchanges.
fn stretches(section: &Section) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for exchange in section.exchanges() {
        let last = all.last_mut().unwrap();
        last.extend_from_slice(&exchange.replies);
        if last.len() > 4000 {
            all.push(Vec::new());
        }
    }
    all
}

#[test]
fn every_recorded_dialogue_reads_the_same_in_two_pieces_and_short_ones_in_three() {
    let (mut dialogues, mut replies, mut twos, mut threes) = (0, 0, 0_u64, 0_u64);
    for recording in recordings().unwrap() {
        for section in &recording.sections {
            dialogues += 1;
            for bytes in stretches(section) {
                let whole = in_pieces(&[&bytes]);
                replies += whole.len();
                assert!(
                    whole.iter().all(Result::is_ok),
                    "{} {}: {whole:?}",
                    recording.name,
                    section.title
                );
                for cut in 1..bytes.len() {
                    twos += 1;
                    let (first, second) = bytes.split_at(cut);
                    assert!(
                        in_pieces(&[first, second]) == whole,
                        "{} cut at {cut}",
                        section.title
                    );
                }
                let one_by_one: Vec<&[u8]> = bytes.chunks(1).collect();
                assert_eq!(in_pieces(&one_by_one), whole);
                if bytes.len() < 400 {
                    threes += in_three(&bytes, &whole);
                }
            }
            // And each exchange by itself.
            for exchange in section.exchanges() {
                if exchange.replies.len() < 200 {
                    threes += in_three(&exchange.replies, &in_pieces(&[&exchange.replies]));
                }
            }
        }
    }
    println!("{dialogues} dialogues, {replies} replies, {twos} cuts in two, {threes} in three");
    assert!(twos > 100_000 && threes > 100_000);
}

fn in_three(bytes: &[u8], whole: &Read) -> u64 {
    let mut count = 0;
    for first in 1..bytes.len() {
        for second in first + 1..bytes.len() {
            count += 1;
            let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            assert!(in_pieces(&pieces) == *whole, "cut at {first} and {second}");
        }
    }
    count
}

/// Every recorded session, as far as the client would have had it itself, one command at a time. The bench cuts each
/// reply at every place.
#[test]
fn every_recorded_session_is_the_same_to_a_client_in_two_pieces() {
    let (mut sessions, mut commands, mut bytes) = (0, 0, 0);
    for recording in recordings().unwrap() {
        for section in &recording.sections {
            let exchanges = section.exchanges();
            let Some(mut replay) = Replay::begin(&recording.name, &exchanges) else {
                continue;
            };
            sessions += 1;
            let mut rest = exchanges[replay.next..].iter().peekable();
            while let Some(exchange) = rest.next() {
                if replay.rig.is_closed() {
                    break;
                }
                if exchange.command.as_deref() == Some(b"EPSV")
                    && rest.peek().is_some_and(|next| moves(next))
                {
                    let transfer = rest.next().unwrap();
                    if replay.transfer(exchange, transfer) {
                        commands += 2;
                        bytes += exchange.replies.len() + transfer.replies.len();
                    }
                } else if replay.command(exchange) {
                    commands += 1;
                    bytes += exchange.replies.len();
                }
            }
        }
    }
    println!(
        "{sessions} sessions, {commands} commands, {bytes} bytes of replies, each cut at every place"
    );
    assert!(sessions >= 14 && commands > 300);
}

/// A client that goes through a recorded session.
struct Replay {
    rig: Rig,
    next: usize,
}

impl Replay {
    /// Greeting, TLS and login, if they come first in the recording.
    fn begin(name: &str, exchanges: &[Exchange]) -> Option<Replay> {
        let mut config = Config::default();
        let tls = !name.ends_with("-plain");
        if name.ends_with("-implicit") {
            config.security = ftp_proto::client::Security::implicit();
        } else if !tls {
            config.security = in_clear().security;
        }
        config.batching = Batching::LockStep;
        let mut rig = Rig::new(config);
        rig.auto_data = true;
        rig.auto_control = true;
        rig.checks_silence = false;
        let user = exchanges.iter().find_map(|exchange| {
            exchange
                .command
                .as_ref()?
                .strip_prefix(b"USER ")
                .map(<[u8]>::to_vec)
        })?;
        let login =
            rig.ask(|client, now| client.login(now, &user, ftp_proto::Secret::new(&user), None));
        let mut next = 0;
        for exchange in exchanges {
            if next > 0 {
                let sent = rig.sent();
                let command = String::from_utf8_lossy(exchange.command.as_ref()?).into_owned();
                if sent != [command] {
                    return None;
                }
            }
            rig.bytes(&exchange.replies);
            next += 1;
            if rig.result(login).is_some() {
                break;
            }
        }
        match rig.result(login) {
            Some(Ok(())) => Some(Replay { rig, next }),
            _ => None,
        }
    }

    /// A command without data connection. False if the client would not send it so.
    fn command(&mut self, exchange: &Exchange) -> bool {
        let Some(command) = &exchange.command else {
            return false;
        };
        let replies = &exchange.replies;
        if exchange.silent || exchange.data.is_some() || command == b"QUIT" || finals(replies) != 1
        {
            return false;
        }
        let ticket = self.rig.try_ask(|client, now| client.command(now, command));
        let Ok(ticket) = ticket else { return false };
        assert_eq!(self.rig.sent().len(), 1);
        self.rig.bytes(replies);
        let (code, _) = in_pieces(&[replies]).pop().unwrap().unwrap();
        if code == 421 {
            return true;
        }
        let result = self.rig.result(ticket).unwrap();
        assert_eq!(result.is_ok(), code < 400, "{}", self.rig.story());
        true
    }

    /// EPSV and a transfer.
    fn transfer(&mut self, setup: &Exchange, transfer: &Exchange) -> bool {
        let (Some(line), Some((bytes, notified, before))) = (&transfer.command, transfer.data)
        else {
            return false;
        };
        if finals(&setup.replies) != 1
            || finals(&transfer.replies) != 1
            || !setup.replies.starts_with(b"229")
        {
            return false;
        }
        let at = line.iter().position(|&byte| byte == b' ');
        let (verb, path) = at.map_or((&line[..], None), |at| (&line[..at], Some(&line[at + 1..])));
        let ticket = match verb {
            b"LIST" => self.rig.ask(|client, now| client.list(now, path)),
            b"NLST" => self.rig.ask(|client, now| client.names(now, path)),
            b"MLSD" => self.rig.ask(|client, now| client.facts(now, path)),
            b"RETR" => {
                let ticket = self.rig.ask(|client, now| {
                    client.retrieve(now, path.unwrap_or_default(), Default::default())
                });
                if self.rig.sent() == ["TYPE I"] {
                    self.rig.reply("200 Type set to I\r\n");
                }
                ticket
            }
            _ => return false,
        };
        self.rig.bytes(&setup.replies);
        let (first, last) = transfer.replies.split_at(before);
        self.rig.bytes(first);
        if self.rig.desk().flow.is_none() {
            assert!(last.is_empty());
            return true;
        }
        let end = if notified {
            DataEnd::CloseNotify
        } else {
            DataEnd::Fin
        };
        self.rig.flow_finished(bytes, end);
        self.rig.bytes(last);
        match in_pieces(&[last]).pop() {
            Some(Ok((code, _))) if code >= 400 => {
                let failure = self.rig.failure(ticket);
                assert_eq!(failure.code.map(|code| code.value()), Some(code));
            }
            _ => assert_eq!(self.rig.done(ticket).bytes, bytes),
        }
        self.rig.forget();
        true
    }
}

fn moves(exchange: &Exchange) -> bool {
    exchange.data.is_some()
}

/// How many final replies there are.
fn finals(bytes: &[u8]) -> usize {
    in_pieces(&[bytes])
        .iter()
        .filter(|read| !matches!(read, Ok((100..=199, _))))
        .count()
}

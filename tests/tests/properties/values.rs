//! Text and values: what is written is read back, nothing panics, pieces do not matter, memory has bounds.

use ftp_proto::listing::{Decoder, LocalName, Options};
use ftp_proto::testing::{Form, Spoken, strategies};
use ftp_proto::wire::ascii::{self, ExistingCrlf};
use ftp_proto::wire::command::{
    AuthMechanism, Command, EpsvArgument, Mode, Path, ProtectionLevel, Structure, Text, Type, Verb,
    encode_raw, mask_line,
};
use ftp_proto::wire::date::{Timestamp, mdtm_reply, size_in_150, size_in_reply};
use ftp_proto::wire::extended::{
    ExtendedAddress, encode_229, families_in_521, families_in_522, port_in_reply,
};
use ftp_proto::wire::facts::{Entry, EntryKind, EntryWriter, Permissions};
use ftp_proto::wire::features::{FeatureSet, encode_feat};
use ftp_proto::wire::first_bytes::classify_first_bytes;
use ftp_proto::wire::host_port::HostPort;
use ftp_proto::wire::quoted::{encode_257, parse_257, stou_name};
use ftp_proto::wire::reply::{Code, Escaped, Reply, ReplyReader};
use ftp_proto::wire::telnet::{TelnetDecoder, escape, escaped_len};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{prove, prove_most};

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..200),
        // What the grammars are made of.
        vec(
            prop::sample::select(&b"0123456789 -,|!()\"/.;=\r\n\0\xff\xfb\xf4ATYPEsizeDIR"[..]),
            0..200
        ),
    ]
}

/// Cuts a value into pieces of these sizes, over and over.
fn pieces<'a>(bytes: &'a [u8], sizes: &'a [usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, behind) = rest.split_at((*size).min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(1..20_usize, 1..6)
}

// ---- replies

#[test]
fn ix_08_replies_are_read_as_they_were_written_in_every_form() {
    prove(
        (vec(strategies::reply(), 1..5), sizes()),
        |(replies, sizes)| {
            let written: Vec<u8> = replies.iter().flat_map(Spoken::to_bytes).collect();
            let mut reader = ReplyReader::new(1024, 4096, 100);
            let mut read = Vec::new();
            for piece in pieces(&written, &sizes) {
                reader.push(piece);
                while let Some(reply) = reader.next_reply().unwrap() {
                    read.push((reply.code(), reply.text().to_vec()));
                }
            }
            let meant: Vec<_> = replies
                .iter()
                .map(|reply| (reply.code, reply.text()))
                .collect();
            prop_assert_eq!(read, meant);
            prop_assert!(reader.is_idle());
            Ok(())
        },
    );
}

#[test]
fn ic_27_a_reply_is_held_in_bounded_memory() {
    let limits = (8..100_usize, 8..400_usize, 1..20_usize);
    prove(
        (vec(bytes(), 1..20), limits),
        |(chunks, (line, reply, lines))| {
            let mut reader = ReplyReader::new(line, reply, lines);
            for chunk in &chunks {
                // A chunk is held until it is read; then no more than a reply within its bounds and one line.
                reader.push(chunk);
                let mut rounds = 0;
                while !matches!(reader.next_reply(), Ok(None)) {
                    rounds += 1;
                    prop_assert!(rounds <= 2 * chunk.len() + 2, "does not come to an end");
                }
                prop_assert!(
                    reader.buffered() <= reply + line + 4,
                    "{}",
                    reader.buffered()
                );
            }
            Ok(())
        },
    );
}

#[test]
fn ix_01_a_reader_does_not_see_pieces() {
    prove((bytes(), sizes()), |(bytes, sizes)| {
        let read = |pieces: &[&[u8]]| {
            let mut reader = ReplyReader::new(60, 200, 10);
            let mut read = Vec::new();
            for piece in pieces {
                reader.push(piece);
                loop {
                    match reader.next_reply() {
                        Ok(None) => break,
                        Ok(Some(reply)) => read.push(Ok((reply.code(), reply.text().to_vec()))),
                        Err(malformed) => read.push(Err(malformed)),
                    }
                }
            }
            (read, reader.provisional(), reader.pending().to_vec())
        };
        prop_assert_eq!(read(&[&bytes]), read(&pieces(&bytes, &sizes)));
        Ok(())
    });
}

// ---- commands

#[test]
fn ix_08_commands_are_read_as_they_were_written() {
    prove(strategies::command_line(), |line| {
        // On the wire 255 is doubled; a server's Telnet layer takes that back before it reads the command.
        let mut text = Vec::new();
        TelnetDecoder::default().decode_silently(&line, &mut text);
        let command = match Command::parse(&text) {
            Ok(command) => command,
            // Blanks alone are no argument where blanks do not count (RFC 959 section 5.3).
            Err(error) => {
                let verb = error.verb.unwrap();
                prop_assert!(!verb.path_argument() && !verb.keeps_spaces());
                prop_assert_eq!(text.trim_ascii(), verb.as_str().as_bytes());
                return Ok(());
            }
        };
        let mut again = Vec::new();
        command.encode(&mut again, 1024).unwrap();
        let verb = command.verb();
        if verb.path_argument() || verb.keeps_spaces() {
            prop_assert_eq!([&line[..], b"\r\n"].concat(), again);
        } else {
            // Blanks around an argument do not count, and are not written again.
            let mut text = Vec::new();
            TelnetDecoder::default().decode_silently(&again, &mut text);
            let text = text.strip_suffix(b"\r\n").unwrap();
            prop_assert_eq!(Command::parse(text), Ok(command));
        }
        Ok(())
    });
}

#[test]
fn ic_01_no_argument_starts_a_second_line() {
    prove(
        (bytes(), any::<Verb>(), 0..300_usize),
        |(argument, verb, most)| {
            let mut out = b"before".to_vec();
            let command = Command::Other {
                verb,
                argument: &argument,
            };
            for raw in [false, true] {
                let result = if raw {
                    encode_raw(&argument, &mut out, most).map(|_| ())
                } else {
                    command.encode(&mut out, most)
                };
                match result {
                    Ok(()) => {
                        let line = out
                            .strip_prefix(b"before")
                            .unwrap()
                            .strip_suffix(b"\r\n")
                            .unwrap();
                        prop_assert!(line.len() <= most);
                        prop_assert!(!line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
                        out.truncate(b"before".len());
                    }
                    Err(_) => prop_assert_eq!(&out, b"before"),
                }
            }
            Ok(())
        },
    );
}

#[test]
fn ix_08_paths_survive_with_every_byte_they_may_have() {
    prove(strategies::path(), |path| {
        let mut line = Vec::new();
        Command::Retr(Path::new(&path).unwrap())
            .encode(&mut line, 1024)
            .unwrap();
        let mut text = Vec::new();
        TelnetDecoder::default().decode_silently(&line, &mut text);
        let text = text.strip_suffix(b"\r\n").unwrap();
        prop_assert_eq!(
            Command::parse(text).unwrap(),
            Command::Retr(Path::new(&path).unwrap())
        );
        Ok(())
    });
}

// ---- addresses, names, times, facts, features

#[test]
fn ix_08_addresses_are_read_as_they_were_written() {
    prove(
        (any::<HostPort>(), any::<ExtendedAddress>(), 1..=u16::MAX),
        |(host_port, extended, port)| {
            let mut text = Vec::new();
            host_port.encode(&mut text);
            prop_assert_eq!(HostPort::parse_argument(&text), Ok(host_port));
            text.clear();
            host_port.passive_text(&mut text);
            prop_assert_eq!(HostPort::find_in_reply(&text), Ok(host_port));
            text.clear();
            extended.encode(&mut text);
            prop_assert_eq!(ExtendedAddress::parse_argument(&text), Ok(extended));
            text.clear();
            extended.encode_long(&mut text);
            prop_assert_eq!(ExtendedAddress::parse_long_argument(&text), Ok(extended));
            text.clear();
            extended.long_passive_text(&mut text);
            prop_assert_eq!(ExtendedAddress::find_in_long_reply(&text), Ok(extended));
            text.clear();
            encode_229(port, &mut text);
            prop_assert_eq!(port_in_reply(&text), Ok(port));
            Ok(())
        },
    );
}

#[test]
fn ix_08_quoted_names_are_read_as_they_were_written() {
    prove(strategies::path(), |path| {
        let (mut text, mut name) = (Vec::new(), Vec::new());
        // Control bytes in a name are written, and not taken from anybody.
        let shown = !path.iter().any(u8::is_ascii_control);
        if encode_257(&path, &mut text).is_ok() && shown {
            text.extend_from_slice(b" is the \"current\" directory");
            parse_257(&text, &mut name).unwrap();
            prop_assert_eq!(name, path);
        }
        Ok(())
    });
}

#[test]
fn ix_08_times_are_read_as_they_were_written() {
    prove(any::<Timestamp>(), |time| {
        let mut text = Vec::new();
        time.encode(&mut text);
        prop_assert_eq!(Timestamp::parse(&text), Ok(time));
        prop_assert_eq!(mdtm_reply(&text), Ok(time));
        let seconds = Timestamp::from_unix_seconds(time.to_unix_seconds()).unwrap();
        prop_assert_eq!(seconds.to_unix_seconds(), time.to_unix_seconds());
        Ok(())
    });
}

#[test]
fn ix_08_facts_are_read_as_they_were_written() {
    let kinds = prop_oneof![
        Just(EntryKind::File),
        Just(EntryKind::Dir),
        Just(EntryKind::Cdir),
        Just(EntryKind::Pdir),
    ];
    prove(
        (
            kinds,
            any::<u64>(),
            any::<Timestamp>(),
            "[acdeflmprw]{0,10}",
            strategies::path(),
        ),
        |(kind, size, time, letters, name)| {
            let permissions = Permissions::parse(letters.as_bytes());
            let mut line = Vec::new();
            let written = EntryWriter::new(&mut line)
                .kind(kind)
                .size(size)
                .modify(time)
                .perm(permissions)
                .finish(&name);
            if written.is_err() {
                prop_assert!(line.is_empty());
                return Ok(());
            }
            let entry = Entry::parse(&line).unwrap();
            prop_assert_eq!(entry.name(), &name[..]);
            prop_assert_eq!(entry.kind(), kind);
            prop_assert_eq!(entry.size(), Some(size));
            prop_assert_eq!(entry.modify(), Some(time));
            prop_assert_eq!(entry.perm(), Some(permissions));
            Ok(())
        },
    );
}

#[test]
fn ix_08_features_are_read_as_they_were_written() {
    prove(any::<FeatureSet>(), |set| {
        let mut text = Vec::new();
        encode_feat(set.iter().map(|feature| feature.feature()), &mut text).unwrap();
        prop_assert_eq!(FeatureSet::read(&text), set);
        Ok(())
    });
}

// ---- Telnet and line ends

#[test]
fn ix_03_the_telnet_layer_is_total_and_makes_nothing_longer() {
    prove((bytes(), sizes()), |(bytes, sizes)| {
        let (mut text, mut answers) = (Vec::new(), Vec::new());
        let mut decoder = TelnetDecoder::default();
        decoder.decode(&bytes, &mut text, &mut answers);
        prop_assert!(text.len() <= bytes.len() && answers.len() <= bytes.len());
        // Pieces do not matter.
        let (mut cut, mut same) = (Vec::new(), Vec::new());
        let mut decoder = TelnetDecoder::default();
        for piece in pieces(&bytes, &sizes) {
            decoder.decode(piece, &mut cut, &mut same);
        }
        prop_assert_eq!((&text, &answers), (&cut, &same));
        // Without 255 nothing changes.
        let free: Vec<u8> = bytes.iter().copied().filter(|&byte| byte != 255).collect();
        let mut untouched = Vec::new();
        TelnetDecoder::default().decode_silently(&free, &mut untouched);
        prop_assert_eq!(&untouched, &free);
        // And every text survives both layers.
        let (mut escaped, mut back) = (Vec::new(), Vec::new());
        escape(&bytes, &mut escaped);
        prop_assert_eq!(escaped.len(), escaped_len(&bytes));
        TelnetDecoder::default().decode_silently(&escaped, &mut back);
        prop_assert_eq!(back, bytes);
        Ok(())
    });
}

#[test]
fn ic_33_line_ends_are_converted_independently_of_pieces_and_back() {
    prove((bytes(), sizes()), |(bytes, sizes)| {
        // Text without lone CR.
        let text: Vec<u8> = bytes
            .iter()
            .copied()
            .filter(|&byte| byte != b'\r')
            .collect();
        let mut net = Vec::new();
        let mut encoder = ascii::Encoder::new(ExistingCrlf::default());
        encoder.encode(&text, &mut net);
        encoder.finish();
        let mut cut = Vec::new();
        let mut encoder = ascii::Encoder::new(ExistingCrlf::default());
        for piece in pieces(&text, &sizes) {
            encoder.encode(piece, &mut cut);
        }
        encoder.finish();
        prop_assert_eq!(&net, &cut);
        let mut local = Vec::new();
        let mut decoder = ascii::Decoder::new();
        for piece in pieces(&net, &sizes) {
            decoder.decode(piece, &mut local);
        }
        decoder.finish(&mut local);
        prop_assert_eq!(&local, &text);
        // Anything decodes the same in any pieces, and to no more bytes.
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        let mut decoder = ascii::Decoder::new();
        decoder.decode(&bytes, &mut whole);
        decoder.finish(&mut whole);
        let mut decoder = ascii::Decoder::new();
        for piece in pieces(&bytes, &sizes) {
            decoder.decode(piece, &mut parts);
        }
        decoder.finish(&mut parts);
        prop_assert_eq!(&whole, &parts);
        prop_assert!(whole.len() <= bytes.len());
        Ok(())
    });
}

// ---- listings

#[test]
fn ic_19_a_name_taken_for_local_use_is_one_component() {
    prove(bytes(), |name| {
        let Ok(local) = LocalName::from_remote(&name) else {
            return Ok(());
        };
        let text = local.as_str();
        prop_assert!(!text.is_empty() && text != "." && text != "..");
        prop_assert!(!text.contains(['/', '\\', '\0', ':']), "{:?}", text);
        let mut components = std::path::Path::new(text).components();
        let first = components.next();
        prop_assert!(matches!(first, Some(std::path::Component::Normal(_))));
        prop_assert_eq!(components.next(), None);
        Ok(())
    });
}

#[test]
fn ic_26_a_listing_is_read_in_bounded_memory() {
    prove_most(
        100,
        (bytes(), 50..500_usize, sizes()),
        |(noise, longest, sizes)| {
            let now = Timestamp::from_unix_seconds(1_784_000_000).unwrap();
            let mut options = Options::new(now);
            options.longest_line = longest;
            let mut decoder = Decoder::new(&options);
            let counted = allocation_counter::measure(|| {
                for _ in 0..200 {
                    for piece in pieces(&noise, &sizes) {
                        let mut input = piece;
                        while decoder.decode(&mut input).is_some() {}
                    }
                }
                while decoder.finish().is_some() {}
            });
            // 4 KiB of head, two lines, and their conversions, each in a buffer that doubled.
            let bound = 2 * (4096 + 6 * longest as u64) + 8192;
            prop_assert!(counted.bytes_max < bound, "{:?} of {}", counted, bound);
            Ok(())
        },
    );
}

// ---- everything

#[test]
fn ix_09_no_bytes_make_a_parser_panic() {
    prove(bytes(), |bytes| {
        let mut out = Vec::new();
        let _ = Command::parse(&bytes);
        let _ = Command::parse_strict(&bytes);
        let _ = HostPort::parse_argument(&bytes);
        let _ = HostPort::find_in_reply(&bytes);
        let _ = ExtendedAddress::parse_argument(&bytes);
        let _ = ExtendedAddress::parse_long_argument(&bytes);
        let _ = ExtendedAddress::find_in_long_reply(&bytes);
        let _ = port_in_reply(&bytes);
        let _ = families_in_522(&bytes);
        let _ = families_in_521(&bytes);
        let _ = parse_257(&bytes, &mut out);
        let _ = encode_257(&bytes, &mut out);
        let _ = stou_name(&bytes);
        let _ = mdtm_reply(&bytes);
        let _ = size_in_reply(&bytes);
        let _ = size_in_150(&bytes);
        let _ = Timestamp::parse(&bytes);
        let _ = Entry::parse(&bytes).map(|entry| (entry.kind(), entry.size(), entry.modify()));
        let _ = Entry::parse_mlst_line(&bytes);
        let _ = FeatureSet::read(&bytes);
        let shown = classify_first_bytes(&bytes).to_string();
        prop_assert!(!shown.is_empty());
        let mut reader = ReplyReader::new(100, 300, 10);
        reader.push(&bytes);
        let mut calls = 0;
        while !matches!(reader.next_reply(), Ok(None)) && calls < 1000 {
            calls += 1;
        }
        prop_assert!(calls < 1000);
        let _ = reader.settle();
        Ok(())
    });
}

#[test]
fn ix_08_every_form_of_a_reply_exists() {
    for form in [
        Form::Standard,
        Form::Repeated,
        Form::CodeAlone,
        Form::BareLf,
    ] {
        let code = ftp_proto::wire::reply::Code::new(211).unwrap();
        let mut spoken = Spoken::line(code, b"one");
        spoken.lines.push(b"two".to_vec());
        spoken.lines.push(b"three".to_vec());
        spoken.form = form;
        let bytes = spoken.to_bytes();
        let expected: &[u8] = match form {
            Form::Standard => b"211-one\r\ntwo\r\n211 three\r\n",
            Form::Repeated => b"211-one\r\n211-two\r\n211 three\r\n",
            Form::CodeAlone => b"211-one\r\ntwo\r\n211\r\n",
            Form::BareLf => b"211-one\ntwo\n211 three\n",
        };
        assert_eq!(bytes, expected);
    }
}

#[test]
fn ix_09_everything_can_be_shown_and_steers_no_terminal() {
    let plain = |shown: &str| !shown.chars().any(char::is_control);
    let debug = |value: &dyn std::fmt::Debug| format!("{value:?}");
    prove(
        (
            bytes(),
            any::<ProtectionLevel>(),
            any::<Structure>(),
            any::<Mode>(),
        ),
        |(bytes, level, structure, mode)| {
            if let Ok(path) = Path::new(&bytes) {
                prop_assert!(plain(&debug(&path)));
            }
            if let Ok(text) = Text::new(&bytes) {
                prop_assert!(plain(&debug(&text)));
            }
            if let Ok(mechanism) = AuthMechanism::parse(&bytes) {
                prop_assert!(plain(&debug(&mechanism)));
                let known = [&b"TLS"[..], b"SSL", b"TLS-C", b"TLS-P"];
                prop_assert_eq!(mechanism.is_tls(), known.contains(&mechanism.name()));
            }
            match Command::parse(&bytes) {
                Ok(command) => {
                    prop_assert!(plain(&debug(&command)));
                    prop_assert!(plain(&command.display_masked().to_string()));
                }
                Err(error) => {
                    prop_assert!(plain(&error.to_string()));
                    let cause = std::error::Error::source(&error).unwrap();
                    prop_assert!(error.to_string().ends_with(&cause.to_string()));
                }
            }
            prop_assert!(plain(&mask_line(&bytes).to_string()));
            prop_assert!(plain(&debug(&Escaped::new(&bytes))));
            let reply = Reply::new(Code::COMMAND_OKAY, &bytes);
            prop_assert!(plain(&reply.display().to_string()) && plain(&debug(&reply)));
            // Settings are shown as they are sent.
            prop_assert_eq!(level.to_string(), char::from(level.letter()).to_string());
            prop_assert_eq!(
                structure.to_string(),
                char::from(structure.letter()).to_string()
            );
            prop_assert_eq!(mode.to_string(), char::from(mode.letter()).to_string());
            Ok(())
        },
    );
}

#[test]
fn ix_09_numbers_and_letters_that_are_none_are_errors() {
    for bad in [
        &b""[..],
        b" ",
        b"Q",
        b"AA",
        b"A X",
        b"A N N",
        b"L",
        b"L 0",
        b"L 256",
        b"L 99999999999999999999",
        b"L x",
    ] {
        assert!(Type::parse(bad).is_err(), "{bad:?}");
    }
    for bad in [
        &b"x"[..],
        b"4294967296",
        b"-1",
        b"1 2",
        b"99999999999999999999999",
    ] {
        assert!(EpsvArgument::parse(bad).is_err(), "{bad:?}");
    }
    for bad in [&b""[..], b"FF", b"F R", b"X"] {
        assert!(
            Structure::parse(bad).is_err() && Mode::parse(bad).is_err(),
            "{bad:?}"
        );
        assert!(ProtectionLevel::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn ix_09_whatever_answers_has_a_name() {
    let answers: [(&[u8], &str); 13] = [
        (b"", "nothing"),
        (&[22, 3, 1, 0, 5], "TLS handshake"),
        (&[21, 3, 3, 0, 2, 2, 40], "TLS alert"),
        (b"220 ready\r\n", "FTP reply"),
        (b"220 mail ESMTP Postfix\r\n", "SMTP"),
        (b"+OK POP3 ready\r\n", "POP3"),
        (b"* OK IMAP4rev1 ready\r\n", "IMAP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
        (b"drwxr-xr-x 2 a b 4096 Jan  1 00:00 d\r\n", "listing"),
        (&[0x80, 0x2e, 1, 0, 2], "SSL version 2"),
        (&[7, 7, 7, 7], "not TLS"),
        (b"<html>", ""),
    ];
    for (bytes, name) in answers {
        let shown = classify_first_bytes(bytes).to_string();
        assert!(shown.contains(name), "{bytes:?}: {shown}");
    }
}

//! Every value out of bytes. When the bytes run out, the plainest value there is: so short input is simple input, and cutting bytes off
//! makes a case simpler.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use ::arbitrary::{Arbitrary, Result, Unstructured};

use crate::client::{
    AuthMethod, Batching, ClearText, Config, DataMode, DataModes, HashOptions, MissingCloseNotify,
    PassiveAddress, Security, SizeCheck, SpentTickets, TransferOptions,
};
use crate::limits::Limits;
use crate::order::{Fault, Tickets, TlsFacts, TlsFault, TlsVersion};
use crate::secret::Secret;
use crate::time::Instant;
use crate::wire::command::{
    AuthMechanism, Command, EpsvArgument, Mode, Path, ProtectionLevel, Structure, Text, Type, Verb,
};
use crate::wire::date::Timestamp;
use crate::wire::digest::HashAlgorithm;
use crate::wire::extended::ExtendedAddress;
use crate::wire::features::{FeatureSet, Known};
use crate::wire::host_port::HostPort;
use crate::wire::reply::Code;

use super::{Answer, Call, Dialogue, Form, Outcome, Spoken};

/// Enumerations of bare names. A new variant does not compile until it is listed.
macro_rules! one_of {
    ($($type:ident { $($variant:ident),+ $(,)? })+) => {$(
        impl<'a> Arbitrary<'a> for $type {
            fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
                const fn all(value: $type) -> $type {
                    match value { $($type::$variant => value,)+ }
                }
                source.choose(&[$(all($type::$variant)),+]).copied()
            }
        }
    )+};
}

one_of! {
    AuthMethod { Tls, Ssl, TlsC, TlsP }
    ClearText { Anonymous, Everybody }
    DataMode { Epsv, Pasv, Eprt, Port }
    PassiveAddress { Peer, Trusted }
    Batching { Independent, LockStep }
    SizeCheck { WhenFree, Never, Always }
    SpentTickets { Renew, GoOn }
    MissingCloseNotify { IfSizeAgrees, Refuse }
    Fault { Refused, Unreachable, TimedOut, Reset, AddressInUse, Denied, Other }
    TlsVersion { Tls13, Tls12 }
    Structure { File, Record, Page }
    Mode { Stream, Block, Compressed, Deflate }
    ProtectionLevel { Clear, Safe, Confidential, Private }
    Form { Standard, Repeated, CodeAlone, BareLf }
}

impl<'a> Arbitrary<'a> for TlsFault {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        let named = TlsFault::NAMED;
        Ok(match named.get(source.int_in_range(0..=named.len())?) {
            Some(fault) => *fault,
            None => TlsFault::Alert(source.arbitrary()?),
        })
    }
}

impl<'a> Arbitrary<'a> for TlsFacts {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        Ok(TlsFacts {
            version: source.arbitrary()?,
            resumed: source.arbitrary()?,
            hello_retry: source.arbitrary()?,
        })
    }
}

impl<'a> Arbitrary<'a> for Tickets {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match source.int_in_range(0..=2)? {
            0 => Tickets::None,
            1 => Tickets::Left(source.int_in_range(1..=4)?),
            _ => Tickets::Unlimited,
        })
    }
}

impl<'a> Arbitrary<'a> for Instant {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Instant::from_millis(source.arbitrary()?))
    }
}

impl<'a> Arbitrary<'a> for Secret {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Secret::new(&name(source)?))
    }
}

// ---- policies

impl<'a> Arbitrary<'a> for DataModes {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        let modes: Vec<DataMode> = distinct(source)?;
        Ok(DataModes::new(&modes).unwrap_or_default())
    }
}

impl<'a> Arbitrary<'a> for Security {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        let mut security = match source.int_in_range(0..=5)? {
            0..=2 => Security::required(),
            3 => Security::required().or_clear(source.arbitrary()?),
            4 => Security::implicit(),
            _ => Security::clear(source.arbitrary()?),
        };
        let methods: Vec<AuthMethod> = distinct(source)?;
        if let Ok(ordered) = security.methods(&methods) {
            security = ordered;
        }
        if rarely(source)? {
            security = security.clear_data();
        }
        if rarely(source)? {
            security = security.allow_ccc();
        }
        if rarely(source)? {
            security = security.accept_334();
        }
        Ok(security)
    }
}

impl<'a> Arbitrary<'a> for Limits {
    /// The default, or bounds so narrow that they are met.
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        let mut limits = Limits::default();
        if rarely(source)? {
            limits.reply_line = source.int_in_range(40..=200)?;
            limits.reply_bytes = source.int_in_range(60..=600)?;
            limits.reply_lines = source.int_in_range(2..=20)?;
            limits.preliminary_replies = source.int_in_range(1..=4)?;
            limits.command_line = source.int_in_range(24..=120)?;
            limits.requests = source.int_in_range(1..=4)?;
            limits.pending_commands = source.int_in_range(1..=4)?;
            limits.failure_text = source.int_in_range(0..=40)?;
        }
        Ok(limits)
    }
}

impl<'a> Arbitrary<'a> for Config {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        let mut config = Config {
            security: source.arbitrary()?,
            data_modes: source.arbitrary()?,
            ..Config::default()
        };
        if rarely(source)? {
            config.passive_address = source.arbitrary()?;
        }
        config.batching = source.arbitrary()?;
        config.size_check = source.arbitrary()?;
        config.missing_close_notify = source.arbitrary()?;
        config.spent_tickets = source.arbitrary()?;
        if rarely(source)? {
            config.keepalive = Some(Duration::from_secs(source.int_in_range(1..=60)?));
        }
        config.limits = source.arbitrary()?;
        Ok(config)
    }
}

// ---- values of the wire

impl<'a> Arbitrary<'a> for Code {
    /// Codes that are in use, more often than others.
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        const USUAL: [u16; 44] = [
            200, 110, 120, 125, 150, 202, 211, 212, 213, 214, 215, 220, 221, 225, 226, 227, 229,
            230, 232, 234, 235, 250, 257, 331, 332, 334, 336, 350, 421, 425, 426, 430, 450, 451,
            452, 500, 501, 502, 503, 504, 522, 530, 532, 550,
        ];
        let number = if rarely(source)? {
            source.int_in_range(100..=699)?
        } else {
            *source.choose(&USUAL)?
        };
        Ok(Code::new(number).unwrap_or(Code::COMMAND_OKAY))
    }
}

impl<'a> Arbitrary<'a> for Verb {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        source.choose(Verb::ALL).copied()
    }
}

impl<'a> Arbitrary<'a> for Known {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        source.choose(Known::ALL).copied()
    }
}

impl<'a> Arbitrary<'a> for FeatureSet {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        list::<Known>(source, 12).map(|known| known.into_iter().collect())
    }
}

impl<'a> Arbitrary<'a> for Type {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match source.int_in_range(0..=7)? {
            0 => Type::Image,
            1 => Type::Ascii,
            2 => Type::AsciiTelnet,
            3 => Type::AsciiCarriage,
            4 => Type::Ebcdic,
            5 => Type::EbcdicTelnet,
            6 => Type::EbcdicCarriage,
            _ => Type::Local(source.int_in_range(1..=u8::MAX)?),
        })
    }
}

impl<'a> Arbitrary<'a> for Timestamp {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        const YEAR_0: i64 = -62_167_219_200;
        const YEAR_10000: i64 = 253_402_300_800;
        let seconds = source.int_in_range(YEAR_0..=YEAR_10000 - 1)?;
        let whole = Timestamp::from_unix_seconds(seconds);
        let time = whole.ok_or(::arbitrary::Error::IncorrectFormat)?;
        let digits = source.int_in_range(0..=9)?;
        let nanos = source.int_in_range(0..=999_999_999)?;
        Ok(time.with_fraction(nanos, digits).unwrap_or(time))
    }
}

impl<'a> Arbitrary<'a> for HostPort {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        let address = Ipv4Addr::from(source.arbitrary::<[u8; 4]>()?);
        let port = source.int_in_range(1..=u16::MAX)?;
        HostPort::new(address, port).map_err(|_| ::arbitrary::Error::IncorrectFormat)
    }
}

impl<'a> Arbitrary<'a> for ExtendedAddress {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        let address = if source.arbitrary()? {
            IpAddr::V6(Ipv6Addr::from(source.arbitrary::<[u8; 16]>()?))
        } else {
            IpAddr::V4(Ipv4Addr::from(source.arbitrary::<[u8; 4]>()?))
        };
        let port = source.int_in_range(1..=u16::MAX)?;
        ExtendedAddress::new(address, port).map_err(|_| ::arbitrary::Error::IncorrectFormat)
    }
}

impl<'a> Arbitrary<'a> for Path<'a> {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        let bytes = piece(source)?;
        Path::new(bytes)
            .or_else(|_| Path::new(b"f"))
            .map_err(|_| ::arbitrary::Error::IncorrectFormat)
    }
}

impl<'a> Arbitrary<'a> for Text<'a> {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        let bytes = piece(source)?;
        Text::new(bytes).map_err(|_| ::arbitrary::Error::IncorrectFormat)
    }
}

impl<'a> Arbitrary<'a> for Command<'a> {
    /// Every command but [`Command::Other`] and the three whose arguments have types of their own in [`crate::wire`] (PORT, EPRT, and
    /// REST with a marker).
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        let optional = |source: &mut Unstructured<'a>| {
            let wanted: bool = source.arbitrary()?;
            wanted.then(|| Path::arbitrary(source)).transpose()
        };
        Ok(match source.int_in_range(0..=48)? {
            0 => Command::Noop,
            1 => Command::User(source.arbitrary()?),
            2 => Command::Pass(source.arbitrary()?),
            3 => Command::Acct(source.arbitrary()?),
            4 => Command::Cwd(source.arbitrary()?),
            5 => Command::Cdup,
            6 => Command::Smnt(source.arbitrary()?),
            7 => Command::Rein,
            8 => Command::Quit,
            9 => Command::Pasv,
            10 => Command::Type(source.arbitrary()?),
            11 => Command::Stru(source.arbitrary()?),
            12 => Command::Mode(source.arbitrary()?),
            13 => Command::Retr(source.arbitrary()?),
            14 => Command::Stor(source.arbitrary()?),
            15 => Command::Stou(optional(source)?),
            16 => Command::Appe(source.arbitrary()?),
            17 => Command::Allo {
                size: source.arbitrary()?,
                record: source.arbitrary()?,
            },
            18 => Command::Rest(source.arbitrary()?),
            19 => Command::Rnfr(source.arbitrary()?),
            20 => Command::Rnto(source.arbitrary()?),
            21 => Command::Abor,
            22 => Command::Dele(source.arbitrary()?),
            23 => Command::Rmd(source.arbitrary()?),
            24 => Command::Mkd(source.arbitrary()?),
            25 => Command::Pwd,
            26 => Command::List(optional(source)?),
            27 => Command::Nlst(optional(source)?),
            28 => Command::Site(source.arbitrary()?),
            29 => Command::Syst,
            30 => Command::Stat(optional(source)?),
            31 => Command::Help(source.arbitrary()?),
            32 => Command::Auth(*source.choose(&[
                AuthMechanism::Tls,
                AuthMechanism::Ssl,
                AuthMechanism::TlsC,
                AuthMechanism::TlsP,
                AuthMechanism::Other(b"GSSAPI"),
            ])?),
            33 => Command::Pbsz(source.arbitrary()?),
            34 => Command::Prot(source.arbitrary()?),
            35 => Command::Ccc,
            36 => Command::Feat,
            37 => Command::Opts(source.arbitrary()?),
            38 => Command::Epsv(*source.choose(&[
                EpsvArgument::Same,
                EpsvArgument::Family(1),
                EpsvArgument::Family(2),
                EpsvArgument::All,
            ])?),
            39 => Command::Lang(source.arbitrary()?),
            40 => Command::Host(source.arbitrary()?),
            41 => Command::Size(source.arbitrary()?),
            42 => Command::Mdtm(source.arbitrary()?),
            43 => Command::Mlst(optional(source)?),
            44 => Command::Mlsd(optional(source)?),
            45 => Command::Hash(source.arbitrary()?),
            46 => Command::Rang {
                start: source.arbitrary()?,
                end: source.arbitrary()?,
            },
            47 => Command::Mfmt {
                time: b"20240229120000",
                path: source.arbitrary()?,
            },
            _ => Command::Clnt(source.arbitrary()?),
        })
    }
}

// ---- dialogues

impl<'a> Arbitrary<'a> for Spoken {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        let code = source.arbitrary()?;
        let mut lines = Vec::new();
        while lines.len() < 6 && (lines.is_empty() || rarely(source)?) {
            lines.push(words(source)?);
        }
        let form = source.arbitrary()?;
        Ok(Spoken { code, lines, form })
    }
}

impl<'a> Arbitrary<'a> for Answer {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match source.int_in_range(0..=31)? {
            0..=21 => Answer::Usual,
            22..=27 => Answer::Says(list(source, 3)?),
            28 => Answer::UsualAnd(Spoken::arbitrary(source)?.to_bytes()),
            29 => Answer::Bytes(words(source)?),
            30 => Answer::Silence,
            _ => match source.arbitrary()? {
                false => Answer::Closes,
                true => Answer::Breaks(source.arbitrary()?),
            },
        })
    }
}

impl<'a> Arbitrary<'a> for Outcome {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match source.int_in_range(0..=19)? {
            0..=10 => Outcome::Good,
            11 | 12 => Outcome::Fails(source.arbitrary()?),
            13 => Outcome::TlsFails(source.arbitrary()?),
            14 => Outcome::Stranger,
            15 => Outcome::Short,
            16 => Outcome::NoCloseNotify,
            17 => Outcome::Breaks(source.arbitrary()?),
            18 => Outcome::LocalFails,
            _ => Outcome::Never,
        })
    }
}

impl<'a> Arbitrary<'a> for TransferOptions {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        let mut options = TransferOptions::default();
        if rarely(source)? {
            options.offset = source.int_in_range(0..=2000)?;
        }
        options.ascii = rarely(source)?;
        if rarely(source)? {
            options.size = Some(source.int_in_range(0..=2000)?);
        }
        if rarely(source)? {
            options.allocate = Some(source.arbitrary()?);
        }
        if rarely(source)? {
            options.length = Some(source.int_in_range(0..=2000)?);
        }
        Ok(options)
    }
}

impl<'a> Arbitrary<'a> for HashOptions {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        let mut options = HashOptions::default();
        if rarely(source)? {
            options.algorithm = Some(*source.choose(HashAlgorithm::ALL)?);
        }
        if rarely(source)? {
            options.range = Some((source.arbitrary()?, source.arbitrary()?));
        }
        Ok(options)
    }
}

impl<'a> Arbitrary<'a> for Call {
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        let optional = |source: &mut Unstructured<'a>| {
            let wanted: bool = source.arbitrary()?;
            wanted.then(|| name(source)).transpose()
        };
        Ok(match source.int_in_range(0..=48)? {
            0..=7 => Call::Retrieve {
                path: name(source)?,
                how: source.arbitrary()?,
            },
            8..=13 => Call::Store {
                path: name(source)?,
                how: source.arbitrary()?,
            },
            14 => Call::Append {
                path: name(source)?,
                how: source.arbitrary()?,
            },
            15 => Call::StoreUnique {
                hint: optional(source)?,
                how: source.arbitrary()?,
            },
            16 | 17 => Call::List(optional(source)?),
            18 => Call::Names(optional(source)?),
            19 => Call::Facts(optional(source)?),
            20 => Call::Entry(optional(source)?),
            21 => Call::Size(name(source)?),
            22 => Call::Modified(name(source)?),
            23 => Call::SetModified {
                path: name(source)?,
                time: source.arbitrary()?,
            },
            24 => Call::ChangeDirectory(name(source)?),
            25 => Call::ChangeToParent,
            26 => Call::WorkingDirectory,
            27 => Call::MakeDirectory(name(source)?),
            28 => Call::RemoveDirectory(name(source)?),
            29 => Call::Delete(name(source)?),
            30 => Call::Rename {
                from: name(source)?,
                to: name(source)?,
            },
            31 => Call::Status(optional(source)?),
            32 => Call::Help(name(source)?),
            33 => Call::System,
            34 => Call::Noop,
            35 => Call::Features,
            36 => Call::Options(name(source)?),
            37 => Call::Site(name(source)?),
            38 => Call::Account(source.arbitrary()?),
            39 => Call::Command(name(source)?),
            40 => Call::Reinitialize,
            41 => Call::ClearCommandChannel,
            42 => Call::Quit,
            43 | 44 => Call::Abort,
            45 | 46 => Call::Withdraw(source.int_in_range(0..=7)?),
            47 => Call::Hash {
                path: name(source)?,
                how: source.arbitrary()?,
            },
            _ => Call::Login {
                user: name(source)?,
                password: source.arbitrary()?,
                account: source.arbitrary()?,
            },
        })
    }
}

impl<'a> Arbitrary<'a> for Dialogue {
    /// A login and up to six requests behind it.
    fn arbitrary(source: &mut Unstructured<'a>) -> Result<Self> {
        let user: &[u8] = if rarely(source)? { b"alice" } else { b"ftp" };
        let mut calls = alloc::vec![Call::login(user, rarely(source)?)];
        calls.extend(list::<Call>(source, 6)?);
        Ok(Dialogue {
            greeting: if rarely(source)? {
                source.arbitrary()?
            } else {
                Answer::Usual
            },
            calls,
            answers: list(source, 24)?,
            outcomes: list(source, 12)?,
            schedule: list(source, 40)?,
            pieces: list(source, 4)?,
            size: source.int_in_range(0..=2000)?,
        })
    }
}

// ---- pieces

/// One time in four; never when there is nothing left to choose from.
fn rarely(source: &mut Unstructured<'_>) -> Result<bool> {
    Ok(source.int_in_range(0..=3_u8)? == 3)
}

/// Up to `most` values, none when there is nothing left to choose from.
fn list<'a, T: Arbitrary<'a>>(source: &mut Unstructured<'a>, most: usize) -> Result<Vec<T>> {
    let wanted = source.int_in_range(0..=most)?;
    let mut values = Vec::new();
    while values.len() < wanted && !source.is_empty() {
        values.push(source.arbitrary()?);
    }
    Ok(values)
}

/// Up to four different values.
fn distinct<'a, T: Arbitrary<'a> + PartialEq>(source: &mut Unstructured<'a>) -> Result<Vec<T>> {
    let mut values: Vec<T> = Vec::new();
    for value in list::<T>(source, 4)? {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(values)
}

/// Bytes of the source itself that may be an argument.
fn piece<'a>(source: &mut Unstructured<'a>) -> Result<&'a [u8]> {
    let length = source.int_in_range(0..=40_usize)?.min(source.len());
    let bytes = source.bytes(length)?;
    Ok(bytes
        .split(|byte| matches!(byte, b'\r' | b'\n' | 0))
        .next()
        .unwrap_or_default())
}

/// A name as an application may give it: mostly sound, sometimes with everything that could break a line.
fn name(source: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    const SOUND: &[&[u8]] = &[
        b"f",
        b"a file",
        b" leading",
        b"trailing ",
        b"dir/sub/f",
        b"..",
        b"-la",
        b"quo\"te",
        b"\xc3\xa9t\xc3\xa9",
        b"\xff\xfe",
        b"(192,0,2,9,1,1)",
        b"226 done",
    ];
    const HOSTILE: &[&[u8]] = &[
        b"",
        b"a\r\nDELE b",
        b"a\nb",
        b"a\rb",
        b"a\0b",
        b"\r\n",
        b"a\r\0b",
    ];
    if rarely(source)? && rarely(source)? {
        return source.choose(HOSTILE).map(|name| name.to_vec());
    }
    if rarely(source)? {
        return piece(source).map(<[u8]>::to_vec);
    }
    source.choose(SOUND).map(|name| name.to_vec())
}

/// What a server may say: no CR, LF, NUL.
fn words(source: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    const COMMON: &[&[u8]] = &[
        b"ok",
        b"",
        b" ",
        b"Entering Passive Mode (192,0,2,1,195,80)",
        b"Entering Passive Mode (203,0,113,9,0,25)",
        b"Entering Extended Passive Mode (|||50000|)",
        b"(|||0|)",
        b"(|||65536|)",
        b"\"/a \"\"b\"\" c\" is here",
        b"1000",
        b"18446744073709551616",
        b"20240229120000",
        b"226 done",
        b"123-more",
        b"FILE: name",
        b"Opening BINARY mode data connection for f (1000 bytes)",
        b"\x1b[2J\x07",
        b"\xff\xfb\x01",
    ];
    if rarely(source)? {
        return piece(source).map(<[u8]>::to_vec);
    }
    source.choose(COMMON).map(|words| words.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bytes_give_the_plainest_values() {
        let mut nothing = Unstructured::new(&[]);
        let dialogue = Dialogue::arbitrary(&mut nothing).unwrap();
        assert_eq!(dialogue.calls.len(), 1);
        assert!(dialogue.answers.is_empty() && dialogue.outcomes.is_empty());
        let story = dialogue.play(
            Config::arbitrary(&mut nothing).unwrap(),
            "192.0.2.1".parse().unwrap(),
        );
        assert!(story.succeeded(0), "{story:?}");
    }

    #[test]
    fn what_is_made_is_what_a_reader_reads() {
        use crate::wire::reply::ReplyReader;
        for seed in 0..2000_u32 {
            let bytes: Vec<u8> = (0..200_u32)
                .map(|index| {
                    (seed
                        .wrapping_mul(2_654_435_761)
                        .wrapping_add(index * 40_503)
                        >> 13) as u8
                })
                .collect();
            let spoken = Spoken::arbitrary(&mut Unstructured::new(&bytes)).unwrap();
            let mut reader = ReplyReader::new(1024, 1024, 10);
            reader.push(&spoken.to_bytes());
            let reply = reader.next_reply().unwrap().expect("a whole reply");
            assert_eq!((reply.code(), reply.text()), (spoken.code, &*spoken.text()));
        }
    }

    /// As many values as it takes to see all of them.
    fn drawn<T: for<'a> Arbitrary<'a>>(count: u32) -> impl Iterator<Item = T> {
        (0..count).map(|seed| T::arbitrary(&mut Unstructured::new(&bytes(seed))).unwrap())
    }

    fn bytes(seed: u32) -> [u8; 64] {
        let mut state = u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        core::array::from_fn(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
    }

    #[test]
    fn every_representation_type_and_every_ticket_can_be_drawn() {
        let types: Vec<Type> = drawn(300).collect();
        for wanted in [
            Type::Image,
            Type::Ascii,
            Type::AsciiTelnet,
            Type::AsciiCarriage,
            Type::Ebcdic,
            Type::EbcdicTelnet,
            Type::EbcdicCarriage,
        ] {
            assert!(types.contains(&wanted), "{wanted:?}");
        }
        assert!(types.iter().any(|drawn| matches!(drawn, Type::Local(1..))));
        let tickets: Vec<Tickets> = drawn(100).collect();
        for wanted in [Tickets::None, Tickets::Left(4), Tickets::Unlimited] {
            assert!(tickets.contains(&wanted), "{wanted:?}");
        }
        // Nothing left is `None`.
        assert!(!tickets.contains(&Tickets::Left(0)));
        let resumed = drawn::<TlsFacts>(100).filter(|facts| facts.resumed).count();
        assert!((20..80).contains(&resumed), "{resumed}");
        let late = drawn::<Instant>(100).filter(|at| at.as_millis() > 1 << 40);
        assert!(late.count() > 50);
    }

    #[test]
    fn every_command_can_be_drawn_and_read_back() {
        let mut verbs = alloc::collections::BTreeSet::new();
        for seed in 0..20_000 {
            let bytes = bytes(seed);
            let Ok(command) = Command::arbitrary(&mut Unstructured::new(&bytes)) else {
                continue;
            };
            let mut line = Vec::new();
            if command.encode(&mut line, 1024).is_err() {
                continue;
            }
            let line = line.strip_suffix(b"\r\n").unwrap();
            let read = Command::parse(line);
            let shown = line.escape_ascii();
            assert!(read.is_ok(), "{shown}: {read:?}");
            assert_eq!(read.unwrap().verb(), command.verb(), "{shown}");
            verbs.insert(command.verb().as_str());
        }
        assert!(verbs.len() >= 46, "{} verbs: {verbs:?}", verbs.len());
    }
}

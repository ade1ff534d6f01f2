//! Two TLS channels, and somebody between them who cuts, changes, repeats and drops what they say.
#![allow(clippy::indexing_slicing, reason = "there are two sides")]

use std::collections::VecDeque;
use std::sync::OnceLock;

use ftp_proto::tls::{
    Channel, ClientTls, Purpose, ServerTls, ServerTlsSession, TlsFailure, TlsSession, Version,
};
use ftp_proto_tests::certs::{Authority, Certificate};

/// What follows TLS in clear, where it was closed first (`CCC`).
const CLEAR: &[u8] = b"NOOP\r\n";

/// The first byte sets the connection up: version, whether it resumes another one, what it is for. Each byte behind it is something
/// that happens to one of the two sides.
///
/// # Panics
/// If plaintext arrives that was not sent, or not in its order; if an end is taken for the end of the plaintext that is not; if a failure
/// is forgotten; or if two channels that nobody disturbs do not understand each other.
pub fn check(data: &[u8]) {
    let Some((&setup, events)) = data.split_first() else {
        return;
    };
    let version = if setup & 1 == 0 {
        Version::Tls13
    } else {
        Version::Tls12
    };
    let (client, server) = sessions(version);
    if setup & 2 != 0 {
        let mut first = Wire::new(&client, &server, Purpose::Control);
        first.ends();
        let tickets = client.tickets();
        assert!(
            tickets.tls13_available > 0 || tickets.tls12_session,
            "there is what to resume"
        );
    }
    let purpose = if setup & 4 == 0 {
        Purpose::Control
    } else {
        Purpose::Data
    };
    let mut wire = Wire::new(&client, &server, purpose);
    if setup & 8 != 0 {
        wire.pump();
    }
    for &event in events.iter().take(300) {
        wire.happens(event);
    }
    wire.ends();
}

fn sessions(version: Version) -> (TlsSession, ServerTlsSession) {
    static MADE: OnceLock<([ClientTls; 2], ServerTls)> = OnceLock::new();
    let (clients, server) = MADE.get_or_init(|| {
        let authority = Authority::new().unwrap();
        let credential = authority.server(Certificate::Valid).unwrap();
        let server = ServerTls::builder()
            .certificate_der(
                vec![credential.certificate_der.clone()],
                credential.key_der.clone(),
            )
            .build()
            .unwrap();
        let client = |version| {
            ClientTls::builder()
                .roots_pem(authority.pem().as_bytes())
                .max_version(version)
                .build()
                .unwrap()
        };
        ([client(Version::Tls12), client(Version::Tls13)], server)
    });
    let client = &clients[usize::from(version == Version::Tls13)];
    (client.session("localhost").unwrap(), server.session())
}

/// One end.
struct Side {
    channel: Channel,
    /// What it wrote, and what it read.
    wrote: Vec<u8>,
    read: Vec<u8>,
    /// On its way to this end.
    coming: VecDeque<u8>,
    /// Nothing more comes, and it was told so.
    cut: bool,
    told: bool,
    /// Clear text was sent behind the end of TLS, to this end.
    clear: bool,
    failure: Option<TlsFailure>,
}

struct Wire {
    sides: [Side; 2],
    /// Something was changed on the way.
    disturbed: bool,
}

impl Wire {
    fn new(client: &TlsSession, server: &ServerTlsSession, purpose: Purpose) -> Wire {
        let side = |channel| Side {
            channel,
            wrote: Vec::new(),
            read: Vec::new(),
            coming: VecDeque::new(),
            cut: false,
            told: false,
            clear: false,
            failure: None,
        };
        Wire {
            sides: [
                side(client.open(purpose).unwrap()),
                side(server.accept().unwrap()),
            ],
            disturbed: false,
        }
    }

    /// The lowest bit names a side, the next three what happens to it, the rest how much of it.
    fn happens(&mut self, event: u8) {
        let at = usize::from(event & 1);
        let much = usize::from(event >> 4);
        match event >> 1 & 7 {
            0 => self.writes(at, much * much * 190 + 1),
            1 => _ = self.sides[at].receives(1 << much),
            2 => _ = self.sides[at].receives(much + 1),
            3 => _ = self.sides[at].reads(much * 97 + 1),
            4 => self.disturbs(at, much),
            5 if much == 0 => self.cuts(at),
            5 => self.pump(),
            6 if much & 3 == 0 => self.closes(at, much > 7),
            _ => _ = self.sends(at),
        }
        self.holds();
    }

    fn writes(&mut self, at: usize, count: usize) {
        let side = &mut self.sides[at];
        let bytes: Vec<u8> = (side.wrote.len()..side.wrote.len() + count)
            .map(|index| (index % 251) as u8)
            .collect();
        let done = side.channel.write(&bytes);
        assert!(done <= count);
        let failed = !matches!(side.failure, None | Some(TlsFailure::Truncated));
        if failed || side.channel.sent_close() || side.channel.is_handshaking() {
            assert_eq!(done, 0);
        }
        side.wrote.extend(&bytes[..done]);
        self.sends(at);
    }

    /// Its ciphertext goes on its way.
    fn sends(&mut self, at: usize) -> usize {
        let mut out = Vec::new();
        let sent = self.sides[at].channel.take_outgoing(&mut out);
        let other = &mut self.sides[1 - at];
        if !other.cut && !other.clear {
            other.coming.extend(out);
        }
        sent
    }

    /// Nobody closes who may still meet something that was changed, or not understand the handshake: with debug assertions rustls 0.23 does not
    /// take it that there is a fatal alert to send behind its close_notify. Without them it sends none.
    fn closes(&mut self, at: usize, clear_text_follows: bool) {
        if self.disturbed || self.sides[at].channel.is_handshaking() {
            return;
        }
        self.sides[at].channel.close();
        self.sends(at);
        let sent = self.sides[at].channel.sent_close();
        let other = &mut self.sides[1 - at];
        if sent && clear_text_follows && !other.clear && !other.cut {
            other.coming.extend(CLEAR);
            other.clear = true;
        }
    }

    fn cuts(&mut self, at: usize) {
        self.sides[at].cut = true;
    }

    /// Changes what is on its way.
    fn disturbs(&mut self, at: usize, how: usize) {
        let side = &mut self.sides[at];
        let length = side.coming.len();
        if length == 0 || side.channel.sent_close() {
            return;
        }
        self.disturbed = true;
        let place = [0, 3, length / 2, length - 1][how & 3].min(length - 1);
        match how >> 2 {
            0 => side.coming[place] ^= 1 << (how & 7),
            1 => {
                side.coming.remove(place);
            }
            2 => {
                let copy: Vec<u8> = side
                    .coming
                    .iter()
                    .take(place.min(99) + 1)
                    .copied()
                    .collect();
                side.coming.extend(copy);
            }
            _ => side.coming.insert(place, 0x17),
        }
    }

    /// Everything goes where it belongs, until nothing moves.
    fn pump(&mut self) {
        loop {
            let mut moved = 0;
            for at in [0, 1] {
                moved += self.sends(at);
                moved += self.sides[at].receives(usize::MAX);
                moved += self.sides[at].reads(usize::MAX);
            }
            if moved == 0 {
                break;
            }
        }
        self.holds();
    }

    /// What must hold at any time.
    fn holds(&self) {
        for (side, other) in [
            (&self.sides[0], &self.sides[1]),
            (&self.sides[1], &self.sides[0]),
        ] {
            assert!(
                other.wrote.starts_with(&side.read),
                "what is read was written"
            );
            assert_eq!(side.channel.failure(), side.failure.as_ref());
            if side.channel.peer_closed() && !side.channel.has_plaintext() {
                assert!(other.channel.sent_close());
                assert_eq!(side.read, other.wrote, "closed behind all of it");
            }
            if !self.disturbed
                && let Some(failure) = &side.failure
            {
                assert!(side.told, "{failure:?} and nobody disturbed");
            }
        }
    }

    /// Both close, and hear all that is left, then the end.
    fn ends(&mut self) {
        self.pump();
        let open = !self.disturbed && self.sides.iter().all(|side| !side.cut);
        if open {
            for at in [0, 1] {
                assert!(!self.sides[at].channel.is_handshaking());
                self.closes(at, false);
            }
            self.pump();
        }
        for at in [0, 1] {
            self.cuts(at);
        }
        self.pump();
        for side in &self.sides {
            assert!(side.told);
            if open {
                assert!(side.channel.peer_closed() && side.failure.is_none());
                let left: Vec<u8> = side.coming.iter().copied().collect();
                let expected = if side.clear { CLEAR } else { b"" };
                assert_eq!(left, expected, "what follows TLS is not taken for TLS");
            }
            if !side.channel.peer_closed() {
                assert!(side.failure.is_some(), "an end in the middle is a failure");
            }
        }
    }
}

impl Side {
    /// Takes up to `count` bytes of what comes, and the end of it; how much happened.
    fn receives(&mut self, count: usize) -> usize {
        let bytes = self.coming.make_contiguous();
        let piece = &bytes[..count.min(bytes.len())];
        let before = self.failure.clone();
        let taken = match self.channel.feed(piece) {
            Ok(taken) => {
                assert!(before.is_none(), "a failure stays");
                assert!(
                    taken == piece.len()
                        || self.channel.has_plaintext()
                        || self.channel.peer_closed()
                );
                taken
            }
            Err(failure) => {
                assert!(before.is_none_or(|before| before == failure));
                self.failure = Some(failure);
                piece.len()
            }
        };
        self.coming.drain(..taken);
        let over = self.coming.is_empty() || self.channel.peer_closed();
        if self.cut && !self.told && over {
            self.told = true;
            let end = self.channel.peer_eof();
            match &self.failure {
                Some(failure) => assert_eq!(end.as_ref(), Err(failure)),
                None => {
                    assert_eq!(end.is_ok(), self.channel.peer_closed());
                    self.failure = end.err();
                }
            }
            return taken + 1;
        }
        taken
    }

    fn reads(&mut self, count: usize) -> usize {
        let mut out = vec![0; count.min(100_000)];
        let read = self.channel.read(&mut out);
        self.read.extend(&out[..read]);
        read
    }
}

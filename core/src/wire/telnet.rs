//! The Telnet layer of the control connection: the little of RFC 854 that RFC 959 and RFC 1123 section 4.1.2.12 need.
//!
//! FTP negotiates no Telnet option, in either direction. What remains is the byte IAC (255): a data byte of that value
//! travels doubled, an offer or demand is turned down, and everything else is swallowed.

use alloc::vec::Vec;

/// Telnet "Interrupt Process", sent before [`SYNCH`] when a command must reach a busy server (RFC 959 section 4.1).
pub const INTERRUPT: &[u8] = &[IAC, 0xF4];

/// The data mark that ends a Telnet "Synch". Its first byte is meant to be sent as TCP urgent data, except under TLS.
pub const SYNCH: &[u8] = &[IAC, 0xF2];

/// Removes Telnet commands from a byte stream. Total, and independent of how the stream is cut.
///
/// * IAC IAC becomes one byte 255.
/// * IAC WILL, WONT, DO or DONT and the option after it are dropped; WILL is answered with DONT, DO with WONT. WONT and
///   DONT get no answer, since every option is off already and an answer could start a loop (RFC 854).
/// * IAC followed by another command (IP, DM, NOP, AYT, ...) is dropped. A sub-negotiation can only follow an agreed
///   option, so there is none to skip.
/// * IAC followed by anything that is no Telnet command is kept, both bytes: it comes from a peer that does not know
///   that 255 is special.
/// * IAC at the end of the input waits for the next call.
///
/// ```
/// use ftp_proto::wire::telnet::TelnetDecoder;
///
/// let (mut text, mut answers) = (Vec::new(), Vec::new());
/// let mut telnet = TelnetDecoder::default();
/// telnet.decode(b"\xFF\xF4\xFF\xF2ABOR\xFF\xFD\x01\r\n", &mut text, &mut answers);
/// assert_eq!(text, b"ABOR\r\n");
/// assert_eq!(answers, b"\xFF\xFC\x01");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TelnetDecoder {
    state: State,
}

impl TelnetDecoder {
    /// Appends the text in `input` to `text`, and what must be sent back to `answers`. Neither grows by more than the
    /// bytes that came in, over the life of the decoder.
    pub fn decode(&mut self, input: &[u8], text: &mut Vec<u8>, answers: &mut Vec<u8>) {
        self.run(input, text, |verb, option| match verb {
            WILL => answers.extend_from_slice(&[IAC, DONT, option]),
            DO => answers.extend_from_slice(&[IAC, WONT, option]),
            _ => {}
        });
    }

    /// As [`decode`](Self::decode), for a side that answers nothing.
    pub fn decode_silently(&mut self, input: &[u8], text: &mut Vec<u8>) {
        self.run(input, text, |_, _| {});
    }

    /// No Telnet command is cut in half.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.state == State::Text
    }

    fn run(&mut self, input: &[u8], text: &mut Vec<u8>, mut negotiate: impl FnMut(u8, u8)) {
        let mut rest = input;
        loop {
            if self.state == State::Text {
                let plain = rest
                    .iter()
                    .position(|&byte| byte == IAC)
                    .unwrap_or(rest.len());
                let (before, from_iac) = rest.split_at(plain);
                text.extend_from_slice(before);
                rest = from_iac;
            }
            let Some((&byte, after)) = rest.split_first() else {
                return;
            };
            rest = after;
            self.state = match (self.state, byte) {
                (State::Text, _) => State::Command,
                (State::Command, IAC) => {
                    text.push(IAC);
                    State::Text
                }
                (State::Command, WILL..=DONT) => State::Option(byte),
                (State::Command, FIRST_COMMAND..WILL) => State::Text,
                (State::Command, _) => {
                    text.extend_from_slice(&[IAC, byte]);
                    State::Text
                }
                (State::Option(verb), option) => {
                    negotiate(verb, option);
                    State::Text
                }
            };
        }
    }
}

/// Appends `argument` to `out` with every byte 255 doubled (RFC 3659 section 2.2).
pub fn escape(argument: &[u8], out: &mut Vec<u8>) {
    for piece in argument.split_inclusive(|&byte| byte == IAC) {
        out.extend_from_slice(piece);
        if piece.last() == Some(&IAC) {
            out.push(IAC);
        }
    }
}

/// The length of `argument` after [`escape`].
#[must_use]
pub fn escaped_len(argument: &[u8]) -> usize {
    argument.len() + argument.iter().filter(|&&byte| byte == IAC).count()
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum State {
    #[default]
    Text,
    /// Behind IAC.
    Command,
    /// Behind IAC and one of WILL, WONT, DO, DONT.
    Option(u8),
}

const IAC: u8 = 0xFF;
const DONT: u8 = 0xFE;
const DO: u8 = 0xFD;
const WONT: u8 = 0xFC;
const WILL: u8 = 0xFB;
/// SE; the commands run from here to IAC (RFC 854).
const FIRST_COMMAND: u8 = 0xF0;

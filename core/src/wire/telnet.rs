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
                // As in nearly every line.
                if rest.is_ascii() {
                    text.extend_from_slice(rest);
                    return;
                }
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
    if argument.is_ascii() {
        out.extend_from_slice(argument);
        return;
    }
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

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn run<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Vec<u8>, TelnetDecoder) {
        let (mut text, mut answers) = (Vec::new(), Vec::new());
        let mut telnet = TelnetDecoder::default();
        for piece in pieces {
            telnet.decode(piece, &mut text, &mut answers);
        }
        (text, answers, telnet)
    }

    /// The rules of RFC 854 as far as they concern FTP, read off the whole stream.
    fn expected(input: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (mut text, mut answers) = (vec![], vec![]);
        let mut rest = input;
        loop {
            rest = match rest {
                [] | [0xFF] | [0xFF, 0xFB..=0xFE] => return (text, answers),
                [0xFF, 0xFF, rest @ ..] => {
                    text.push(0xFF);
                    rest
                }
                [0xFF, 0xFB, option, rest @ ..] => {
                    answers.extend([0xFF, 0xFE, *option]);
                    rest
                }
                [0xFF, 0xFD, option, rest @ ..] => {
                    answers.extend([0xFF, 0xFC, *option]);
                    rest
                }
                [0xFF, 0xFC | 0xFE, _, rest @ ..] => rest,
                [0xFF, 0xF0..=0xFA, rest @ ..] => rest,
                [0xFF, other, rest @ ..] => {
                    text.extend([0xFF, *other]);
                    rest
                }
                [plain, rest @ ..] => {
                    text.push(*plain);
                    rest
                }
            };
        }
    }

    #[test]
    fn ix_3_all_short_streams_at_every_split() {
        const ALPHABET: [u8; 10] = [0xFF, 0xFB, 0xFC, 0xFD, 0xFE, 0xF4, 0xF2, b'A', b'\r', b'\n'];
        let mut buffer = [0; 5];
        for length in 0..=5_u32 {
            for number in 0..10_usize.pow(length) {
                let input = &mut buffer[..length as usize];
                for (place, byte) in (0..).zip(input.iter_mut()) {
                    *byte = ALPHABET[number / 10_usize.pow(place) % 10];
                }
                let (text, answers, state) = run([&*input]);
                assert_eq!(
                    (text.clone(), answers.clone()),
                    expected(input),
                    "{input:02x?}"
                );
                assert!(text.len() <= input.len() && answers.len() <= input.len());
                if !input.contains(&0xFF) {
                    assert_eq!(text, input);
                }
                let mut silent = Vec::new();
                TelnetDecoder::default().decode_silently(input, &mut silent);
                assert_eq!(silent, text);
                for cut in 0..=input.len() {
                    let (left, right) = input.split_at(cut);
                    assert_eq!(
                        run([left, right]),
                        (text.clone(), answers.clone(), state),
                        "{input:02x?} at {cut}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_pair_of_bytes_behind_iac_is_handled() {
        for first in 0..=255 {
            for second in 0..=255 {
                let input = [b'a', 0xFF, first, second, b'z'];
                let (text, answers, _) = run([&input[..]]);
                assert_eq!((text, answers), expected(&input));
            }
        }
    }

    #[test]
    fn what_is_escaped_comes_back() {
        for argument in [
            &b""[..],
            b"plain",
            b"\xFF",
            b"\xFF\xFF",
            b"a\xFFb\xFF",
            b"\xFF\xF4\xFF\xF2",
            b"\xFF\xFBx",
        ] {
            let mut out = b"before ".to_vec();
            escape(argument, &mut out);
            assert_eq!(out.len(), 7 + escaped_len(argument));
            let (text, answers, telnet) = run(out.chunks(1));
            assert_eq!(text, [b"before ", argument].concat());
            assert!(answers.is_empty());
            assert!(telnet.is_idle());
        }
    }

    #[test]
    fn interrupt_and_synch_in_front_of_abor_vanish() {
        let input = [INTERRUPT, SYNCH, b"ABOR\r\n"].concat();
        assert_eq!(input, b"\xFF\xF4\xFF\xF2ABOR\r\n");
        for cut in 0..=input.len() {
            let (left, right) = input.split_at(cut);
            let (text, answers, _) = run([left, right]);
            assert_eq!(text, b"ABOR\r\n");
            assert!(answers.is_empty());
        }
    }

    #[test]
    fn refusals_are_not_answered_so_that_no_loop_starts() {
        let (text, answers, _) = run([&b"\xFF\xFC\x01\xFF\xFE\x01NOOP"[..]]);
        assert_eq!((&text[..], &answers[..]), (&b"NOOP"[..], &b""[..]));
    }

    #[test]
    fn half_a_command_waits() {
        let (text, _, telnet) = run([&b"a\xFF"[..]]);
        assert_eq!(text, b"a");
        assert!(!telnet.is_idle());
        let (text, _, telnet) = run([&b"a\xFF\xFD"[..]]);
        assert_eq!(text, b"a");
        assert!(!telnet.is_idle());
    }
}

//! Commands: one line out for one command in, what is read is what was written, and secrets stay out of what is shown.

use ftp_proto::wire::command::{Command, Verb, encode_raw, mask_line};
use ftp_proto::wire::telnet::TelnetDecoder;

/// The bytes are one line without its end.
///
/// # Panics
/// If the law does not hold.
pub fn check(line: &[u8]) {
    let _ = mask_line(line).to_string();
    raw(line);
    let strict = Command::parse_strict(line);
    match Command::parse(line) {
        Ok(command) => {
            assert!(
                strict.is_ok_and(|strict| strict == command)
                    || command.verb().canonical().ignores_argument(),
                "strict and lenient differ"
            );
            round_trip(&command);
            secrets(&command, line);
        }
        Err(error) => {
            assert!(strict.is_err(), "strict takes what lenient refuses");
            assert!(matches!(error.code.value(), 500 | 501 | 504));
            let _ = error.to_string();
        }
    }
}

fn raw(line: &[u8]) {
    let mut out = b"before".to_vec();
    match encode_raw(line, &mut out, 512) {
        Ok(verb) => {
            let sent = out.strip_prefix(b"before").expect("appends");
            one_line(sent);
            assert_eq!(received(sent), line, "raw line");
            let name = line.split(|&byte| byte == b' ').next().unwrap_or_default();
            assert_eq!(verb, Verb::parse(name));
        }
        Err(_) => assert_eq!(out, b"before", "refused, and yet written"),
    }
}

fn round_trip(command: &Command<'_>) {
    let mut sent = Vec::new();
    command
        .encode(&mut sent, usize::MAX)
        .unwrap_or_else(|error| panic!("{command:?} cannot be sent: {error}"));
    one_line(&sent);
    let line = received(&sent);
    assert_eq!(
        Command::parse_strict(&line),
        Ok(*command),
        "read back differs"
    );
    let length = sent.len() - 2;
    let mut out = Vec::new();
    assert!(command.encode(&mut out, length).is_ok());
    out.clear();
    assert!(command.encode(&mut out, length - 1).is_err());
    assert!(out.is_empty(), "refused, and yet written");
}

/// What is shown does not depend on the secret.
fn secrets(command: &Command<'_>, line: &[u8]) {
    let (Command::Pass(secret) | Command::Acct(secret) | Command::Adat(secret)) = command else {
        return;
    };
    if secret.is_empty() {
        return;
    }
    let name = line.split(|&byte| byte == b' ').next().unwrap_or_default();
    let other_line = [name, b" another"].concat();
    let other = Command::parse(&other_line).expect("the same verb");
    assert_eq!(
        command.display_masked().to_string(),
        other.display_masked().to_string()
    );
    assert_eq!(format!("{command:?}"), format!("{other:?}"));
    assert_eq!(
        mask_line(line).to_string(),
        mask_line(&other_line).to_string()
    );
}

fn one_line(sent: &[u8]) {
    let body = sent.strip_suffix(b"\r\n").expect("ends in CR LF");
    assert!(
        !body.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)),
        "more than one line"
    );
}

/// What the other side reads: without the line end, after Telnet decoding.
fn received(sent: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut answers = Vec::new();
    TelnetDecoder::default().decode(sent, &mut text, &mut answers);
    assert!(answers.is_empty(), "a command that negotiates");
    text.truncate(text.len().saturating_sub(2));
    text
}

//! SYST, STAT, HELP, FEAT, SITE, CLNT: what the server tells about itself, and nothing about its product.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::entry::push;
use super::verbs::is_carried_out;
use super::{HashAlgorithm, Server};
use crate::rules::login::Login;
use crate::wire::command::{ArgumentRule, Text, Verb};
use crate::wire::date::Timestamp;
use crate::wire::features::{Feature, Known, encode_feat};
use crate::wire::reply::{Code, Escaped};

impl Server {
    pub(super) fn on_syst(&mut self) {
        self.reply(Code::SYSTEM_TYPE, "UNIX Type: L8");
    }

    /// STAT without a path, also while a transfer runs (RFC 959 section 4.1.3).
    pub(super) fn on_stat(&mut self, verb: Option<Verb>) {
        let mut text = Vec::from(&b"Status\n"[..]);
        let secured = if self.protection.is_secure() {
            "TLS"
        } else {
            "clear text"
        };
        let private = if self.protection.data_is_private(self.law) {
            "private"
        } else {
            "clear"
        };
        push(
            &mut text,
            format_args!(
                " Logged in as {}\n",
                Escaped::new(self.session.name.get(..64).unwrap_or(&self.session.name))
            ),
        );
        push(
            &mut text,
            format_args!(" TYPE: {}; STRU: F; MODE: S\n", self.session.representation),
        );
        push(
            &mut text,
            format_args!(" Control connection: {secured}; data connections: {private}\n"),
        );
        match &self.transfer {
            Some(transfer) => push(
                &mut text,
                format_args!(" {}: {} bytes\n", transfer.verb, self.data.bytes),
            ),
            None => text.extend_from_slice(b" No transfer\n"),
        }
        text.extend_from_slice(b"End");
        self.reply_to(verb, Code::SYSTEM_STATUS, &text);
    }

    pub(super) fn on_help(&mut self, about: Text<'_>) {
        let (word, _) = about.split_word();
        if word.is_empty() {
            let text = listed(Verb::ALL.iter().copied().filter(|verb| self.offers(*verb)));
            return self.reply(Code::HELP_MESSAGE, &text);
        }
        match Verb::parse(word) {
            Some(Verb::Site) => self.help_site(),
            Some(verb) if self.offers(verb) => {
                let argument = match verb.argument_rule() {
                    ArgumentRule::None => "",
                    ArgumentRule::Required => " argument",
                    ArgumentRule::Optional => " [argument]",
                };
                self.reply(Code::HELP_MESSAGE, &format!("Syntax: {verb}{argument}"));
            }
            _ => self.reply(Code::PARAMETER_SYNTAX, "No such command"),
        }
    }

    /// Whether the verb does something under the policy.
    fn offers(&self, verb: Verb) -> bool {
        let security = self.config.security;
        let canonical = verb.canonical();
        match canonical {
            Verb::Auth | Verb::Pbsz | Verb::Prot => security.has_tls(),
            Verb::Ccc => security.has_tls() && security.ccc_allowed(),
            Verb::Rein => !security.is_implicit(),
            Verb::Host => self.config.virtual_hosts,
            Verb::Hash => !self.config.hashes.is_empty(),
            _ => {
                let digest = HashAlgorithm::of_verb(canonical);
                is_carried_out(canonical)
                    && digest.is_none_or(|digest| self.config.hashes.contains(&digest))
            }
        }
    }

    /// FEAT: what there is beyond RFC 959 (RFC 2389 section 3.2), also before login.
    pub(super) fn on_feat(&mut self) {
        let mlst = self.mlst_parameters();
        let hash = self.hash_parameters();
        let known = [
            (Known::AuthTls, self.offers(Verb::Auth)),
            (Known::Ccc, self.offers(Verb::Ccc)),
            (Known::Clnt, true),
            (Known::Eprt, self.config.active.enabled),
            (Known::Epsv, self.config.passive.enabled),
            (Known::Host, self.offers(Verb::Host)),
            (Known::Mdtm, true),
            (Known::Mfmt, true),
            (Known::Pbsz, self.offers(Verb::Pbsz)),
            (Known::Prot, self.offers(Verb::Prot)),
            (Known::Rang, true),
            (Known::RestStream, true),
            (Known::SiteChmod, true),
            (Known::SiteUtime, true),
            (Known::Size, true),
            (Known::Tvfs, true),
            (Known::Utf8, true),
            (Known::Xcrc, self.offers(Verb::Xcrc)),
            (Known::Xmd5, self.offers(Verb::Xmd5)),
            (Known::Xsha1, self.offers(Verb::Xsha1)),
            (Known::Xsha256, self.offers(Verb::Xsha256)),
            (Known::Xsha512, self.offers(Verb::Xsha512)),
        ];
        let with = |label: &'static [u8], parameters| Feature { label, parameters };
        let features = known
            .iter()
            .filter(|(_, offered)| *offered)
            .map(|(known, _)| known.feature())
            .chain((!hash.is_empty()).then(|| with(b"HASH", &hash)))
            .chain([with(b"LANG", b"EN*"), with(b"MLST", &mlst)]);
        let mut text = Vec::new();
        match encode_feat(features, &mut text) {
            Ok(()) => self.reply_to(self.current, Code::SYSTEM_STATUS, &text),
            Err(_) => self.reply(Code::SYSTEM_STATUS, "No features"),
        }
    }

    // ---- SITE

    pub(super) fn on_site(&mut self, text: Text<'_>) {
        let (word, argument) = text.split_word();
        if word.eq_ignore_ascii_case(b"HELP") {
            self.help_site();
        } else if word.eq_ignore_ascii_case(b"CHMOD") {
            self.on_chmod(argument);
        } else if word.eq_ignore_ascii_case(b"UTIME") {
            self.on_utime(argument.as_bytes());
        } else {
            self.reply(Code::PARAMETER_NOT_IMPLEMENTED, "No such SITE command");
        }
    }

    fn help_site(&mut self) {
        self.reply(
            Code::HELP_MESSAGE,
            "SITE commands\n CHMOD mode path\n HELP\n UTIME time path\nEnd",
        );
    }

    fn on_chmod(&mut self, argument: Text<'_>) {
        let (mode, path) = argument.split_word();
        let octal =
            (1..=4).contains(&mode.len()) && mode.iter().all(|digit| (b'0'..=b'7').contains(digit));
        if !octal || path.is_empty() {
            return self.reply(Code::PARAMETER_SYNTAX, "SITE CHMOD mode path");
        }
        let bits = mode
            .iter()
            .fold(0, |bits, digit| bits * 8 + u32::from(digit - b'0'));
        if let Some(path) = self.resolve(path.as_bytes()) {
            self.set_mode(bits, path);
        }
    }

    /// `SITE UTIME time path`, or `SITE UTIME path atime mtime ctime UTC`.
    fn on_utime(&mut self, argument: &[u8]) {
        match utime(argument) {
            Some((time, written)) => {
                if let Some(path) = self.resolve(written) {
                    self.set_modified(time, path);
                }
            }
            None => self.reply(Code::PARAMETER_SYNTAX, "SITE UTIME time path"),
        }
    }

    /// ABOR (RFC 959 section 4.1.3). A transfer it aborts was answered already.
    pub(super) fn on_abor(&mut self) {
        self.close_data();
        if core::mem::take(&mut self.aborted) {
            self.reply(Code::CLOSING_DATA_CONNECTION, "Aborted");
        } else {
            self.reply(Code::DATA_CONNECTION_OPEN, "Nothing to abort");
        }
    }

    pub(super) fn logged_in(&self) -> bool {
        self.session.login == Login::In
    }
}

fn listed(verbs: impl Iterator<Item = Verb>) -> String {
    let mut text = String::from("Commands");
    for (index, verb) in verbs.enumerate() {
        text.push_str(if index % 8 == 0 { "\n " } else { " " });
        text.push_str(verb.as_str());
    }
    text.push_str("\nEnd");
    text
}

fn utime(argument: &[u8]) -> Option<(Timestamp, &[u8])> {
    if let Some((path, time)) = utime_last(argument) {
        return Some((time, path));
    }
    let space = argument.iter().position(|byte| *byte == b' ')?;
    let (digits, path) = (argument.get(..space)?, argument.get(space + 1..)?);
    let time = match digits.len() {
        12 => Timestamp::parse(&[digits, b"00"].concat()).ok()?,
        _ => Timestamp::parse(digits).ok()?,
    };
    (!path.is_empty()).then_some((time, path))
}

/// The form with the path in front; the second of its times counts.
fn utime_last(argument: &[u8]) -> Option<(&[u8], Timestamp)> {
    let mut rest = argument;
    let mut last = || {
        let space = rest.iter().rposition(|byte| *byte == b' ')?;
        let word = rest.get(space + 1..)?;
        rest = rest.get(..space)?;
        Some(word)
    };
    last()?.eq_ignore_ascii_case(b"UTC").then_some(())?;
    let (ctime, mtime, atime) = (last()?, last()?, last()?);
    Timestamp::parse(ctime).ok()?;
    Timestamp::parse(atime).ok()?;
    let time = Timestamp::parse(mtime).ok()?;
    (!rest.is_empty()).then_some((rest, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_site_utime() {
        let time = Timestamp::new(2026, 2, 3, 4, 5, 6).unwrap();
        let short = Timestamp::new(2026, 2, 3, 4, 5, 0).unwrap();
        let three = "20260101000000 20260203040506 20260101000000";
        for (argument, expected) in [
            ("20260203040506 a b", Some((time, "a b"))),
            ("202602030405 a", Some((short, "a"))),
            (&*format!("a b {three} UTC"), Some((time, "a b"))),
            ("a 1 2 3 UTC", None),
            ("20260203040506", None),
            ("2026 a", None),
            ("", None),
        ] {
            let expected = expected.map(|(time, path)| (time, path.as_bytes()));
            assert_eq!(utime(argument.as_bytes()), expected, "{argument}");
        }
    }
}

//! TYPE, STRU, MODE, ALLO, REST, RANG, OPTS, LANG: what the next transfer will be like.

use super::entry::{Fact, FactSet};
use super::{HashAlgorithm, Restart, Server};
use crate::wire::command::{Mode, Structure, Type};
use crate::wire::features::MlstFacts;
use crate::wire::reply::Code;

use alloc::format;
use alloc::vec::Vec;

impl Server {
    pub(super) fn on_type(&mut self, kind: Type) {
        match kind {
            // On a terminal without vertical formats the two are the same (RFC 1123 section 4.1.2.2).
            Type::Ascii | Type::AsciiTelnet => {
                self.session.representation = Type::Ascii;
                self.reply(Code::COMMAND_OKAY, "Type is A");
            }
            Type::Image | Type::Local(8) => {
                self.session.representation = Type::Image;
                self.reply(Code::COMMAND_OKAY, "Type is I");
            }
            _ => self.reply(Code::PARAMETER_NOT_IMPLEMENTED, "Types are A, I and L 8"),
        }
    }

    pub(super) fn on_stru(&mut self, structure: Structure) {
        match structure {
            Structure::File => self.reply(Code::COMMAND_OKAY, "Structure is F"),
            Structure::Record | Structure::Page => {
                self.reply(Code::PARAMETER_NOT_IMPLEMENTED, "The structure is F");
            }
        }
    }

    pub(super) fn on_mode(&mut self, mode: Mode) {
        match mode {
            Mode::Stream => self.reply(Code::COMMAND_OKAY, "Mode is S"),
            Mode::Block | Mode::Compressed | Mode::Deflate => {
                self.reply(Code::PARAMETER_NOT_IMPLEMENTED, "The mode is S");
            }
        }
    }

    /// Nothing is reserved; the storage is told the size when the file is opened.
    pub(super) fn on_allo(&mut self, size: u64) {
        self.session.announced = Some(size);
        self.reply(Code::SUPERFLUOUS, "Nothing needs to be allocated");
    }

    /// REST in stream mode (RFC 3659 section 5.3): whether the file is that long shows at the transfer.
    pub(super) fn on_rest(&mut self, offset: u64) {
        self.session.restart = None;
        if offset > i64::MAX.unsigned_abs() {
            return self.reply(Code::PARAMETER_SYNTAX, "The offset is too large");
        }
        if offset > 0 {
            // An offset into the converted text would have to be found by converting all before it.
            if self.session.representation == Type::Ascii {
                return self.reply(Code::PARAMETER_SYNTAX, "TYPE I first");
            }
            self.session.restart = Some(Restart::From(offset));
        }
        self.reply(Code::PENDING_FURTHER_INFORMATION, "Restart point taken");
    }

    /// RANG: both ends are included; 1 0 takes it back.
    pub(super) fn on_rang(&mut self, start: u64, end: u64) {
        self.session.restart = None;
        match (start, end) {
            (1, 0) => self.reply(Code::PENDING_FURTHER_INFORMATION, "No range"),
            _ if start > end || end > i64::MAX.unsigned_abs() => {
                self.reply(Code::PARAMETER_SYNTAX, "The range ends before it starts");
            }
            _ if self.session.representation == Type::Ascii => {
                self.reply(Code::PAGE_TYPE_UNKNOWN, "TYPE I first");
            }
            _ => {
                self.session.restart = Some(Restart::Range(start, end));
                self.reply(Code::PENDING_FURTHER_INFORMATION, "Range taken");
            }
        }
    }

    // ---- OPTS (RFC 2389 section 4)

    pub(super) fn on_opts(&mut self, target: &[u8], options: &[u8]) {
        if target.eq_ignore_ascii_case(b"UTF8") || target.eq_ignore_ascii_case(b"UTF-8") {
            self.on_opts_utf8(options.trim_ascii());
        } else if target.eq_ignore_ascii_case(b"MLST") {
            self.on_opts_mlst(options);
        } else if target.eq_ignore_ascii_case(b"HASH") && !self.config.hashes.is_empty() {
            self.on_opts_hash(options.trim_ascii());
        } else {
            self.reply(Code::PARAMETER_SYNTAX, "No such option");
        }
    }

    fn on_opts_utf8(&mut self, switch: &[u8]) {
        if switch.is_empty()
            || switch.eq_ignore_ascii_case(b"ON")
            || switch.eq_ignore_ascii_case(b"NLST")
        {
            self.reply(Code::COMMAND_OKAY, "Names are UTF-8");
        } else if switch.eq_ignore_ascii_case(b"OFF") {
            self.reply(Code::PARAMETER_NOT_IMPLEMENTED, "Names are always UTF-8");
        } else {
            self.reply(Code::PARAMETER_SYNTAX, "ON, or nothing");
        }
    }

    /// Facts nobody knows are overlooked; the reply holds those that will be sent (RFC 3659 section 7.9).
    fn on_opts_mlst(&mut self, list: &[u8]) {
        let Ok(wanted) = MlstFacts::parse_argument(list) else {
            return self.reply(Code::PARAMETER_SYNTAX, "Not a list of facts");
        };
        let mut facts = FactSet::NONE;
        let mut text = Vec::from(&b"MLST OPTS"[..]);
        for fact in Fact::ALL {
            if wanted.contains(fact.name()) {
                if facts == FactSet::NONE {
                    text.push(b' ');
                }
                facts = facts.with(fact);
                text.extend_from_slice(fact.name());
                text.push(b';');
            }
        }
        self.session.facts = facts;
        self.reply_to(self.current, Code::COMMAND_OKAY, &text);
    }

    fn on_opts_hash(&mut self, name: &[u8]) {
        if name.is_empty() {
            if let Some(algorithm) = self.hash() {
                self.reply(Code::COMMAND_OKAY, algorithm.name());
            }
            return;
        }
        let known = self
            .config
            .hashes
            .iter()
            .copied()
            .find(|algorithm| HashAlgorithm::parse(name) == Some(*algorithm));
        match known {
            Some(algorithm) => {
                self.session.hash = Some(algorithm);
                self.reply(Code::COMMAND_OKAY, algorithm.name());
            }
            None => self.reply(Code::PARAMETER_SYNTAX, "No such algorithm"),
        }
    }

    /// The algorithm HASH uses.
    pub(super) fn hash(&self) -> Option<HashAlgorithm> {
        self.session
            .hash
            .or_else(|| self.config.hashes.first().copied())
    }

    /// LANG (RFC 2640 section 4): there is one language.
    pub(super) fn on_lang(&mut self, tag: &[u8]) {
        let tag = tag.trim_ascii();
        let english = tag.is_empty()
            || tag.eq_ignore_ascii_case(b"en")
            || tag
                .get(..3)
                .is_some_and(|start| start.eq_ignore_ascii_case(b"en-"));
        if english {
            self.reply(Code::COMMAND_OKAY, "English");
        } else if tag
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        {
            self.reply(Code::PARAMETER_NOT_IMPLEMENTED, "Only English");
        } else {
            self.reply(Code::PARAMETER_SYNTAX, "Not a language tag");
        }
    }

    /// The parameters of HASH in a feature list: `SHA-256*;MD5`.
    pub(super) fn hash_parameters(&self) -> Vec<u8> {
        let names: Vec<_> = self
            .config
            .hashes
            .iter()
            .map(|algorithm| {
                let mark = if Some(*algorithm) == self.hash() {
                    "*"
                } else {
                    ""
                };
                format!("{}{mark}", algorithm.name())
            })
            .collect();
        names.join(";").into_bytes()
    }
}

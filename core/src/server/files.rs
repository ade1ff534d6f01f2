//! What needs the storage but no data connection. Every effect is asked for at one place, [`Server::ask`].

use alloc::format;
use alloc::vec::Vec;

use super::entry::{Fact, fact_line, long_line};
use super::question::{
    ChangeDirectory, Checksum, Delete, MakeDirectory, Question, Refused, RemoveDirectory, Rename,
    Said, SetMode, SetModified, Stat, StatListing,
};
use super::refusal::refusal;
use super::work::{Asked, Work};
use super::{Access, Entry, HashAlgorithm, Kind, Restart, Rights, Server, UserId, VirtualPath};
use crate::rules::Rule;
use crate::wire::command::{Path, Type, Verb};
use crate::wire::date::Timestamp;
use crate::wire::digest::{Hashed, encode_hex};
use crate::wire::quoted::encode_257;
use crate::wire::reply::Code;

impl Server {
    // ---- the choke point

    /// The one place where an effect on the storage is asked for: the user must have the right to it. Otherwise the command is refused.
    pub(super) fn ask(
        &mut self,
        access: Access,
        asked: Asked,
        question: impl FnOnce(u32, UserId) -> Question,
    ) {
        if !self.rights().allows(access) && self.law.holds(Rule::Authorised) {
            self.transfer = None;
            return self.refuse(Refused::Denied);
        }
        self.put(asked, question);
    }

    /// Puts a question.
    pub(super) fn put(&mut self, asked: Asked, question: impl FnOnce(u32, UserId) -> Question) {
        let number = self.question_number();
        let user = self.user().unwrap_or_default();
        self.work = Work::Asking(number, asked);
        self.queue.ask(question(number, user));
    }

    pub(super) fn rights(&self) -> Rights {
        self.session
            .account
            .as_ref()
            .map_or(Rights::NONE, |account| account.rights)
    }

    pub(super) fn refuse(&mut self, why: Refused) {
        let (code, text) = refusal(self.current, why);
        self.reply(code, text);
    }

    /// The path an argument names, seen from the working directory; `None` if it is refused.
    pub(super) fn resolve(&mut self, written: &[u8]) -> Option<VirtualPath> {
        match self.session.directory.join(written) {
            Ok(path) => Some(path),
            Err(_) => {
                self.reply(Code::PARAMETER_SYNTAX, "Not a path");
                None
            }
        }
    }

    /// As [`Server::resolve`], for what the root is not.
    pub(super) fn resolve_below(&mut self, written: &[u8], why: Refused) -> Option<VirtualPath> {
        let path = self.resolve(written)?;
        if path.is_root() {
            self.refuse(why);
            return None;
        }
        Some(path)
    }

    // ---- commands

    pub(super) fn on_cwd(&mut self, path: Path<'_>) {
        if let Some(path) = self.resolve(path.as_bytes()) {
            self.change_directory(path);
        }
    }

    pub(super) fn on_cdup(&mut self) {
        self.change_directory(self.session.directory.parent());
    }

    fn change_directory(&mut self, path: VirtualPath) {
        let asked = Asked::Directory(path.clone());
        self.ask(Access::Inspect, asked, |number, user| {
            Question::ChangeDirectory(ChangeDirectory { number, user, path })
        });
    }

    pub(super) fn on_pwd(&mut self) {
        let text = quoted(&self.session.directory, "is the working directory");
        self.reply_to(self.current, Code::PATHNAME_CREATED, &text);
    }

    pub(super) fn on_mkd(&mut self, path: Path<'_>) {
        if let Some(path) = self.resolve_below(path.as_bytes(), Refused::Exists) {
            let asked = Asked::Make(path.clone());
            self.ask(Access::MakeDirectory, asked, |number, user| {
                Question::MakeDirectory(MakeDirectory { number, user, path })
            });
        }
    }

    pub(super) fn on_rmd(&mut self, path: Path<'_>) {
        if let Some(path) = self.resolve_below(path.as_bytes(), Refused::Denied) {
            self.ask(Access::RemoveDirectory, Asked::Action, |number, user| {
                Question::RemoveDirectory(RemoveDirectory { number, user, path })
            });
        }
    }

    pub(super) fn on_dele(&mut self, path: Path<'_>) {
        if let Some(path) = self.resolve_below(path.as_bytes(), Refused::IsDirectory) {
            self.ask(Access::Delete, Asked::Action, |number, user| {
                Question::Delete(Delete { number, user, path })
            });
        }
    }

    /// RNFR: whether it is there shows at once (RFC 959 section 4.1.3).
    pub(super) fn on_rnfr(&mut self, path: Path<'_>) {
        if let Some(path) = self.resolve_below(path.as_bytes(), Refused::Denied) {
            self.stat(Access::Rename, path.clone(), Asked::RenameFrom(path));
        }
    }

    /// RNTO, directly behind a successful RNFR.
    pub(super) fn on_rnto(&mut self, path: Path<'_>) {
        let Some(from) = self.session.rename.take() else {
            return self.reply(Code::BAD_SEQUENCE, "RNFR first");
        };
        if let Some(to) = self.resolve_below(path.as_bytes(), Refused::BadName) {
            let may_replace = self.rights().allows(Access::Overwrite);
            self.ask(Access::Rename, Asked::Action, |number, user| {
                Question::Rename(Rename {
                    number,
                    user,
                    from,
                    to,
                    may_replace,
                })
            });
        }
    }

    /// SIZE is exact or refused (RFC 3659 section 4): the size of the converted text would mean to convert it.
    pub(super) fn on_size(&mut self, path: Path<'_>) {
        if self.session.representation == Type::Ascii {
            return self.reply(Code::FILE_UNAVAILABLE, "SIZE is for TYPE I");
        }
        if let Some(path) = self.resolve(path.as_bytes()) {
            self.stat(Access::Inspect, path, Asked::Size);
        }
    }

    /// MDTM; a file whose name starts with a time wins over the form that sets it (RFC 3659 section 3.4).
    pub(super) fn on_mdtm(&mut self, path: Path<'_>) {
        let asked = match path.split_time() {
            Some((time, named)) if self.config.mdtm_sets_time => match (
                Timestamp::parse(time),
                self.session.directory.join(named.as_bytes()),
            ) {
                (Ok(time), Ok(named)) => Asked::ModifiedOrSet(time, named),
                _ => Asked::Modified,
            },
            _ => Asked::Modified,
        };
        if let Some(path) = self.resolve(path.as_bytes()) {
            self.stat(Access::Inspect, path, asked);
        }
    }

    pub(super) fn on_mlst(&mut self, path: Option<Path<'_>>) {
        if let Some(path) = self.resolve(path.as_ref().map_or(b"", Path::as_bytes)) {
            self.stat(Access::Inspect, path.clone(), Asked::Facts(path));
        }
    }

    fn stat(&mut self, access: Access, path: VirtualPath, asked: Asked) {
        self.ask(access, asked, |number, user| {
            Question::Stat(Stat { number, user, path })
        });
    }

    /// STAT with a path: a listing on the control connection (RFC 959 section 4.1.3).
    pub(super) fn on_stat_path(&mut self, argument: Path<'_>) {
        let written = without_options(argument.as_bytes());
        if let Some(path) = self.resolve(written) {
            let limit = self.config.limits.status_entries;
            self.ask(Access::List, Asked::StatusListing, |number, user| {
                Question::StatListing(StatListing {
                    number,
                    user,
                    path,
                    limit,
                })
            });
        }
    }

    pub(super) fn on_mfmt(&mut self, time: &[u8], path: Path<'_>) {
        match Timestamp::parse(time) {
            Ok(time) => {
                if let Some(path) = self.resolve(path.as_bytes()) {
                    self.set_modified(time, path);
                }
            }
            Err(_) => self.reply(Code::PARAMETER_SYNTAX, "Times are YYYYMMDDHHMMSS"),
        }
    }

    pub(super) fn set_modified(&mut self, time: Timestamp, path: VirtualPath) {
        let asked = Asked::Time(path.clone());
        self.ask(Access::SetTime, asked, |number, user| {
            Question::SetModified(SetModified {
                number,
                user,
                path,
                time,
            })
        });
    }

    pub(super) fn set_mode(&mut self, mode: u32, path: VirtualPath) {
        self.ask(Access::SetMode, Asked::Site, |number, user| {
            Question::SetMode(SetMode {
                number,
                user,
                path,
                mode,
            })
        });
    }

    // ---- digests

    /// HASH, of the range RANG set, if it did.
    pub(super) fn on_hash(&mut self, path: Path<'_>) {
        let Some(algorithm) = self.hash() else {
            return self.reply(Code::NOT_IMPLEMENTED, "Not implemented");
        };
        let (start, length) = match self.session.restart.take() {
            Some(Restart::Range(start, end)) => (start, Some((end - start).saturating_add(1))),
            Some(Restart::From(_)) | None => (0, None),
        };
        if let Some(path) = self.resolve(path.as_bytes()) {
            self.checksum(algorithm, path, start, length);
        }
    }

    /// `XCRC path`, or `XCRC "path" start end` with the end not included, and its kin.
    pub(super) fn on_x_hash(&mut self, verb: Verb, argument: &[u8]) {
        let offered =
            HashAlgorithm::of_verb(verb).filter(|algorithm| self.config.hashes.contains(algorithm));
        let Some(algorithm) = offered else {
            return self.reply(Code::NOT_IMPLEMENTED, "Not implemented");
        };
        let Some((written, start, length)) = quoted_range(argument) else {
            return self.reply(Code::PARAMETER_SYNTAX, "A path, a start and an end");
        };
        if let Some(path) = self.resolve(written) {
            self.checksum(algorithm, path, start, length);
        }
    }

    fn checksum(
        &mut self,
        algorithm: HashAlgorithm,
        path: VirtualPath,
        start: u64,
        length: Option<u64>,
    ) {
        let asked = Asked::Digest(algorithm, path.clone(), start);
        self.ask(Access::Read, asked, |number, user| {
            Question::Checksum(Checksum {
                number,
                user,
                path,
                algorithm,
                start,
                length,
            })
        });
    }

    /// A digest may take long: ABOR ends it (RFC 959 section 4.1.3). Its answer then is to nobody.
    pub(super) fn attend_digest(&mut self) -> bool {
        let aborted = self.inbox.has_abort();
        if aborted {
            self.aborted = true;
            self.work = Work::Idle;
            self.reply(Code::FILE_BUSY, "Aborted");
        }
        aborted
    }

    // ---- answers

    /// The answer to a question about the storage that was no transfer.
    pub(super) fn on_storage_answer(&mut self, asked: Asked, said: Said) {
        match (asked, said) {
            (Asked::ModifiedOrSet(time, path), Said::Refused(Refused::NotFound)) => {
                self.set_modified(time, path);
            }
            (_, Said::Refused(why)) => self.refuse(why),
            (Asked::Directory(path), Said::Done) => {
                self.session.directory = path;
                self.reply(Code::FILE_ACTION_OKAY, "Directory changed");
            }
            (Asked::Make(path), Said::Done) => {
                let text = quoted(&path, "is made");
                self.reply_to(self.current, Code::PATHNAME_CREATED, &text);
            }
            (Asked::Action, Said::Done) => self.reply(Code::FILE_ACTION_OKAY, "Done"),
            (Asked::Site, Said::Done) => self.reply(Code::COMMAND_OKAY, "Done"),
            (Asked::RenameFrom(path), Said::Entry(_)) => {
                self.session.rename = Some(path);
                self.reply(Code::PENDING_FURTHER_INFORMATION, "RNTO, please");
            }
            (Asked::Size, Said::Entry(entry)) => match (entry.is_directory(), entry.size) {
                (false, Some(size)) => self.reply(Code::FILE_STATUS, &format!("{size}")),
                (true, _) => self.refuse(Refused::IsDirectory),
                (false, None) => self.refuse(Refused::Denied),
            },
            (Asked::Modified | Asked::ModifiedOrSet(..), Said::Entry(entry)) => {
                match entry.modified {
                    Some(time) => self.reply(Code::FILE_STATUS, &format!("{time}")),
                    None => self.refuse(Refused::Denied),
                }
            }
            (Asked::Facts(path), Said::Entry(entry)) => self.show_facts(&path, &entry),
            (
                Asked::StatusListing,
                Said::Listed {
                    entries,
                    directory,
                    now,
                },
            ) => self.show_status(&entries, directory, now),
            (Asked::Time(path), Said::Time(stored)) => {
                let mut text = format!("Modify={stored}; ").into_bytes();
                text.extend_from_slice(&path.to_bytes());
                let code = match self.current {
                    Some(Verb::Site) => Code::COMMAND_OKAY,
                    _ => Code::FILE_STATUS,
                };
                self.reply_to(self.current, code, &text);
            }
            (Asked::Digest(algorithm, path, start), Said::Digest { digest, bytes }) => {
                self.show_digest(algorithm, &path, start, &digest, bytes);
            }
            // The types of questions make no other pair.
            _ => self.refuse(Refused::Io),
        }
    }

    /// MLST: one fact line with a space in front and the full path as its name (RFC 3659 sections 7.2 and 7.3.1).
    fn show_facts(&mut self, path: &VirtualPath, entry: &Entry) {
        let mut entry = entry.clone();
        if entry.kind == Kind::Current {
            entry.kind = Kind::Directory;
        }
        let mut text = Vec::from(&b"Facts\n "[..]);
        let facts = self.session.facts;
        if fact_line(&entry, facts, self.rights(), &path.to_bytes(), &mut text) {
            text.extend_from_slice(b"\nEnd");
            self.reply_to(self.current, Code::FILE_ACTION_OKAY, &text);
        } else {
            self.refuse(Refused::BadName);
        }
    }

    fn show_status(&mut self, entries: &[Entry], directory: bool, now: Timestamp) {
        let mut text = Vec::from(&b"Status\n"[..]);
        let limit = self.config.limits.status_entries;
        for entry in entries.iter().take(limit) {
            if entry
                .name
                .iter()
                .any(|byte| matches!(byte, b'\r' | b'\n' | 0))
            {
                continue;
            }
            text.push(b' ');
            long_line(entry, now, &mut text);
            text.push(b'\n');
        }
        text.extend_from_slice(if entries.len() > limit {
            b"There is more"
        } else {
            b"End"
        });
        let code = if directory {
            Code::DIRECTORY_STATUS
        } else {
            Code::FILE_STATUS
        };
        self.reply_to(self.current, code, &text);
    }

    /// `213 SHA-256 0-17 digest path` to HASH, `250 digest` to the others.
    fn show_digest(
        &mut self,
        algorithm: HashAlgorithm,
        path: &VirtualPath,
        start: u64,
        digest: &[u8],
        bytes: u64,
    ) {
        let mut text = Vec::new();
        if self.current == Some(Verb::Hash) {
            let last = start.saturating_add(bytes.saturating_sub(1));
            let hashed = Hashed {
                algorithm: Some(algorithm),
                range: Some((start, last)),
                digest: digest.to_vec(),
            };
            hashed.encode(&mut text);
            text.push(b' ');
            text.extend_from_slice(&path.to_bytes());
            self.reply_to(self.current, Code::FILE_STATUS, &text);
        } else {
            encode_hex(digest, &mut text);
            if self.current == Some(Verb::Xcrc) {
                text.make_ascii_uppercase();
            }
            self.reply_to(self.current, Code::FILE_ACTION_OKAY, &text);
        }
    }

    /// The parameters of MLST in a feature list, with an asterisk on those in use (RFC 3659 section 7.8).
    pub(super) fn mlst_parameters(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for fact in Fact::ALL {
            text.extend_from_slice(fact.name());
            text.extend_from_slice(if self.session.facts.contains(fact) {
                b"*;"
            } else {
                b";"
            });
        }
        text
    }
}

/// Drops leading words of a dash and letters: options of `ls`, as many clients send them. A file of such a name is `./-a`.
pub(super) fn without_options(mut argument: &[u8]) -> &[u8] {
    const LETTERS: &[u8] = b"aAlLrRtdF1";
    loop {
        let word = argument
            .split(|byte| *byte == b' ')
            .next()
            .unwrap_or(argument);
        match word.split_first() {
            Some((b'-', letters))
                if !letters.is_empty() && letters.iter().all(|byte| LETTERS.contains(byte)) =>
            {
                argument = argument.get(word.len() + 1..).unwrap_or_default();
            }
            _ => return argument,
        }
    }
}

/// The text of a 257 reply (RFC 959 appendix II).
fn quoted(path: &VirtualPath, comment: &str) -> Vec<u8> {
    let mut text = Vec::new();
    // A virtual path holds none of the bytes that cannot be quoted.
    if encode_257(&path.to_bytes(), &mut text).is_ok() {
        text.push(b' ');
    }
    text.extend_from_slice(comment.as_bytes());
    text
}

/// `path`, or `"path" [start [end]]`: where to start and how many bytes.
fn quoted_range(argument: &[u8]) -> Option<(&[u8], u64, Option<u64>)> {
    let Some(quoted) = argument.strip_prefix(b"\"") else {
        return Some((argument, 0, None));
    };
    let end = quoted.iter().position(|byte| *byte == b'"')?;
    let (path, rest) = (quoted.get(..end)?, quoted.get(end + 1..)?);
    let mut numbers = rest
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty())
        .map(|word| core::str::from_utf8(word).ok()?.parse::<u64>().ok());
    let start = match numbers.next() {
        Some(start) => start?,
        None => 0,
    };
    let length = match numbers.next() {
        Some(end) => Some(end?.checked_sub(start)?),
        None => None,
    };
    (numbers.next().is_none() && !path.is_empty()).then_some((path, start, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_ls_are_dropped_and_names_are_not() {
        for (argument, path) in [
            ("-la", ""),
            ("-a -l pub", "pub"),
            ("-la  pub", " pub"),
            ("./-a", "./-a"),
            ("-x", "-x"),
            ("-", "-"),
            ("a -l", "a -l"),
            ("", ""),
        ] {
            assert_eq!(without_options(argument.as_bytes()), path.as_bytes());
        }
    }

    #[test]
    fn ranges_of_checksum_commands() {
        for (argument, expected) in [
            ("a b", Some(("a b", 0, None))),
            ("\"a b\"", Some(("a b", 0, None))),
            ("\"a\" 5", Some(("a", 5, None))),
            ("\"a\" 5 9", Some(("a", 5, Some(4)))),
            ("\"a\" 9 5", None),
            ("\"a\" x", None),
            ("\"a\" 1 2 3", None),
            ("\"\"", None),
            ("\"a", None),
        ] {
            let expected = expected.map(|(path, start, length): (&str, u64, Option<u64>)| {
                (path.as_bytes(), start, length)
            });
            assert_eq!(quoted_range(argument.as_bytes()), expected, "{argument}");
        }
    }
}

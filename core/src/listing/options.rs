//! What a listing is read with.

use super::entry::Dialect;
use super::time::{DateOrder, Zone};
use super::words::begins;
use crate::limits::Limits;
use crate::wire::date::Timestamp;

/// What a [`super::Decoder`] knows before the first byte. Only the present time is needed.
///
/// ```
/// use ftp_proto::listing::{Command, Options};
/// use ftp_proto::wire::date::Timestamp;
///
/// let now = Timestamp::from_unix_seconds(1_784_000_000).unwrap();
/// let mut options = Options::new(now);
/// options.command = Command::Mlsd;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The present time in UTC. Dates without a year are taken as the latest that is not after the next day.
    pub now: Timestamp,
    /// Which command is answered.
    pub command: Command,
    /// The dialect that is tried first: see [`Options::hint_from_system`].
    pub hint: Option<Dialect>,
    /// The zone of times that do not say theirs.
    pub zone: Zone,
    /// The order of numbers in dates, instead of what the listing shows and the dialects are used to.
    pub date_order: Option<DateOrder>,
    /// The longest line, in bytes, CR included.
    pub longest_line: usize,
}

impl Options {
    /// A listing for LIST; nothing is known but the present time.
    pub fn new(now: Timestamp) -> Options {
        Options {
            now,
            command: Command::default(),
            hint: None,
            zone: Zone::default(),
            date_order: None,
            longest_line: Limits::default().listing_line,
        }
    }

    /// Takes the text of a reply to SYST, or of the greeting, as a hint.
    pub fn hint_from_system(&mut self, text: &[u8]) {
        const SYSTEMS: [(&[u8], Dialect); 13] = [
            (b"UNIX", Dialect::Unix),
            (b"Windows_NT", Dialect::Dos),
            (b"VMS", Dialect::Vms),
            (b"OpenVMS", Dialect::Vms),
            (b"MVS", Dialect::Mvs),
            (b"z/OS", Dialect::Mvs),
            (b"z/VM", Dialect::Zvm),
            (b"VM/ESA", Dialect::Zvm),
            (b"OS/400", Dialect::Os400),
            (b"OS/2", Dialect::Os2),
            (b"NETWARE", Dialect::NetWare),
            (b"MACOS", Dialect::Mac),
            (b"VxWorks", Dialect::VxWorks),
        ];
        let first = text
            .split(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_')))
            .flat_map(|word| {
                SYSTEMS
                    .iter()
                    .filter(move |(name, _)| begins(word, name) && word.len() <= name.len() + 2)
            })
            .next();
        if let Some((_, dialect)) = first {
            self.hint = Some(*dialect);
        }
    }
}

/// The command a listing answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Command {
    /// LIST: any dialect.
    #[default]
    List,
    /// MLSD: facts, or none at all. Lines in another dialect are still read.
    Mlsd,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_by_their_names() {
        let now = Timestamp::new(2026, 7, 14, 0, 0, 0).unwrap();
        for (text, hint) in [
            ("UNIX Type: L8", Some(Dialect::Unix)),
            ("Windows_NT", Some(Dialect::Dos)),
            ("VMS OpenVMS V8.4", Some(Dialect::Vms)),
            (
                "MVS is the operating system of this server. FTP Server is running on z/OS.",
                Some(Dialect::Mvs),
            ),
            ("z/VM Version 7 Release 3.0", Some(Dialect::Zvm)),
            (
                " OS/400 is the remote operating system.",
                Some(Dialect::Os400),
            ),
            ("NETWARE Type: L8", Some(Dialect::NetWare)),
            ("MACOS Peter's Server", Some(Dialect::Mac)),
            ("MACOSX", Some(Dialect::Mac)),
            // A version is short: what is longer is another name.
            ("MVSFTP", None),
            ("VMSish", None),
            ("Mine", None),
            ("", None),
        ] {
            let mut options = Options::new(now);
            options.hint_from_system(text.as_bytes());
            assert_eq!(options.hint, hint, "{text}");
        }
    }
}

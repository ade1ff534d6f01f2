//! What a listing says about a file.

use super::time::Time;
use crate::wire::facts;

/// One entry of a listing. What the listing does not say is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// The line as received, without its line end. The two lines of a VMS entry have LF between them.
    pub raw: &'a [u8],
    /// The name, to be sent back as it is. Not safe as a name in the local file system: see [`super::LocalName`].
    pub name: &'a [u8],
    /// What it is.
    pub kind: Kind,
    /// How large it is.
    pub size: Option<Size>,
    /// When it was changed last; for a z/OS data set, when it was used last.
    pub time: Option<Time>,
    /// Where a link points.
    pub target: Option<&'a [u8]>,
    /// Permissions in the words of the dialect: `rwxr-xr-x`, the octal digits of `UNIX.mode`, `(RWED,RE,,)`.
    pub permissions: Option<&'a [u8]>,
    /// The owner: a name or a number.
    pub owner: Option<&'a [u8]>,
    /// The group: a name or a number.
    pub group: Option<&'a [u8]>,
    /// Hard links.
    pub links: Option<u64>,
    /// Major and minor number of a device.
    pub device: Option<(u32, u32)>,
    /// The dialect of the line.
    pub dialect: Dialect,
}

impl<'a> Entry<'a> {
    pub(super) fn new(raw: &'a [u8], name: &'a [u8], kind: Kind, dialect: Dialect) -> Entry<'a> {
        Entry {
            raw,
            name,
            kind,
            size: None,
            time: None,
            target: None,
            permissions: None,
            owner: None,
            group: None,
            links: None,
            device: None,
            dialect,
        }
    }

    /// Whether the entry is in the listed directory, and neither that directory itself nor one above it.
    pub fn is_child(&self) -> bool {
        !matches!(self.kind, Kind::Current | Kind::Parent)
    }

    /// The size in octets, if it is said in octets.
    pub fn octets(&self) -> Option<u64> {
        match self.size {
            Some(Size::Octets(octets)) => Some(octets),
            _ => None,
        }
    }

    /// The Unix mode bits, set-user-id and sticky included, without the kind: from `rwxr-xr-x` or octal digits.
    pub fn mode(&self) -> Option<u32> {
        let text = self.permissions?;
        match self.dialect {
            Dialect::Unix => mode_of_letters(text),
            Dialect::Mlsx | Dialect::UnixNumbers | Dialect::Eplf => mode_of_digits(text),
            _ => None,
        }
    }

    /// All facts of an MLST or MLSD entry.
    pub fn facts(&self) -> Option<facts::Entry<'a>> {
        if self.dialect != Dialect::Mlsx {
            return None;
        }
        // A blank in front is that of MLST, or stands for no facts at all: which, the name tells.
        let facts = facts::Entry::parse_mlst_line(self.raw).ok();
        facts
            .filter(|facts| facts.name() == self.name)
            .or_else(|| facts::Entry::parse(self.raw).ok())
    }
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A file.
    File,
    /// A directory, or what takes its place: a partitioned data set, a library.
    Directory,
    /// A symbolic link, or a junction.
    Link,
    /// The listed directory itself.
    Current,
    /// A directory above the listed one.
    Parent,
    /// Something else: a device, a socket, a job.
    Other,
    /// The listing does not say.
    Unknown,
}

/// How large an entry is, in the unit of the listing. Nothing is converted that would become less exact, or look more so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Size {
    /// Octets.
    Octets(u64),
    /// Blocks of 512 octets in use, the last one perhaps in part (VMS).
    Blocks(u64),
    /// Records (z/VM, members on z/OS).
    Records(u64),
    /// Tracks, or what the device has in their place (z/OS).
    Tracks(u64),
}

/// The form of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// MLSD and MLST (RFC 3659 section 7).
    Mlsx,
    /// `ls -l` and its relatives.
    Unix,
    /// The fields of `stat` as numbers, mode first.
    UnixNumbers,
    /// DOS and IIS.
    Dos,
    /// Easily parsed list format.
    Eplf,
    /// OpenVMS.
    Vms,
    /// z/OS data sets.
    Mvs,
    /// Members of a z/OS partitioned data set.
    MvsMember,
    /// Load modules of a z/OS library.
    MvsLoadModule,
    /// Jobs of the z/OS job entry subsystem.
    Jes,
    /// z/VM and CMS.
    Zvm,
    /// OS/400.
    Os400,
    /// OS/2.
    Os2,
    /// NetWare.
    NetWare,
    /// Hellsoft's server for NetWare.
    Hellsoft,
    /// HP NonStop Guardian.
    NonStop,
    /// OS-9.
    Os9,
    /// Macintosh servers: Peter Lewis's FTPd and NetPresenz, WebStar.
    Mac,
    /// VxWorks.
    VxWorks,
    /// The wfFtp server of Wellfleet, Bay and Nortel routers.
    WfFtp,
    /// VShell.
    VShell,
    /// HylaFAX.
    HylaFax,
    /// SuperTCP for Windows 3.
    SuperTcp,
    /// NetManage Chameleon (Newt) for Windows 3.
    Chameleon,
    /// Sterling Connect:Enterprise.
    ConnectEnterprise,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Dialect; 25] = [
        Dialect::Mlsx,
        Dialect::Unix,
        Dialect::UnixNumbers,
        Dialect::Dos,
        Dialect::Eplf,
        Dialect::Vms,
        Dialect::Mvs,
        Dialect::MvsMember,
        Dialect::MvsLoadModule,
        Dialect::Jes,
        Dialect::Zvm,
        Dialect::Os400,
        Dialect::Os2,
        Dialect::NetWare,
        Dialect::Hellsoft,
        Dialect::NonStop,
        Dialect::Os9,
        Dialect::Mac,
        Dialect::VxWorks,
        Dialect::WfFtp,
        Dialect::VShell,
        Dialect::HylaFax,
        Dialect::SuperTcp,
        Dialect::Chameleon,
        Dialect::ConnectEnterprise,
    ];
}

fn mode_of_letters(text: &[u8]) -> Option<u32> {
    let (mut bits, mut specials) = (0, 0);
    let [a, b, c, d, e, f, g, h, i]: [u8; 9] = text.try_into().ok()?;
    for [read, write, execute] in [[a, b, c], [d, e, f], [g, h, i]] {
        bits = bits * 8
            + u32::from(read == b'r') * 4
            + u32::from(write == b'w') * 2
            + u32::from(matches!(execute, b'x' | b's' | b't'));
        let special = matches!(execute, b's' | b'S' | b't' | b'T' | b'l' | b'L');
        specials = specials * 2 + u32::from(special);
    }
    Some(specials * 0o1000 + bits)
}

fn mode_of_digits(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    let mode = text.iter().try_fold(0_u32, |mode, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 7)?;
        mode.checked_mul(8)?.checked_add(u32::from(digit))
    })?;
    Some(mode & 0o7777)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_bits() {
        for (text, mode) in [
            ("rwxr-xr-x", Some(0o755)),
            ("---------", Some(0)),
            ("rwsr-sr-t", Some(0o7755)),
            ("rwSr-Sr-T", Some(0o7644)),
            ("r---w---x", Some(0o421)),
            ("--S------", Some(0o4000)),
            ("-----s---", Some(0o2010)),
            ("--------T", Some(0o1000)),
            ("rw-r--r-", None),
            ("", None),
        ] {
            assert_eq!(mode_of_letters(text.as_bytes()), mode, "{text}");
        }
        assert_eq!(mode_of_digits(b"0100644"), Some(0o644));
        assert_eq!((mode_of_digits(b""), mode_of_digits(b"8")), (None, None));
        assert_eq!(mode_of_digits(b"777777777777"), None);
    }

    #[test]
    fn the_list_of_dialects_is_in_order() {
        assert!(Dialect::ALL.is_sorted());
    }
}

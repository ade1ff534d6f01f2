//! Feature lists: the reply to FEAT, and the arguments of OPTS (RFC 2389), with the fact lists of MLST (RFC 3659
//! sections 7.8 and 7.9).

use alloc::vec::Vec;
use core::fmt;

use super::date::cut;
use crate::error::Malformed;

/// The features in the text of a 211 reply to FEAT (RFC 2389 section 3.2).
///
/// The text is the reply's lines joined by LF. Of several lines the first and the last are header and trailer; a single
/// line lists nothing. Indentation may be missing or of any width, a line may repeat the reply code, and empty lines
/// are skipped.
///
/// ```
/// use ftp_proto::wire::features::Features;
///
/// let text = b"Features:\n MDTM\n REST STREAM\nEnd";
/// let labels: Vec<&[u8]> = Features::new(text).map(|feature| feature.label).collect();
/// assert_eq!(labels, [&b"MDTM"[..], b"REST"]);
/// ```
#[derive(Clone, Debug)]
pub struct Features<'a> {
    rest: &'a [u8],
}

impl<'a> Features<'a> {
    /// The features of a reply's text.
    pub fn new(text: &'a [u8]) -> Features<'a> {
        let first = text.iter().position(|byte| *byte == b'\n');
        let last = text.iter().rposition(|byte| *byte == b'\n');
        let lines = first
            .zip(last)
            .and_then(|(first, last)| text.get(first + 1..last));
        Features {
            rest: lines.unwrap_or_default(),
        }
    }
}

impl<'a> Iterator for Features<'a> {
    type Item = Feature<'a>;

    fn next(&mut self) -> Option<Feature<'a>> {
        while !self.rest.is_empty() {
            let (line, rest) = cut(self.rest, b'\n').unwrap_or((self.rest, &[]));
            self.rest = rest;
            if let Some(feature) = Feature::parse(line) {
                return Some(feature);
            }
        }
        None
    }
}

/// One line of a feature list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Feature<'a> {
    /// The first word, in the case the server wrote it. Compare it with [`slice::eq_ignore_ascii_case`].
    pub label: &'a [u8],
    /// What follows the blanks after the label; empty when nothing does.
    pub parameters: &'a [u8],
}

impl<'a> Feature<'a> {
    /// Reads one line; `None` when it is empty.
    fn parse(line: &'a [u8]) -> Option<Feature<'a>> {
        let line = line.trim_ascii();
        let line = line
            .strip_prefix(b"211")
            .and_then(|line| match line {
                [] => Some(line),
                [b'-' | b' ', rest @ ..] => Some(rest.trim_ascii_start()),
                _ => None,
            })
            .unwrap_or(line);
        let end = line
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(line.len());
        let (label, parameters) = line.split_at_checked(end)?;
        (!label.is_empty()).then(|| Feature {
            label,
            parameters: parameters.trim_ascii_start(),
        })
    }
}

/// Appends the text of a 211 reply to FEAT: `Features:`, one line per feature with one space before it, and `End`,
/// joined by LF (RFC 2389 section 3.2). A server that lists no feature answers with a single line instead.
///
/// ```
/// use ftp_proto::wire::features::{Known, encode_feat};
///
/// let mut text = Vec::new();
/// encode_feat([Known::AuthTls.feature(), Known::Size.feature()], &mut text)?;
/// assert_eq!(text, b"Features:\n AUTH TLS\n SIZE\nEnd");
/// # Ok::<(), ftp_proto::Malformed>(())
/// ```
///
/// # Errors
/// [`Malformed::Features`] when a label is empty, or a label or parameter holds bytes that cannot be in it. Nothing is
/// appended then.
pub fn encode_feat<'a>(
    features: impl IntoIterator<Item = Feature<'a>>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let start = out.len();
    out.extend_from_slice(b"Features:\n");
    for Feature { label, parameters } in features {
        let label_fits = !label.is_empty() && label.iter().all(u8::is_ascii_graphic);
        if !label_fits || parameters.iter().any(u8::is_ascii_control) {
            out.truncate(start);
            return Err(Malformed::Features);
        }
        out.push(b' ');
        out.extend_from_slice(label);
        if !parameters.is_empty() {
            out.push(b' ');
            out.extend_from_slice(parameters);
        }
        out.push(b'\n');
    }
    out.extend_from_slice(b"End");
    Ok(())
}

macro_rules! known {
    ($($(#[$doc:meta])* $name:ident = $label:literal $($parameter:literal)?;)*) => {
        /// A feature this project knows by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Known {
            $($(#[$doc])* $name,)*
        }

        impl Known {
            /// All of them.
            pub const ALL: &'static [Known] = &[$(Known::$name,)*];

            /// The line that announces it, without a list of values of its own (those of MLST, LANG and HASH).
            pub const fn feature(self) -> Feature<'static> {
                match self {
                    $(Known::$name => Feature {
                        label: $label.as_bytes(),
                        parameters: concat!($($parameter)?).as_bytes(),
                    },)*
                }
            }

            /// Its name: the same line as text.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Known::$name => concat!($label $(, " ", $parameter)?),)*
                }
            }
        }
    };
}

known! {
    /// AUTH TLS (RFC 4217).
    AuthTls = "AUTH" "TLS";
    /// AUTH SSL, the older name, which may mean that PROT P is in force at once.
    AuthSsl = "AUTH" "SSL";
    /// AUTH TLS-C: as AUTH TLS.
    AuthTlsC = "AUTH" "TLS-C";
    /// AUTH TLS-P: data connections are protected at once.
    AuthTlsP = "AUTH" "TLS-P";
    /// PBSZ (RFC 2228).
    Pbsz = "PBSZ";
    /// PROT (RFC 2228).
    Prot = "PROT";
    /// CCC (RFC 2228).
    Ccc = "CCC";
    /// EPSV (RFC 2428).
    Epsv = "EPSV";
    /// EPRT (RFC 2428).
    Eprt = "EPRT";
    /// PASV, which needs no announcement.
    Pasv = "PASV";
    /// MDTM (RFC 3659).
    Mdtm = "MDTM";
    /// MFMT: sets the time of last modification.
    Mfmt = "MFMT";
    /// MFCT: sets the time of creation.
    Mfct = "MFCT";
    /// MFF: sets facts.
    Mff = "MFF";
    /// SIZE (RFC 3659).
    Size = "SIZE";
    /// REST in stream mode (RFC 3659).
    RestStream = "REST" "STREAM";
    /// MLST and MLSD (RFC 3659), also when only MLSD is listed.
    Mlst = "MLST";
    /// UTF-8 names (RFC 2640), also when listed as UTF-8.
    Utf8 = "UTF8";
    /// The Trivial Virtual File Store (RFC 3659).
    Tvfs = "TVFS";
    /// LANG (RFC 2640).
    Lang = "LANG";
    /// HOST (RFC 7151).
    Host = "HOST";
    /// HASH.
    Hash = "HASH";
    /// XCRC.
    Xcrc = "XCRC";
    /// XMD5.
    Xmd5 = "XMD5";
    /// XSHA: SHA-1 by another name.
    Xsha = "XSHA";
    /// XSHA1.
    Xsha1 = "XSHA1";
    /// XSHA256.
    Xsha256 = "XSHA256";
    /// XSHA512.
    Xsha512 = "XSHA512";
    /// MD5.
    Md5 = "MD5";
    /// MMD5: MD5 of several files.
    Mmd5 = "MMD5";
    /// MODE Z: deflate.
    ModeZ = "MODE" "Z";
    /// RANG: a part of a file.
    Rang = "RANG" "STREAM";
    /// CLNT: the client says what it is.
    Clnt = "CLNT";
    /// SSCN: which side of a data connection is the TLS client.
    Sscn = "SSCN";
    /// CPSV: PASV with this side as the TLS client.
    Cpsv = "CPSV";
    /// CEPR: 229 replies may hold addresses.
    Cepr = "CEPR";
    /// PRET: says before PASV what will be transferred.
    Pret = "PRET";
    /// SITE UTIME.
    SiteUtime = "SITE" "UTIME";
    /// SITE SYMLINK.
    SiteSymlink = "SITE" "SYMLINK";
    /// SITE CHMOD.
    SiteChmod = "SITE" "CHMOD";
    /// CSID: client and server identify themselves.
    Csid = "CSID";
    /// AVBL: available space.
    Avbl = "AVBL";
    /// DSIZ: size of a directory tree.
    Dsiz = "DSIZ";
    /// RMDA: removes a directory tree.
    Rmda = "RMDA";
    /// COMB: joins files.
    Comb = "COMB";
    /// THMB: thumbnails.
    Thmb = "THMB";
    /// ESTA: the address the server sees for an active data connection.
    Esta = "ESTA";
    /// ESTP: as ESTA, for a passive one.
    Estp = "ESTP";
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which known features a server lists: small, and free of what else the list says.
///
/// That a feature is missing proves little: servers leave out EPSV, SIZE, MDTM and AUTH although they have them.
///
/// ```
/// use ftp_proto::wire::features::{FeatureSet, Known};
///
/// let set = FeatureSet::read(b"Extensions supported:\n AUTH TLS;SSL;\n UTF8\nEnd");
/// assert!(set.contains(Known::AuthTls) && set.contains(Known::AuthSsl) && set.contains(Known::Utf8));
/// assert!(!set.contains(Known::Mlst));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct FeatureSet {
    bits: u64,
}

impl FeatureSet {
    /// No feature.
    pub const EMPTY: FeatureSet = FeatureSet { bits: 0 };

    /// The known features in the text of a 211 reply to FEAT, read as [`Features`] does.
    pub fn read(text: &[u8]) -> FeatureSet {
        let mut set = FeatureSet::EMPTY;
        for feature in Features::new(text) {
            set.insert_line(feature);
        }
        set
    }

    /// Whether the feature is in the set.
    pub const fn contains(self, feature: Known) -> bool {
        self.bits & bit(feature) != 0
    }

    /// Adds a feature.
    pub const fn insert(&mut self, feature: Known) {
        self.bits |= bit(feature);
    }

    /// Takes a feature out.
    pub const fn remove(&mut self, feature: Known) {
        self.bits &= !bit(feature);
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// The features, in the order of [`Known::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Known> {
        Known::ALL
            .iter()
            .copied()
            .filter(move |feature| self.contains(*feature))
    }

    /// The names of the features, in the same order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.iter().map(Known::name)
    }

    /// Adds what one line announces: several features when its parameters are a list (`AUTH TLS;SSL;`).
    fn insert_line(&mut self, Feature { label, parameters }: Feature<'_>) {
        let synonym = SYNONYMS
            .iter()
            .find(|(other, _)| label.eq_ignore_ascii_case(other.as_bytes()));
        if let Some((_, feature)) = synonym {
            self.insert(*feature);
        }
        for known in Known::ALL {
            let feature = known.feature();
            if !label.eq_ignore_ascii_case(feature.label) {
                continue;
            }
            let mut values = parameters.split(|byte| matches!(byte, b';' | b',' | b' ' | b'\t'));
            if feature.parameters.is_empty()
                || values.any(|value| value.eq_ignore_ascii_case(feature.parameters))
            {
                self.insert(*known);
            }
        }
    }
}

impl fmt::Debug for FeatureSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl FromIterator<Known> for FeatureSet {
    fn from_iter<T: IntoIterator<Item = Known>>(features: T) -> FeatureSet {
        let mut set = FeatureSet::EMPTY;
        set.extend(features);
        set
    }
}

impl Extend<Known> for FeatureSet {
    fn extend<T: IntoIterator<Item = Known>>(&mut self, features: T) {
        for feature in features {
            self.insert(feature);
        }
    }
}

/// A list of fact names, each closed by a semicolon: the parameters of MLST in a feature list, where an asterisk marks
/// the facts in use (RFC 3659 section 7.8), and the argument of OPTS MLST (section 7.9).
///
/// ```
/// use ftp_proto::wire::features::MlstFacts;
///
/// let facts: Vec<_> = MlstFacts::new(b"type*;size*;unix.mode;").collect();
/// assert_eq!(facts.len(), 3);
/// assert!(facts[1].selected && facts[1].name == b"size");
/// assert!(!facts[2].selected);
/// ```
#[derive(Clone, Debug)]
pub struct MlstFacts<'a> {
    rest: &'a [u8],
}

impl<'a> MlstFacts<'a> {
    /// Reads the parameters of MLST in a feature list, tolerating blanks and a missing last semicolon.
    pub fn new(parameters: &'a [u8]) -> MlstFacts<'a> {
        MlstFacts { rest: parameters }
    }

    /// Reads the argument of OPTS MLST (after `MLST` and one space), by the grammar: an empty list asks for no facts.
    ///
    /// # Errors
    /// [`Malformed::Facts`] when a byte cannot be in a fact name (a space, an asterisk) or a name is empty: answer it
    /// with 501. Names nobody knows are no error (RFC 3659 section 7.9).
    pub fn parse_argument(argument: &'a [u8]) -> Result<MlstFacts<'a>, Malformed> {
        let names = argument.strip_suffix(b";").unwrap_or(argument);
        if argument.is_empty() || names.split(|byte| *byte == b';').all(is_fact_name) {
            Ok(MlstFacts { rest: argument })
        } else {
            Err(Malformed::Facts)
        }
    }

    /// Whether the list has this fact, in any case, marked or not.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.clone()
            .any(|fact| fact.name.eq_ignore_ascii_case(name))
    }
}

impl<'a> Iterator for MlstFacts<'a> {
    type Item = MlstFact<'a>;

    fn next(&mut self) -> Option<MlstFact<'a>> {
        while !self.rest.is_empty() {
            let (name, rest) = cut(self.rest, b';').unwrap_or((self.rest, &[]));
            self.rest = rest;
            let name = name.trim_ascii();
            let (name, selected) = match name.strip_suffix(b"*") {
                Some(name) => (name.trim_ascii_end(), true),
                None => (name, false),
            };
            if !name.is_empty() {
                return Some(MlstFact { name, selected });
            }
        }
        None
    }
}

/// One fact of an [`MlstFacts`] list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MlstFact<'a> {
    /// The name, in the case it was written; names are compared without regard to case.
    pub name: &'a [u8],
    /// Whether an asterisk marks it as in use.
    pub selected: bool,
}

/// Appends the parameters of MLST for a feature list, with an asterisk on selected facts.
///
/// # Errors
/// [`Malformed::Facts`] when a name is empty or holds a byte that cannot be in it. Nothing is appended then.
pub fn encode_mlst_facts<'a>(
    facts: impl IntoIterator<Item = MlstFact<'a>>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let start = out.len();
    for MlstFact { name, selected } in facts {
        if !is_fact_name(name) {
            out.truncate(start);
            return Err(Malformed::Facts);
        }
        out.extend_from_slice(name);
        out.extend_from_slice(if selected { b"*;" } else { b";" });
    }
    Ok(())
}

/// Appends the argument of OPTS that selects facts: `MLST type;size;`. The text of the 200 reply to it, `MLST OPTS
/// type;size;`, holds the facts the server will send (RFC 3659 section 7.9.1).
///
/// # Errors
/// [`Malformed::Facts`] when a name is empty or holds a byte that cannot be in it. Nothing is appended then.
pub fn encode_opts_mlst<'a>(
    facts: impl IntoIterator<Item = &'a [u8]>,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let start = out.len();
    out.extend_from_slice(b"MLST ");
    let facts = facts.into_iter().map(|name| MlstFact {
        name,
        selected: false,
    });
    encode_mlst_facts(facts, out).inspect_err(|_| out.truncate(start))
}

/// Appends the argument of OPTS that switches UTF-8 on or off: `UTF8 ON`. RFC 2640 knows no such switch, servers do.
pub fn encode_opts_utf8(on: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if on { b"UTF8 ON" } else { b"UTF8 OFF" });
}

/// Whether bytes can be the name of a fact (RFC 3659 section 7.2): printable, without the separators.
pub(super) fn is_fact_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b'=' | b'*'))
}

/// Labels that announce a feature under another name.
const SYNONYMS: [(&str, Known); 2] = [("MLSD", Known::Mlst), ("UTF-8", Known::Utf8)];

const fn bit(feature: Known) -> u64 {
    1 << (feature as u64)
}

// A set holds one bit per feature.
const _: () = assert!(Known::ALL.len() <= u64::BITS as usize);

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;
    use crate::wire::date::tests::texts;

    const PROFTPD: &str = "Features:\n AUTH TLS\n CCC\n CLNT\n CSID\n EPRT\n EPSV\n HOST\n LANG C.UTF-8*\n MDTM\n MFF modify;UNIX.group;UNIX.mode;\n MFMT\n MLST modify*;perm*;size*;type*;unique*;UNIX.group*;UNIX.groupname*;UNIX.mode*;UNIX.owner*;UNIX.ownername*;\n PBSZ\n PROT\n RANG STREAM\n REST STREAM\n SIZE\n SSCN\n TVFS\n UTF8\nEnd";
    const PUREFTPD: &str = "Extensions supported:\n UTF8\n EPRT\n IDLE\n MDTM\n SIZE\n MFMT\n REST STREAM\n MLST type*;size*;sizd*;modify*;UNIX.mode*;UNIX.uid*;UNIX.gid*;unique*;\n MLSD\n PRET\n AUTH TLS\n PBSZ\n PROT\n TVFS\n ESTA\n PASV\n EPSV\n ESTP\nEnd.";
    const PYFTPDLIB: &str = "Features supported:\n AUTH SSL\n AUTH TLS\n EPRT\n EPSV\n MDTM\n MFMT\n MLST type*;perm*;size*;modify*;unique*;unix.mode;unix.uid;unix.gid;\n PBSZ\n PROT\n REST STREAM\n SIZE\n TVFS\n UTF8\nEnd FEAT.";
    const UNFTP: &str = "Extensions supported:\n AUTH TLS\n EPSV\n MDTM\n MLSD\n MLST\n PBSZ\n PROT\n REST STREAM\n SITE MD5\n SIZE\n UTF8\nEND";
    const VSFTPD: &str =
        "Features:\n UTF8\n EPRT\n EPSV\n MDTM\n PASV\n REST STREAM\n SIZE\n TVFS\nEnd";

    fn names(text: &str) -> String {
        FeatureSet::read(text.as_bytes())
            .names()
            .collect::<Vec<_>>()
            .join(",")
    }

    #[test]
    fn reads_the_lists_of_real_servers() {
        let both = "PBSZ,PROT";
        assert_eq!(
            names(PROFTPD),
            format!(
                "AUTH TLS,{both},CCC,EPSV,EPRT,MDTM,MFMT,MFF,SIZE,REST STREAM,MLST,UTF8,TVFS,LANG,HOST,RANG STREAM,CLNT,SSCN,CSID"
            )
        );
        assert_eq!(
            names(PUREFTPD),
            format!(
                "AUTH TLS,{both},EPSV,EPRT,PASV,MDTM,MFMT,SIZE,REST STREAM,MLST,UTF8,TVFS,PRET,ESTA,ESTP"
            )
        );
        assert_eq!(
            names(PYFTPDLIB),
            format!("AUTH TLS,AUTH SSL,{both},EPSV,EPRT,MDTM,MFMT,SIZE,REST STREAM,MLST,UTF8,TVFS")
        );
        assert_eq!(
            names(UNFTP),
            format!("AUTH TLS,{both},EPSV,MDTM,SIZE,REST STREAM,MLST,UTF8")
        );
        assert_eq!(
            names(VSFTPD),
            "EPSV,EPRT,PASV,MDTM,SIZE,REST STREAM,UTF8,TVFS"
        );
    }

    #[test]
    fn one_list_in_many_shapes() {
        for text in [
            "Features:\n MDTM\n REST STREAM\nEnd",
            "Features:\nMDTM\nREST STREAM\nEnd",
            "Features:\n    MDTM\n\tREST\t STREAM  \nEnd",
            "Features:\n211-MDTM\n211-REST STREAM\nEnd",
            "211-Features:\n211- MDTM\n 211-REST STREAM\n211 End",
            "\n MDTM\n\n REST STREAM\n",
            "Features:\r\n MDTM\r\n REST STREAM\r\nEnd\r",
            "Features:\n mdtm\n Rest Stream\n X-NEW thing\n 211\n 2112\nEnd",
        ] {
            assert_eq!(names(text), "MDTM,REST STREAM", "{text:?}");
        }
        for text in [
            "",
            "no features",
            "Features:\nEnd",
            "UTF8",
            "SIZE\n",
            "Features:\n\n \nEnd",
            "\n\n\n",
        ] {
            assert_eq!(names(text), "", "{text:?}");
        }
    }

    #[test]
    fn header_and_trailer_are_no_features() {
        assert_eq!(names("SIZE\n MDTM\nUTF8"), "MDTM");
    }

    #[test]
    fn auth_is_one_line_or_several() {
        for (lines, expected) in [
            (" AUTH TLS", "AUTH TLS"),
            (" AUTH SSL\n AUTH TLS", "AUTH TLS,AUTH SSL"),
            (" AUTH TLS;SSL;", "AUTH TLS,AUTH SSL"),
            (" AUTH SSL;TLS", "AUTH TLS,AUTH SSL"),
            (" AUTH TLS SSL", "AUTH TLS,AUTH SSL"),
            (
                " AUTH TLS;TLS-C;SSL;TLS-P;",
                "AUTH TLS,AUTH SSL,AUTH TLS-C,AUTH TLS-P",
            ),
            (" auth tls", "AUTH TLS"),
            (" AUTH", ""),
            (" AUTH TLSX", ""),
            (" AUTH TLS-P", "AUTH TLS-P"),
        ] {
            assert_eq!(
                names(&format!("Features:\n{lines}\nEnd")),
                expected,
                "{lines}"
            );
        }
    }

    #[test]
    fn other_names_for_the_same() {
        assert_eq!(
            names("F\n MLSD\n UTF-8\n XSHA\n SITE SYMLINK;UTIME\n MODE Z\n REST\nE"),
            "MLST,UTF8,XSHA,MODE Z,SITE UTIME,SITE SYMLINK"
        );
    }

    #[test]
    fn keeps_labels_and_parameters_as_they_are() {
        let features: Vec<_> = Features::new(b"F\n LANG  EN*;FR \n x\n \xff \xfe\nE").collect();
        let expected = [
            (&b"LANG"[..], &b"EN*;FR"[..]),
            (b"x", b""),
            (b"\xff", b"\xfe"),
        ];
        assert_eq!(
            features,
            expected.map(|(label, parameters)| Feature { label, parameters })
        );
    }

    #[test]
    fn a_set_holds_each_feature_by_itself() {
        let mut all = FeatureSet::EMPTY;
        for feature in Known::ALL {
            let mut one = FeatureSet::EMPTY;
            assert!(one.is_empty() && !one.contains(*feature) && !all.contains(*feature));
            one.insert(*feature);
            all.insert(*feature);
            assert_eq!(one.iter().collect::<Vec<_>>(), [*feature]);
            assert_eq!(names(&format!("F\n {feature}\nE")), feature.name());
        }
        assert!(all.iter().eq(Known::ALL.iter().copied()));
        assert_eq!(Known::ALL.iter().copied().collect::<FeatureSet>(), all);
        all.remove(Known::Size);
        assert!(!all.contains(Known::Size) && all.contains(Known::Mlst));
        assert_eq!(
            format!("{:?}", FeatureSet::read(b"F\n SIZE\nE")),
            r#"{"SIZE"}"#
        );
    }

    #[test]
    fn encodes_what_it_reads() {
        let mut text = Vec::new();
        encode_feat(
            Known::ALL.iter().map(|feature| feature.feature()),
            &mut text,
        )
        .unwrap();
        assert_eq!(
            FeatureSet::read(&text),
            Known::ALL.iter().copied().collect()
        );
        for real in [PROFTPD, PUREFTPD, PYFTPDLIB, UNFTP, VSFTPD] {
            let mut text = Vec::new();
            encode_feat(Features::new(real.as_bytes()), &mut text).unwrap();
            assert!(Features::new(&text).eq(Features::new(real.as_bytes())));
        }
    }

    #[test]
    fn a_feature_that_would_break_the_reply_is_refused() {
        for (label, parameters) in [
            (&b""[..], &b""[..]),
            (b"A B", b""),
            (b"A\r\n211 End", b""),
            (b"A", b"b\n"),
            (b"\xff", b""),
        ] {
            let mut out = Vec::from(*b"kept");
            let features = [Known::Size.feature(), Feature { label, parameters }];
            assert_eq!(encode_feat(features, &mut out), Err(Malformed::Features));
            assert_eq!(out, b"kept");
        }
    }

    #[test]
    fn reads_mlst_fact_lists() {
        let feature = Features::new(PYFTPDLIB.as_bytes())
            .find(|feature| feature.label == b"MLST")
            .unwrap();
        let facts = MlstFacts::new(feature.parameters);
        let selected: Vec<_> = facts
            .clone()
            .filter(|fact| fact.selected)
            .map(|fact| fact.name)
            .collect();
        assert_eq!(
            selected,
            [&b"type"[..], b"perm", b"size", b"modify", b"unique"]
        );
        let others: Vec<_> = facts
            .clone()
            .filter(|fact| !fact.selected)
            .map(|fact| fact.name)
            .collect();
        assert_eq!(others, [&b"unix.mode"[..], b"unix.uid", b"unix.gid"]);
        assert!(facts.contains(b"UNIX.Mode") && !facts.contains(b"create"));
        let mut out = Vec::new();
        encode_mlst_facts(facts, &mut out).unwrap();
        assert_eq!(out, feature.parameters);

        let sloppy: Vec<_> = MlstFacts::new(b" Type * ;;*;; Size").collect();
        let expected = [(&b"Type"[..], true), (b"Size", false)];
        assert_eq!(
            sloppy,
            expected.map(|(name, selected)| MlstFact { name, selected })
        );
        assert_eq!(MlstFacts::new(b"").count(), 0);
    }

    #[test]
    fn reads_the_argument_of_opts_mlst() {
        // RFC 3659 section 7.9: unknown facts are ignored, an empty list is a list, spaces are errors.
        assert!(
            MlstFacts::parse_argument(b"size;frogs;")
                .unwrap()
                .contains(b"size")
        );
        assert_eq!(MlstFacts::parse_argument(b"").unwrap().count(), 0);
        assert_eq!(MlstFacts::parse_argument(b"Type;Size").unwrap().count(), 2);
        for bad in [
            &b"a b;"[..],
            b" size;",
            b"size; ",
            b";",
            b"size;;type;",
            b"size*;",
            b"size=1;",
            b"a\n;",
            b"\xff;",
        ] {
            assert!(
                matches!(MlstFacts::parse_argument(bad), Err(Malformed::Facts)),
                "{}",
                bad.escape_ascii()
            );
        }
    }

    #[test]
    fn writes_the_arguments_of_opts() {
        let mut out = Vec::new();
        encode_opts_mlst([&b"type"[..], b"size", b"modify"], &mut out).unwrap();
        assert_eq!(out, b"MLST type;size;modify;");
        for bad in [&b"a b"[..], b"", b"a;b", b"a\r\nDELE x"] {
            assert_eq!(
                encode_opts_mlst([&b"type"[..], bad], &mut out),
                Err(Malformed::Facts)
            );
            assert_eq!(out, b"MLST type;size;modify;");
        }
        out.clear();
        encode_opts_utf8(true, &mut out);
        encode_opts_utf8(false, &mut out);
        assert_eq!(out, b"UTF8 ONUTF8 OFF");
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for text in texts(b"\n 2-;*A", 6) {
            assert!(Features::new(&text).all(|feature| !feature.label.is_empty()));
            assert!(MlstFacts::new(&text).all(|fact| !fact.name.is_empty()));
            let _ = MlstFacts::parse_argument(&text);
        }
        assert_eq!(Features::new(&b"\n 211- x".repeat(10_000)).count(), 9_999);
    }

    #[test]
    fn a_code_without_a_feature_is_none() {
        let text = b"Features:\n211\n211-\n211 \n211-MDTM\n211 SIZE\nEnd";
        let labels: Vec<&[u8]> = Features::new(text).map(|feature| feature.label).collect();
        assert_eq!(labels, [&b"MDTM"[..], b"SIZE"]);
        assert!(FeatureSet::default().is_empty());
        let mut set = FeatureSet::default();
        set.insert(Known::Size);
        assert!(!set.is_empty());
        set.remove(Known::Size);
        assert!(set.is_empty());
    }
}

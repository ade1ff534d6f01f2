//! The verbs: one table with everything the standards say about each (RFC 959 section 5, RFC 5797 and later ones).

use core::fmt;

use crate::wire::reply::Code;

/// What kind of command a verb is (RFC 959 section 4.1, RFC 5797).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VerbClass {
    /// Access control.
    Access,
    /// Transfer parameter setting.
    Parameter,
    /// Service.
    Service,
}

/// How far a verb is required (RFC 5797).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Conformance {
    /// Every server has it; FEAT and OPTS: every server with an extension.
    Mandatory,
    /// Registered, a server may lack it.
    Optional,
    /// Registered, of the past.
    Historic,
    /// Not registered: drafts and practice.
    Unregistered,
}

/// Whether a verb has an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArgumentRule {
    /// No argument.
    None,
    /// An argument that is not empty.
    Required,
    /// The argument may be missing.
    Optional,
}

/// The shape of the dialogue a verb opens (RFC 959 section 6; verbs of other documents by analogy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// The first diagram: 2yz success, 4yz and 5yz failure, 1yz and 3yz an error.
    First,
    /// The second diagram: 1yz waits, then as the first.
    Second,
    /// USER, PASS, ACCT.
    Login,
    /// RNFR, RNTO.
    Rename,
    /// REST or RANG, then the command it is for.
    Restart,
    /// AUTH, ADAT (RFC 2228 section 9).
    Security,
    /// MIC, CONF, ENC: the dialogue is that of the command inside.
    Protected,
    /// HOST (RFC 7151 section 3.2.3).
    Host,
}

/// Which way a data connection carries the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// A download or a listing.
    ServerToClient,
    /// An upload.
    ClientToServer,
}

impl Verb {
    /// The verb of this name, in upper or lower case.
    ///
    /// ```
    /// use ftp_proto::wire::command::Verb;
    ///
    /// assert_eq!(Verb::parse(b"rEtR"), Some(Verb::Retr));
    /// assert_eq!(Verb::parse(b"FROB"), None);
    /// ```
    #[must_use]
    pub fn parse(name: &[u8]) -> Option<Verb> {
        Verb::ALL
            .iter()
            .copied()
            .find(|verb| verb.as_str().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The verb this one is another spelling of, or itself: CWD for XCWD, PASV for P@SW.
    #[must_use]
    pub const fn canonical(self) -> Verb {
        match self.alias_of() {
            Some(verb) => verb,
            None => self,
        }
    }

    /// The kind of command.
    #[must_use]
    pub const fn class(self) -> VerbClass {
        self.row().class
    }

    /// Whether servers must have the verb.
    #[must_use]
    pub const fn conformance(self) -> Conformance {
        match self.alias_conformance() {
            Some(conformance) => conformance,
            None => self.row().conformance,
        }
    }

    /// Whether the verb has an argument.
    #[must_use]
    pub const fn argument_rule(self) -> ArgumentRule {
        self.row().argument
    }

    /// The shape of the dialogue.
    #[must_use]
    pub const fn group(self) -> Group {
        self.row().group
    }

    /// The 1yz codes specified or seen.
    #[must_use]
    pub const fn preliminary(self) -> &'static [Code] {
        self.row().preliminary
    }

    /// The 2yz codes specified or seen; for [`Group::Protected`] the 6yz codes.
    #[must_use]
    pub const fn positive(self) -> &'static [Code] {
        self.row().positive
    }

    /// The 3yz codes specified or seen.
    #[must_use]
    pub const fn intermediate(self) -> &'static [Code] {
        self.row().intermediate
    }

    /// The 4yz and 5yz codes specified or seen. 421 may answer any command, listed or not.
    #[must_use]
    pub const fn negative(self) -> &'static [Code] {
        self.row().negative
    }

    /// The code is listed for this verb, or is 421.
    #[must_use]
    pub fn lists(self, code: Code) -> bool {
        code == Code::SERVICE_NOT_AVAILABLE
            || [
                self.preliminary(),
                self.positive(),
                self.intermediate(),
                self.negative(),
            ]
            .iter()
            .any(|codes| codes.contains(&code))
    }

    /// A server answers 530 until the user is logged in.
    #[must_use]
    pub const fn needs_login(self) -> bool {
        !self.row().is(FREE)
    }

    /// May be sent while a transfer runs: ABOR, STAT, QUIT (RFC 959 section 4.1) and, in practice, NOOP.
    #[must_use]
    pub const fn may_run_during_transfer(self) -> bool {
        self.row().is(DURING)
    }

    /// Chooses where the next data connection goes. The first verb to be refused behind EPSV ALL (RFC 2428 section 4).
    #[must_use]
    pub const fn sets_up_data(self) -> bool {
        self.row().is(SETS_UP)
    }

    /// The verb uses a data connection, and which way the data goes.
    #[must_use]
    pub const fn moves_data(self) -> Option<Direction> {
        if self.row().is(DOWN) {
            Some(Direction::ServerToClient)
        } else if self.row().is(UP) {
            Some(Direction::ClientToServer)
        } else {
            None
        }
    }

    /// The argument is a path: only the first space separates it, every other one belongs to the name
    /// (RFC 2640 section 3.1, RFC 3659 section 2.2).
    #[must_use]
    pub const fn path_argument(self) -> bool {
        self.row().is(PATH)
    }

    /// Every byte behind the first space is part of the argument: paths, user names, passwords and accounts.
    #[must_use]
    pub const fn keeps_spaces(self) -> bool {
        self.row().is(PATH) || self.row().is(EXACT)
    }

    /// A server overlooks an argument that should not be there instead of answering 501.
    #[must_use]
    pub const fn ignores_argument(self) -> bool {
        self.row().is(LENIENT)
    }

    /// The argument is secret, or may contain a secret, and is never shown.
    #[must_use]
    pub const fn hides_argument(self) -> bool {
        self.row().is(SECRET)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

struct Row {
    class: VerbClass,
    conformance: Conformance,
    argument: ArgumentRule,
    group: Group,
    preliminary: &'static [Code],
    positive: &'static [Code],
    intermediate: &'static [Code],
    negative: &'static [Code],
    flags: u16,
}

impl Row {
    const fn is(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

/// Allowed before login.
const FREE: u16 = 1;
/// Allowed during a transfer.
const DURING: u16 = 1 << 1;
/// Sets up a data connection.
const SETS_UP: u16 = 1 << 2;
/// Data from server to client.
const DOWN: u16 = 1 << 3;
/// Data from client to server.
const UP: u16 = 1 << 4;
/// The argument is, or begins with, a path.
const PATH: u16 = 1 << 5;
/// Spaces count in an argument that is no path.
const EXACT: u16 = 1 << 6;
/// A needless argument is overlooked.
const LENIENT: u16 = 1 << 7;
/// The argument is not to be shown.
const SECRET: u16 = 1 << 8;

macro_rules! verbs {
    (
        verbs {$($verb:ident $name:literal $doc:literal $class:ident $conformance:ident $argument:ident $group:ident
            [$($preliminary:literal)*] [$($positive:literal)*] [$($intermediate:literal)*] [$($negative:literal)*]
            $($flag:ident)*;)*}
        aliases {$(
            $alias:ident $alias_name:literal $alias_doc:literal $alias_conformance:ident = $canonical:ident;
        )*}
    ) => {
        /// A command verb: the standard ones, the registered extensions (RFC 5797), and the ones met in practice.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Verb {
            $(#[doc = concat!("`", $name, "`: ", $doc, ".")] $verb,)*
            $(#[doc = concat!("`", $alias_name, "`: ", $alias_doc, ".")] $alias,)*
        }

        impl Verb {
            /// Every verb.
            pub const ALL: &'static [Verb] = &[$(Verb::$verb,)* $(Verb::$alias,)*];

            /// The name, in upper case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Verb::$verb => $name,)*
                    $(Verb::$alias => $alias_name,)*
                }
            }

            const fn alias_of(self) -> Option<Verb> {
                match self {
                    $(Verb::$alias => Some(Verb::$canonical),)*
                    _ => None,
                }
            }

            const fn alias_conformance(self) -> Option<Conformance> {
                match self {
                    $(Verb::$alias => Some(Conformance::$alias_conformance),)*
                    _ => None,
                }
            }

            const fn row(self) -> &'static Row {
                match self {
                    $(Verb::$verb => {
                        const ROW: &Row = &Row {
                            class: VerbClass::$class,
                            conformance: Conformance::$conformance,
                            argument: ArgumentRule::$argument,
                            group: Group::$group,
                            preliminary: &[$(Code::from_table($preliminary)),*],
                            positive: &[$(Code::from_table($positive)),*],
                            intermediate: &[$(Code::from_table($intermediate)),*],
                            negative: &[$(Code::from_table($negative)),*],
                            flags: 0 $(| $flag)*,
                        };
                        ROW
                    })*
                    $(Verb::$alias => Verb::$canonical.row(),)*
                }
            }
        }
    };
}

verbs! {
    verbs {
    // RFC 959, in the order of its section 4.1. The argument of PASS may be empty in practice.
    User "USER" "user name" Access Mandatory Required Login
        [] [230 232] [331 332 336] [530 500 501 421 503 534 550] FREE EXACT;
    Pass "PASS" "password" Access Mandatory Optional Login
        [] [230 202] [332] [530 500 501 503 421 430] FREE EXACT SECRET;
    Acct "ACCT" "account" Access Mandatory Required Login
        [] [230 202] [] [530 500 501 502 503 421] FREE EXACT SECRET;
    Cwd "CWD" "change the working directory" Access Mandatory Required First
        [] [250 200] [] [500 501 502 421 530 550 431] PATH;
    Cdup "CDUP" "change to the parent directory" Access Optional None First
        [] [250 200] [] [500 501 502 421 530 550] LENIENT;
    Smnt "SMNT" "structure mount" Access Optional Required First
        [] [202 250] [] [500 501 502 421 530 550] PATH;
    Rein "REIN" "reinitialise: back to the state after the greeting" Access Mandatory None Second
        [120] [220 230] [] [421 500 502] FREE LENIENT;
    Quit "QUIT" "log out and close" Access Mandatory None First
        [] [221] [] [500] FREE DURING LENIENT;
    Port "PORT" "data port, active mode" Parameter Mandatory Required First
        [] [200] [] [500 501 421 530 504 425 550] SETS_UP;
    Pasv "PASV" "passive mode" Parameter Mandatory None First
        [] [227] [] [500 501 502 421 530 425 550] SETS_UP LENIENT;
    Type "TYPE" "representation type" Parameter Mandatory Required First
        [] [200] [] [500 501 504 421 530];
    Stru "STRU" "file structure" Parameter Mandatory Required First
        [] [200] [] [500 501 504 421 530];
    Mode "MODE" "transfer mode" Parameter Mandatory Required First
        [] [200] [] [500 501 504 421 530 451 502];
    Retr "RETR" "retrieve a file" Service Mandatory Required Second
        [125 150 110] [226 250] []
        [425 426 451 450 550 500 501 421 530 534 535 554 555 521 522] DOWN PATH;
    Stor "STOR" "store a file" Service Mandatory Required Second
        [125 150 110] [226 250] []
        [425 426 451 551 552 450 452 532 553 500 501 421 530 534 535 554 555 521 522 550] UP PATH;
    Stou "STOU" "store a file under a new name" Service Optional Optional Second
        [125 150 110] [226 250] []
        [425 426 451 551 552 450 452 532 553 500 501 502 503 421 530 534 535 521 522 550] UP PATH;
    Appe "APPE" "append to a file" Service Mandatory Required Second
        [125 150 110] [226 250] []
        [425 426 451 551 552 450 550 452 532 553 500 501 502 503 421 530 534 535 555 521 522] UP PATH;
    Allo "ALLO" "allocate storage" Service Mandatory Required First
        [] [200 202] [] [500 501 504 421 530 452 552];
    Rest "REST" "restart marker" Service Mandatory Required Restart
        [] [] [350] [500 501 502 421 530 503 504 554];
    Rnfr "RNFR" "rename from" Service Mandatory Required Rename
        [] [] [350] [450 550 500 501 502 421 530] PATH;
    Rnto "RNTO" "rename to" Service Mandatory Required Rename
        [] [250] [] [532 553 500 501 502 503 421 530 550] PATH;
    Abor "ABOR" "abort the transfer" Service Mandatory None First
        [] [225 226] [] [500 501 502 421] FREE DURING LENIENT;
    Dele "DELE" "delete a file" Service Mandatory Required First
        [] [250] [] [450 550 500 501 502 421 530] PATH;
    Rmd "RMD" "remove a directory" Service Optional Required First
        [] [250] [] [500 501 502 421 530 550] PATH;
    Mkd "MKD" "make a directory" Service Optional Required First
        [] [257] [] [500 501 502 421 530 550 521] PATH;
    Pwd "PWD" "print the working directory" Service Optional None First
        [] [257] [] [500 501 502 421 550 530] LENIENT;
    List "LIST" "list for people" Service Mandatory Optional Second
        [125 150] [226 250] [] [425 426 451 450 500 501 502 421 530 534 535 521 522 550] DOWN PATH;
    Nlst "NLST" "list names" Service Mandatory Optional Second
        [125 150] [226 250] [] [425 426 451 450 500 501 502 421 530 534 535 521 522 550] DOWN PATH;
    Site "SITE" "site parameters" Service Mandatory Required First
        [] [200 202 214 213 250] [350] [500 501 530 502 503 504 550];
    Syst "SYST" "system type" Service Optional None First
        [] [215] [] [500 501 502 421 530] FREE LENIENT;
    Stat "STAT" "status, or a listing on the control connection" Service Mandatory Optional First
        [] [211 212 213 200] [] [450 500 501 502 421 530 550 451] DURING PATH;
    Help "HELP" "help" Service Mandatory Optional First
        [] [211 214] [] [500 501 502 421 530] FREE;
    Noop "NOOP" "no operation" Service Mandatory None First
        [] [200] [] [500 421 530] FREE DURING LENIENT;

    // RFC 2228 and RFC 4217.
    Auth "AUTH" "authentication mechanism" Access Optional Required Security
        [] [234] [334] [502 504 534 431 500 501 421 503] FREE;
    Adat "ADAT" "authentication data" Access Optional Required Security
        [] [235] [335] [503 501 535 500 421 502 533] FREE SECRET;
    Pbsz "PBSZ" "protection buffer size" Parameter Optional Required First
        [] [200] [] [503 500 501 421 530 502 533] FREE;
    Prot "PROT" "data channel protection level" Parameter Optional Required First
        [] [200] [] [504 536 503 534 431 500 501 421 530 502 533] FREE;
    Ccc "CCC" "clear command channel" Access Optional None First
        [] [200] [] [533 534 500 501 502 503 421 530];
    Mic "MIC" "integrity protected command" Access Optional Required Protected
        [] [631] [] [535 533 537 501 502 503 500 421] FREE SECRET;
    Conf "CONF" "confidentiality protected command" Access Optional Required Protected
        [] [633] [] [535 533 537 501 502 503 500 421] FREE SECRET;
    Enc "ENC" "privacy protected command" Access Optional Required Protected
        [] [632] [] [535 533 537 501 502 503 500 421] FREE SECRET;

    // RFC 2389, 2428, 1639, 2640, 7151, 3659, 6384.
    Feat "FEAT" "feature list" Access Mandatory None First
        [] [211] [] [500 501 502 530] FREE;
    Opts "OPTS" "options of a command" Parameter Mandatory Required First
        [] [200 202] [] [451 501 500 502 504] FREE;
    Eprt "EPRT" "extended data port" Parameter Optional Required First
        [] [200] [] [500 501 522 421 504 530 425] SETS_UP;
    Epsv "EPSV" "extended passive mode" Parameter Optional Optional First
        [] [229 200 220] [] [500 501 502 522 421 425 504 530] SETS_UP;
    Lprt "LPRT" "long data port" Parameter Historic Required First
        [] [200] [] [500 501 502 521] SETS_UP;
    Lpsv "LPSV" "long passive mode" Parameter Historic None First
        [] [228] [] [500 501 502 521] SETS_UP;
    Lang "LANG" "language of reply texts" Parameter Optional Optional First
        [] [200] [] [500 501 502 504] FREE;
    Host "HOST" "virtual host" Access Optional Required Host
        [] [220] [] [421 500 501 502 503 504 530] FREE;
    Size "SIZE" "size of a file in transfer" Service Optional Required First
        [] [213] [] [550 500 501 502 450 451 530] PATH;
    Mdtm "MDTM" "modification time of a file" Service Optional Required First
        [] [213 253] [] [550 500 501 502 450 451 530] PATH;
    Mlst "MLST" "facts about one object" Service Optional Optional First
        [] [250] [] [501 550 500 502 450 451 503 504 530 553] PATH;
    Mlsd "MLSD" "facts about the objects in a directory" Service Optional Optional Second
        [125 150] [226 250] [] [501 550 500 502 425 426 450 451 503 504 530 534 535 521 522 553] DOWN PATH;
    Algs "ALGS" "control of an address translator" Service Optional Required First
        [] [216 202] [] [500 502 504] FREE;

    // Expired drafts: HASH, RANG, MFMT and its kin, the streamlined commands, MD5.
    Hash "HASH" "hash of a file" Service Unregistered Required First
        [] [213] [] [450 550 551 552 553 556 500 501 502 530] PATH;
    Rang "RANG" "range for the next command" Service Unregistered Required Restart
        [] [] [350] [501 551 552 500 502 530];
    Mfmt "MFMT" "set the modification time" Service Unregistered Required First
        [] [213] [] [500 501 502 504 530 550 553];
    Mfct "MFCT" "set the creation time" Service Unregistered Required First
        [] [213] [] [500 501 502 504 530 550 553];
    Mff "MFF" "set facts" Service Unregistered Required First
        [] [213] [] [500 501 502 504 530 550] PATH;
    Csid "CSID" "exchange of software names" Access Unregistered Required First
        [] [200] [] [500 502 530];
    Avbl "AVBL" "space available" Service Unregistered Optional First
        [] [213] [] [550 500 501 502 530] PATH;
    Dsiz "DSIZ" "size of a directory tree" Service Unregistered Optional First
        [] [213] [] [550 500 501 502 530] PATH;
    Rmda "RMDA" "remove a directory tree" Service Unregistered Required First
        [] [250] [] [500 501 502 421 530 550] PATH;
    Thmb "THMB" "retrieve a thumbnail" Service Unregistered Required Second
        [125 150] [226 250] [] [501 550 425 426 451 450 500 502 421 530 534 535 521 522] DOWN;
    Md5 "MD5" "MD5 digest of a file" Service Unregistered Required First
        [] [251] [] [500 502 504 530 550] PATH;
    Mmd5 "MMD5" "MD5 digests of several files" Service Unregistered Required First
        [] [252 251] [] [500 502 504 530 550];

    // Practice.
    Clnt "CLNT" "name of the client" Access Unregistered Required First
        [] [200] [] [500 501 502] FREE;
    Xcrc "XCRC" "CRC-32 of a file" Service Unregistered Required First
        [] [250 213] [] [450 500 501 502 530 550] PATH;
    Xmd5 "XMD5" "MD5 digest of a file" Service Unregistered Required First
        [] [250 213] [] [450 500 501 502 530 550] PATH;
    Xsha "XSHA" "SHA-1 digest of a file" Service Unregistered Required First
        [] [250 213] [] [450 500 501 502 530 550] PATH;
    Xsha1 "XSHA1" "SHA-1 digest of a file" Service Unregistered Required First
        [] [250 213] [] [450 500 501 502 530 550] PATH;
    Xsha256 "XSHA256" "SHA-256 digest of a file" Service Unregistered Required First
        [] [250 213] [] [450 500 501 502 530 550] PATH;
    Xsha512 "XSHA512" "SHA-512 digest of a file" Service Unregistered Required First
        [] [250 213] [] [450 500 501 502 530 550] PATH;
    Comb "COMB" "combine files" Service Unregistered Required First
        [] [250] [] [450 550 500 501 502 530];
    Sscn "SSCN" "which side is TLS client on data connections" Parameter Unregistered Optional First
        [] [200] [] [501 504 550 500 502 503 530];
    Cpsv "CPSV" "passive mode with the server as TLS client" Parameter Unregistered None First
        [] [227] [] [500 501 502 503 530] SETS_UP;
    Pret "PRET" "announce the next transfer command" Parameter Unregistered Required First
        [] [200] [] [500 501 502 530 550];
    Cepr "CEPR" "custom extended passive replies" Parameter Unregistered Required First
        [] [200] [] [500 502 530];
    Esta "ESTA" "address translation helper, active" Parameter Unregistered None First
        [] [225] [] [520 425 500 502 530];
    Estp "ESTP" "address translation helper, passive" Parameter Unregistered Required First
        [] [225] [] [501 520 522 425 500 502 530];
    Apsv "APSV" "all transfers passive (RFC 1579, never built)" Parameter Unregistered None First
        [] [200] [] [500 502 530];

    // Obsolete mail commands (RFC 737, 743, 765), known so that they can be refused by name.
    Mail "MAIL" "obsolete mail command" Service Unregistered Optional First [] [] [] [500 502 530];
    Mlfl "MLFL" "obsolete mail command" Service Unregistered Optional First [] [] [] [500 502 530];
    Msnd "MSND" "obsolete mail command" Service Unregistered Optional First [] [] [] [500 502 530];
    Msom "MSOM" "obsolete mail command" Service Unregistered Optional First [] [] [] [500 502 530];
    Msam "MSAM" "obsolete mail command" Service Unregistered Optional First [] [] [] [500 502 530];
    Mrsq "MRSQ" "obsolete mail command" Service Unregistered Optional First [] [] [] [500 502 530];
    Mrcp "MRCP" "obsolete mail command" Service Unregistered Optional First [] [] [] [500 502 530];
    Xrsq "XRSQ" "obsolete mail command" Service Unregistered Optional First [] [] [] [500 502 530];
    Xrcp "XRCP" "obsolete mail command" Service Unregistered Optional First [] [] [] [500 502 530];
    Xsen "XSEN" "obsolete mail command" Service Unregistered Optional First [] [] [] [500 502 530];
    Xsem "XSEM" "obsolete mail command" Service Unregistered Optional First [] [] [] [500 502 530];
    Xmas "XMAS" "obsolete mail command" Service Unregistered Optional First [] [] [] [500 502 530];

    }

    aliases {
    PAtSw "P@SW" "PASV in a spelling that address-rewriting devices overlook" Unregistered = Pasv;
    Xcwd "XCWD" "CWD before RFC 959 (RFC 775)" Historic = Cwd;
    Xcup "XCUP" "CDUP before RFC 959 (RFC 775)" Historic = Cdup;
    Xpwd "XPWD" "PWD before RFC 959 (RFC 775)" Historic = Pwd;
    Xmkd "XMKD" "MKD before RFC 959 (RFC 775)" Historic = Mkd;
    Xrmd "XRMD" "RMD before RFC 959 (RFC 775)" Historic = Rmd;
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::wire::reply::Class;

    fn those(rule: impl Fn(Verb) -> bool) -> Vec<&'static str> {
        let mut names: Vec<&str> = Verb::ALL
            .iter()
            .filter(|verb| rule(**verb))
            .map(|verb| verb.as_str())
            .collect();
        names.sort_unstable();
        names
    }

    fn names(list: &'static str) -> Vec<&'static str> {
        let mut names: Vec<&str> = list.split_whitespace().collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_name_is_found_in_any_case_and_only_whole() {
        for verb in Verb::ALL {
            let name = verb.as_str();
            assert_eq!(name, name.to_ascii_uppercase());
            assert_eq!(Verb::parse(name.as_bytes()), Some(*verb));
            assert_eq!(
                Verb::parse(name.to_ascii_lowercase().as_bytes()),
                Some(*verb)
            );
            assert_eq!(Verb::parse(&[name.as_bytes(), b" "].concat()), None);
            assert_eq!(Verb::parse(&[b" ", name.as_bytes()].concat()), None);
            assert_eq!(Verb::parse(&[name.as_bytes(), b"\0"].concat()), None);
        }
        let all = those(|_| true);
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a9_no_string_of_up_to_two_bytes_is_a_verb() {
        assert_eq!(Verb::parse(b""), None);
        for first in 0..=255 {
            assert_eq!(Verb::parse(&[first]), None);
            for second in 0..=255 {
                assert_eq!(Verb::parse(&[first, second]), None);
            }
        }
        // A case fold over more than ASCII would take these for SITE and TYPE.
        assert_eq!(Verb::parse("ſITE".as_bytes()), None);
        assert_eq!(Verb::parse(b"\xD4YPE"), None);
    }

    #[test]
    fn every_listed_code_has_a_name_and_the_class_of_its_column() {
        for verb in Verb::ALL {
            let columns = [
                (verb.preliminary(), &[Class::Preliminary][..]),
                (verb.positive(), &[Class::Completion, Class::Protected]),
                (verb.intermediate(), &[Class::Intermediate]),
                (
                    verb.negative(),
                    &[Class::TransientNegative, Class::PermanentNegative],
                ),
            ];
            for (codes, classes) in columns {
                for (index, code) in codes.iter().enumerate() {
                    assert!(Code::ALL.contains(code), "{verb} {code}");
                    assert!(classes.contains(&code.class()), "{verb} {code}");
                    assert!(!codes[..index].contains(code), "{verb} lists {code} twice");
                    assert!(verb.lists(*code));
                }
            }
            assert!(verb.lists(Code::SERVICE_NOT_AVAILABLE));
            assert!(!verb.lists(Code::LOGGED_OUT));
            assert!(
                verb.negative().contains(&Code::UNRECOGNIZED_COMMAND),
                "{verb}"
            );
        }
    }

    #[test]
    fn the_dialogue_fits_the_codes() {
        for verb in Verb::ALL {
            match verb.group() {
                Group::First => assert!(verb.preliminary().is_empty(), "{verb}"),
                Group::Second => assert!(
                    !verb.preliminary().is_empty() && verb.intermediate().is_empty(),
                    "{verb}"
                ),
                Group::Restart => assert!(
                    verb.positive().is_empty() && verb.intermediate().len() == 1,
                    "{verb}"
                ),
                Group::Rename => assert_eq!(verb.positive().is_empty(), *verb == Verb::Rnfr),
                Group::Login | Group::Security | Group::Protected | Group::Host => {
                    assert!(
                        !verb.positive().is_empty() && verb.preliminary().is_empty(),
                        "{verb}"
                    );
                }
            }
            if verb.moves_data().is_some() {
                assert_eq!(verb.group(), Group::Second, "{verb}");
                assert!(
                    verb.positive().contains(&Code::CLOSING_DATA_CONNECTION),
                    "{verb}"
                );
            }
        }
    }

    /// RFC 959 sections 4.1.1 to 4.1.3, and RFC 5797 for what came later.
    #[test]
    fn the_kinds_of_rfc_959() {
        let service = "RETR STOR STOU APPE ALLO REST RNFR RNTO ABOR DELE RMD MKD PWD LIST NLST SITE SYST STAT HELP NOOP";
        for (list, class) in [
            (
                "USER PASS ACCT CWD CDUP SMNT REIN QUIT AUTH HOST",
                VerbClass::Access,
            ),
            (
                "PORT PASV TYPE STRU MODE EPRT EPSV PBSZ PROT",
                VerbClass::Parameter,
            ),
            (service, VerbClass::Service),
        ] {
            for name in list.split(' ') {
                assert_eq!(
                    Verb::parse(name.as_bytes()).unwrap().class(),
                    class,
                    "{name}"
                );
            }
        }
    }

    /// RFC 959 section 6 names the verbs of its diagrams.
    #[test]
    fn the_diagrams_of_rfc_959() {
        let first = "ABOR ALLO DELE CWD CDUP SMNT HELP MODE NOOP PASV QUIT SITE PORT SYST STAT RMD MKD PWD STRU TYPE";
        for name in first.split(' ') {
            assert_eq!(
                Verb::parse(name.as_bytes()).unwrap().group(),
                Group::First,
                "{name}"
            );
        }
        for name in "APPE LIST NLST REIN RETR STOR STOU".split(' ') {
            assert_eq!(
                Verb::parse(name.as_bytes()).unwrap().group(),
                Group::Second,
                "{name}"
            );
        }
        assert_eq!(
            those(|verb| verb.group() == Group::Rename),
            names("RNFR RNTO")
        );
        assert_eq!(
            those(|verb| verb.group() == Group::Restart),
            names("REST RANG")
        );
        assert_eq!(
            those(|verb| verb.group() == Group::Login),
            names("USER PASS ACCT")
        );
    }

    /// RFC 959 section 5.3.1, with the empty password and the STOU hint of practice.
    #[test]
    fn the_arguments_of_rfc_959() {
        let none = "CDUP QUIT REIN PASV ABOR PWD SYST NOOP";
        let optional = "LIST NLST STAT HELP STOU PASS";
        let required = "USER ACCT CWD SMNT PORT TYPE STRU MODE RETR STOR APPE ALLO REST RNFR RNTO DELE RMD MKD SITE";
        for (list, rule) in [
            (none, ArgumentRule::None),
            (optional, ArgumentRule::Optional),
            (required, ArgumentRule::Required),
        ] {
            for name in list.split(' ') {
                assert_eq!(
                    Verb::parse(name.as_bytes()).unwrap().argument_rule(),
                    rule,
                    "{name}"
                );
            }
        }
        assert_eq!(Verb::Feat.argument_rule(), ArgumentRule::None);
        assert!(!Verb::Feat.ignores_argument());
        assert!(
            Verb::ALL
                .iter()
                .all(|verb| !verb.ignores_argument() || verb.argument_rule() == ArgumentRule::None)
        );
    }

    #[test]
    fn who_may_do_what_when() {
        assert_eq!(
            those(|verb| !verb.needs_login()),
            names(
                "USER PASS ACCT QUIT REIN HELP NOOP SYST FEAT OPTS AUTH ADAT PBSZ PROT HOST LANG CLNT ALGS ABOR MIC CONF ENC"
            )
        );
        assert_eq!(
            those(Verb::may_run_during_transfer),
            names("ABOR STAT QUIT NOOP")
        );
        assert_eq!(
            those(Verb::sets_up_data),
            names("PORT PASV P@SW EPRT EPSV LPRT LPSV CPSV")
        );
        assert_eq!(
            those(|verb| verb.moves_data() == Some(Direction::ServerToClient)),
            names("RETR LIST NLST MLSD THMB")
        );
        assert_eq!(
            those(|verb| verb.moves_data() == Some(Direction::ClientToServer)),
            names("STOR STOU APPE")
        );
        assert_eq!(
            those(Verb::hides_argument),
            names("PASS ACCT ADAT MIC CONF ENC")
        );
    }

    #[test]
    fn other_spellings_stand_for_the_standard_verb() {
        assert_eq!(
            those(|verb| verb.canonical() != verb),
            names("P@SW XCWD XCUP XPWD XMKD XRMD")
        );
        for verb in Verb::ALL {
            assert_eq!(verb.canonical().canonical(), verb.canonical());
        }
        assert_eq!(Verb::Xmkd.canonical(), Verb::Mkd);
        assert_eq!(Verb::Xmkd.positive(), [Code::PATHNAME_CREATED]);
        assert_eq!(
            (Verb::Xmkd.conformance(), Verb::Mkd.conformance()),
            (Conformance::Historic, Conformance::Optional)
        );
        assert_eq!(Verb::PAtSw.canonical(), Verb::Pasv);
    }

    /// The registry of RFC 5797: "m" in its table.
    #[test]
    fn the_mandatory_verbs() {
        assert_eq!(
            those(|verb| verb.conformance() == Conformance::Mandatory),
            names(
                "ABOR ACCT ALLO APPE CWD DELE FEAT HELP LIST MODE NLST NOOP OPTS PASS PASV PORT QUIT REIN REST RETR \
                 RNFR RNTO SITE STAT STOR STRU TYPE USER"
            )
        );
    }
}

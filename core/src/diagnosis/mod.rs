//! What is behind a failure: causes, each with what speaks for it, advice for both sides, and what to try next.
//!
//! The machines record [`Evidence`] from the first byte; it never influences what they do. [`diagnose`] weighs every rule in [`RULES`]
//! against it. A rule is data: signs that must be there, signs that must not, signs that make it likelier.
//!
//! ```
//! use ftp_proto::{Client, Config, Input, Instant, diagnosis::CauseId};
//!
//! let start = Instant::ZERO;
//! let mut client = Client::new(Config::default(), "192.0.2.1".parse().unwrap(), start);
//! // An SSH server is no FTP server, and says so in its first bytes.
//! client.handle(start, Input::Control(b"SSH-2.0-OpenSSH_9.9\r\n"));
//! let diagnosis = client.diagnose(None);
//! let cause = diagnosis.first().unwrap();
//! assert_eq!(cause.id, CauseId::Ssh);
//! assert_eq!(
//!     cause.to_string(),
//!     "what answers is not an FTP server: it speaks Secure Shell (SSH), another protocol; \
//!      use an SFTP client, or the port of the FTP server"
//! );
//! ```

mod control;
mod data;
mod evidence;
mod sign;

pub use evidence::{Attempt, ControlEvidence, DataEvidence, Evidence, FirstBytesKept, Phase};
pub use sign::Sign;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::error::Failure;

/// What may be behind a failure, or behind what is merely odd; the most likely first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    causes: Vec<Cause>,
}

/// One possible cause. [`Display`](fmt::Display) is one sentence: symptom, cause, advice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cause {
    /// Which.
    pub id: CauseId,
    /// How sure that is.
    pub confidence: Confidence,
    /// What speaks for it, one clause each.
    pub evidence: Vec<String>,
    /// What a person sees.
    pub symptom: &'static str,
    /// What is behind it.
    pub explanation: &'static str,
    /// What is not behind it, where a code or a word misleads.
    pub not_the_cause: Option<&'static str>,
    /// What the person at the client can do.
    pub advice: &'static str,
    /// What the administrator of the server can do.
    pub administrator: &'static str,
    /// What would tell more.
    pub probe: Option<Probe>,
}

/// How sure a cause is, in percent: a measure to order causes by, not a probability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Confidence(u8);

/// From here on a cause is likely.
const LIKELY: u8 = 70;

/// Something to try that tells causes apart. None of them sends a password in clear text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Probe {
    /// Connect with implicit TLS, usually to port 990, and see whether a greeting comes.
    Implicit,
    /// Connect with explicit TLS, usually to port 21, and see what AUTH TLS is answered.
    Explicit,
    /// Connect without logging in and read the greeting.
    Greeting,
    /// The same from another network.
    OtherNetwork,
    /// List by passive data connections.
    Passive,
    /// List by active data connections.
    Active,
    /// List a small directory.
    SmallListing,
    /// Store a small file and ask its SIZE.
    SmallUpload,
    /// Ask SIZE and compare.
    Size,
    /// Transfer over TLS 1.2 only.
    OlderTls,
    /// Do one transfer at a time.
    OneTransfer,
    /// Look at the certificate: names, issuer, validity, fingerprint.
    Certificate,
    /// Ask FEAT.
    Features,
    /// The same again later.
    Later,
}

macro_rules! cause_ids {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// The causes that are told apart.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum CauseId { $($(#[$doc])* $name),* }

        impl CauseId {
            /// Every cause.
            pub const ALL: &'static [CauseId] = &[$(CauseId::$name),*];

            /// The short name, for logs and programs. It does not change.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(CauseId::$name => $text),* }
            }
        }
    };
}

cause_ids! {
    /// Implicit TLS is wanted here.
    Implicit = "IMPLICIT",
    /// A Secure Shell server.
    Ssh = "SSH",
    /// A web server, proxy or captive portal.
    Http = "HTTP",
    /// A mail server.
    Mail = "SMTP",
    /// A server that answers in SSL version 2.
    SslV2 = "SSLV2",
    /// Clear text after 234.
    PlainAfterAuth = "PLAINTEXT",
    /// Bytes injected before TLS.
    Injected = "INJECTED",
    /// TLS never gets an answer.
    NoServerHello = "HELLO",
    /// The server wants a client certificate.
    ClientCertificate = "CLIENTCERT",
    /// The server refuses TLS with an alert that no other cause explains.
    Alert = "ALERT",
    /// TLS on data connections is cut.
    DataCutAtTls = "DATACUT",
    /// Clear payload although PROT P was agreed.
    PlainData = "PLAINDATA",
    /// Cut as TLS begins.
    CutAtTls = "DX1",
    /// Implicit TLS tried on an explicit port.
    ExplicitPort = "DX2",
    /// No greeting.
    NoGreeting = "DX3",
    /// No TLS on the server.
    NoTls = "DX4",
    /// No TLS on the server, said with the code of a failed login.
    NoTlsSaid530 = "DX5",
    /// The server demands TLS.
    TlsDemanded = "DX6",
    /// The server demands protected data connections.
    DataProtectionDemanded = "DX7",
    /// The server demands that data connections resume the TLS session.
    ReuseDemanded = "DX8",
    /// Our address for an active data connection was refused.
    ActiveRefused = "DX9",
    /// The server cannot reach us for an active data connection.
    ActiveBlocked = "DX10",
    /// The server advertises a private address.
    PrivateAddress = "DX11",
    /// The passive port is filtered.
    PassiveFiltered = "DX12",
    /// Nobody listens on the passive port.
    PassiveRefused = "DX13",
    /// A silent control connection was dropped on the way.
    IdleDropped = "DX14",
    /// The server's own idle limit.
    IdleLimit = "DX15",
    /// All data moved, and yet the server complains about its end.
    LateComplaint = "DX16",
    /// The data was cut.
    Truncated = "DX17",
    /// The upload lost its tail.
    UploadReset = "DX18",
    /// A transfer begins and nothing moves.
    NothingMoves = "DX19",
    /// Listings work, files do not.
    FilesOnly = "DX20",
    /// Wrong name or password, or a locked account.
    LoginRefused = "DX21",
    /// vsftpd cannot go on with its configuration.
    ServerBroken = "DX22",
    /// Too many connections.
    TooMany = "DX23",
    /// No TLS version or cipher in common.
    OldTls = "DX24",
    /// The certificate.
    Certificate = "DX25",
    /// The certificate of data connections only.
    DataCertificate = "DX26",
    /// The character set of names.
    NameEncoding = "DX27",
    /// Line ends were converted.
    AsciiMode = "DX28",
    /// The server cannot restart.
    NoRestart = "DX29",
    /// An empty listing.
    EmptyListing = "DX30",
    /// One passive command works, the other does not.
    ExtendedPassive = "DX31",
    /// Replies and commands are out of step.
    OutOfStep = "DX32",
    /// An account is wanted.
    Account = "DX33",
    /// The file cannot be written.
    CannotWrite = "DX34",
    /// A long TLS session came to its end.
    Renegotiation = "DX35",
    /// A proxy or translator is on the way.
    Proxy = "DX36",
    /// No more data ports.
    NoDataPorts = "DX37",
    /// Slow to greet or to log in.
    Slow = "DX38",
}

/// One rule: when a cause is behind what was seen, how sure that is, and what to say.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rule {
    /// The cause.
    pub id: CauseId,
    /// What a person sees.
    pub symptom: &'static str,
    /// What is behind it.
    pub explanation: &'static str,
    /// What is not behind it.
    pub not_the_cause: Option<&'static str>,
    /// For the person at the client.
    pub advice: &'static str,
    /// For the administrator of the server.
    pub administrator: &'static str,
    /// What would tell more.
    pub probe: Option<Probe>,
    /// Signs that must all be there.
    pub all: &'static [Sign],
    /// If there are any: at least one of them must be there.
    pub any: &'static [Sign],
    /// Signs that must not be there.
    pub none: &'static [Sign],
    /// How sure that is, in percent.
    pub base: u8,
    /// Signs that make it likelier, and by how much.
    pub more: &'static [(Sign, u8)],
}

/// Every rule: the control connection first, then data connections.
pub const RULES: [&[Rule]; 2] = [control::RULES, data::RULES];

/// Weighs every rule. Without a failure only what is odd by itself is found: a slow login, an empty listing, a private address.
#[must_use]
pub fn diagnose(evidence: &Evidence, failure: Option<&Failure>) -> Diagnosis {
    let facts = sign::Facts::new(evidence, failure);
    let mut causes: Vec<Cause> = RULES
        .into_iter()
        .flatten()
        .filter_map(|rule| rule.weigh(&facts))
        .collect();
    // Stable: of equals, the rule that stands first.
    causes.sort_by_key(|cause| core::cmp::Reverse(cause.confidence));
    Diagnosis { causes }
}

impl Diagnosis {
    /// The causes, the most likely first.
    #[must_use]
    pub fn causes(&self) -> &[Cause] {
        &self.causes
    }

    /// The most likely cause.
    #[must_use]
    pub fn first(&self) -> Option<&Cause> {
        self.causes.first()
    }

    /// The end of an error's sentence: `; cause; advice`, or nothing when nothing is known.
    ///
    /// ```
    /// use ftp_proto::diagnosis::Diagnosis;
    /// let unknown = Diagnosis::default();
    /// assert_eq!(format!("it failed{}", unknown.ending()), "it failed");
    /// ```
    #[must_use]
    pub fn ending(&self) -> impl fmt::Display + use<'_> {
        Ending(self.first())
    }
}

/// One sentence for each cause, one line each.
impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, cause) in self.causes.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{cause}")?;
        }
        Ok(())
    }
}

struct Ending<'a>(Option<&'a Cause>);

impl fmt::Display for Ending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(cause) = self.0 else { return Ok(()) };
        let perhaps = match cause.confidence {
            Confidence(..LIKELY) => "perhaps ",
            _ => "",
        };
        write!(f, "; {perhaps}{}; {}", cause.explanation, cause.advice)?;
        match cause.not_the_cause {
            Some(not) => write!(f, " ({not})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.symptom, self.explanation, self.advice)?;
        match self.not_the_cause {
            Some(not) => write!(f, " ({not})"),
            None => Ok(()),
        }
    }
}

impl Confidence {
    /// In percent.
    #[must_use]
    pub const fn percent(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            90.. => "almost certain",
            LIKELY.. => "likely",
            _ => "possible",
        })
    }
}

impl fmt::Display for CauseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Probe::Implicit => "connect with implicit TLS, usually on port 990",
            Probe::Explicit => "connect with explicit TLS, usually on port 21",
            Probe::Greeting => "connect and only read the greeting",
            Probe::OtherNetwork => "try the same from another network",
            Probe::Passive => "list a directory in passive mode",
            Probe::Active => "list a directory in active mode",
            Probe::SmallListing => "list a small directory",
            Probe::SmallUpload => "store a small file and ask for its size",
            Probe::Size => "ask for the size and compare",
            Probe::OlderTls => "transfer over TLS 1.2 only",
            Probe::OneTransfer => "do one transfer at a time",
            Probe::Certificate => "look at the certificate",
            Probe::Features => "ask what the server can do (FEAT)",
            Probe::Later => "try the same later",
        })
    }
}

impl Rule {
    fn weigh(&self, facts: &sign::Facts<'_>) -> Option<Cause> {
        let holds = |sign: &&Sign| sign.holds(facts);
        let applies = self.all.iter().all(|sign| sign.holds(facts))
            && (self.any.is_empty() || self.any.iter().any(|sign| sign.holds(facts)))
            && !self.none.iter().any(|sign| sign.holds(facts));
        if !applies {
            return None;
        }
        let mut signs: Vec<Sign> = Vec::new();
        let likelier = self.more.iter().map(|(sign, _)| sign);
        for sign in self
            .all
            .iter()
            .chain(self.any)
            .chain(likelier)
            .filter(holds)
        {
            if !signs.contains(sign) {
                signs.push(*sign);
            }
        }
        let surplus: u8 = self
            .more
            .iter()
            .filter(|(sign, _)| sign.holds(facts))
            .fold(0, |sum, (_, weight)| sum.saturating_add(*weight));
        Some(Cause {
            id: self.id,
            confidence: Confidence(self.base.saturating_add(surplus).min(99)),
            evidence: signs
                .iter()
                .map(|sign| sign.shown(facts).to_string())
                .filter(|clause| !clause.is_empty())
                .collect(),
            symptom: self.symptom,
            explanation: self.explanation,
            not_the_cause: self.not_the_cause,
            advice: self.advice,
            administrator: self.administrator,
            probe: self.probe,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FailureKind;
    use crate::time::Instant;
    use crate::wire::command::Verb;

    #[test]
    fn every_cause_has_one_rule_and_every_rule_can_hold() {
        for id in CauseId::ALL {
            let rules: Vec<_> = RULES
                .into_iter()
                .flatten()
                .filter(|rule| rule.id == *id)
                .collect();
            assert_eq!(rules.len(), 1, "{id}");
            for rule in rules {
                assert!(!rule.all.is_empty() || !rule.any.is_empty(), "{id}");
                assert!((30..=95).contains(&rule.base), "{id}");
                for sign in rule.none {
                    assert!(!rule.all.contains(sign), "{id}");
                }
            }
        }
    }

    #[test]
    fn what_is_said_is_a_clause() {
        for rule in RULES.into_iter().flatten() {
            for text in [
                rule.symptom,
                rule.explanation,
                rule.advice,
                rule.administrator,
            ]
            .into_iter()
            .chain(rule.not_the_cause)
            {
                assert!(text.len() > 8, "{}: {text:?}", rule.id);
                assert!(!text.ends_with(['.', ';', ' ']), "{}: {text:?}", rule.id);
                assert!(!text.contains(['\n', '"']), "{}: {text:?}", rule.id);
            }
        }
    }

    #[test]
    fn short_names_differ() {
        for (index, id) in CauseId::ALL.iter().enumerate() {
            assert!(
                CauseId::ALL
                    .iter()
                    .skip(index + 1)
                    .all(|other| other.as_str() != id.as_str())
            );
        }
    }

    #[test]
    fn nothing_seen_is_nothing_said() {
        let unknown = diagnose(&Evidence::default(), None);
        assert_eq!(unknown, Diagnosis::default());
        assert_eq!(unknown.to_string(), "");
        assert_eq!(unknown.ending().to_string(), "");
    }

    const RULE: Rule = Rule {
        id: CauseId::Slow,
        symptom: "it hangs",
        explanation: "a firewall swallows it",
        not_the_cause: None,
        advice: "try another network",
        administrator: "look at the firewall",
        probe: Some(Probe::Later),
        all: &[],
        any: &[],
        none: &[],
        base: 50,
        more: &[],
    };

    /// A session in clear text in which not a byte came, and that failed so.
    fn weighed(rule: &Rule, kind: Option<FailureKind>) -> Option<Cause> {
        let evidence = Evidence::default();
        let failure = kind.map(|kind| Failure::new(kind, Some(Verb::List)));
        rule.weigh(&sign::Facts::new(&evidence, failure.as_ref()))
    }

    #[test]
    fn a_rule_holds_by_its_signs() {
        const THERE: Sign = Sign::NothingCame;
        const ABSENT: Sign = Sign::Secure;
        let both: &'static [Sign] = &[THERE, ABSENT];
        let (one, other): (&'static [Sign], &'static [Sign]) = (&[THERE], &[ABSENT]);
        let holds = |rule: Rule| weighed(&rule, None).is_some();
        assert!(holds(Rule { all: one, ..RULE }));
        assert!(!holds(Rule { all: both, ..RULE }));
        assert!(holds(Rule { any: both, ..RULE }));
        assert!(!holds(Rule { any: other, ..RULE }));
        assert!(holds(Rule {
            all: one,
            none: other,
            ..RULE
        }));
        assert!(!holds(Rule {
            all: one,
            none: both,
            ..RULE
        }));
        assert!(!holds(Rule {
            all: one,
            any: other,
            ..RULE
        }));
        assert!(!holds(Rule {
            all: other,
            any: one,
            ..RULE
        }));
    }

    #[test]
    fn what_makes_a_cause_likelier_adds_up_to_99_at_most() {
        let sure = |base, more: &'static [(Sign, u8)]| {
            let rule = Rule { base, more, ..RULE };
            weighed(&rule, None).unwrap().confidence.percent()
        };
        assert_eq!(sure(50, &[]), 50);
        assert_eq!(sure(50, &[(Sign::Secure, 30)]), 50);
        assert_eq!(
            sure(50, &[(Sign::NothingCame, 30), (Sign::NoTickets, 5)]),
            85
        );
        assert_eq!(sure(95, &[(Sign::NothingCame, 30)]), 99);
        assert_eq!(
            sure(95, &[(Sign::NothingCame, 200), (Sign::NoTickets, 200)]),
            99
        );
    }

    /// Also what only makes it likelier, and nothing that is no news.
    #[test]
    fn what_speaks_for_a_cause_is_told_once_each() {
        let rule = Rule {
            all: &[Sign::Transfer, Sign::NothingCame],
            any: &[Sign::Secure, Sign::NothingCame, Sign::Verb(&[Verb::List])],
            more: &[
                (Sign::NoTickets, 1),
                (Sign::Implicit, 1),
                (Sign::NothingCame, 1),
            ],
            ..RULE
        };
        let cause = weighed(&rule, Some(FailureKind::ControlClosed)).unwrap();
        assert_eq!(
            cause.evidence,
            [
                "not a single byte came",
                "it happened to LIST",
                "nothing was left to resume from",
            ]
        );
        assert_eq!((cause.id, cause.probe), (rule.id, rule.probe));
        assert_eq!(cause.administrator, rule.administrator);
    }

    #[test]
    fn of_several_causes_the_likeliest_is_the_first_and_each_has_a_line() {
        let mut evidence = Evidence::default();
        evidence.control.greeted = Some(Instant::from_millis(9000));
        evidence.control.bytes_in = 11;
        evidence.control.first_bytes = FirstBytesKept::of(b"SSH-2.0-x\r\n");
        let diagnosis = diagnose(&evidence, None);
        let [first, second] = diagnosis.causes() else {
            panic!("{diagnosis}");
        };
        assert_eq!((first.id, second.id), (CauseId::Ssh, CauseId::Slow));
        assert!(first.confidence > second.confidence);
        assert_eq!(diagnosis.first(), Some(first));
        assert_eq!(diagnosis.to_string(), alloc::format!("{first}\n{second}"));
        assert!(diagnosis.ending().to_string().contains(first.explanation));
        assert_eq!(first.id.to_string(), "SSH");
        assert_eq!(second.id.as_str(), "DX38");
    }

    #[test]
    fn how_sure_a_cause_is_can_be_said_in_words() {
        let words = [
            (30, "possible"),
            (LIKELY - 1, "possible"),
            (LIKELY, "likely"),
            (89, "likely"),
            (90, "almost certain"),
            (95, "almost certain"),
        ];
        for (percent, word) in words {
            let confidence = Confidence(percent);
            assert_eq!(confidence.to_string(), word, "{percent}");
            assert_eq!(confidence.percent(), percent);
        }
    }

    /// A doubtful cause is not told as if it were known.
    #[test]
    fn what_is_only_possible_is_said_to_be() {
        let cause = |confidence| Cause {
            id: CauseId::NothingMoves,
            confidence: Confidence(confidence),
            evidence: Vec::new(),
            symptom: "it hangs",
            explanation: "a firewall swallows it",
            not_the_cause: Some("not the port"),
            advice: "try another network",
            administrator: "look at the firewall",
            probe: None,
        };
        let (sure, unsure) = (cause(LIKELY), cause(LIKELY - 1));
        assert_eq!(
            Ending(Some(&sure)).to_string(),
            "; a firewall swallows it; try another network (not the port)"
        );
        assert_eq!(
            Ending(Some(&unsure)).to_string(),
            "; perhaps a firewall swallows it; try another network (not the port)"
        );
        assert_eq!(
            sure.to_string(),
            "it hangs: a firewall swallows it; try another network (not the port)"
        );
        let without = Cause {
            not_the_cause: None,
            ..sure
        };
        assert!(without.to_string().ends_with("; try another network"));
        assert!(Ending(Some(&without)).to_string().ends_with(" network"));
    }
}

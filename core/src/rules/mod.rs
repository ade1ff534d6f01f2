//! Role-neutral law: everything that affects a transition, and no idea of who we are.
//!
//! A machine reads its decisions from here; what it *wants* is policy and lives with the machine. Tables are data: what is absent is illegal.

pub mod data;
pub mod login;
pub mod replies;
pub mod secure;
pub mod transfer;

/// Every safety rule by name. A checker built with feature `model` can repeal one and must then find the violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// Nothing is said before an acceptable greeting.
    ListenFirst,
    /// A protection switch finds the receive buffer empty, or the session ends (RFC 4217 section 4; response injection).
    CleanSwitch,
    /// Only 234 starts TLS.
    Only234,
    /// No USER and no path in clear when the policy wants TLS.
    TlsBeforeLogin,
    /// A greeting that claims a login counts only in clear text by policy.
    GreetingIsNoLogin,
    /// When every AUTH method is refused, only an explicit policy value goes on in clear.
    ExhaustedFails,
    /// In clear for anonymous only: nobody else's name is sent.
    AnonymousOnly,
    /// A failed control handshake ends the session.
    HandshakeIsFinal,
    /// AUTH, CCC and REIN go out alone.
    Barrier,
    /// What was learned in one protection epoch is not known in the next.
    EpochForgets,
    /// A PROT level that the policy needs and the server refuses ends the session.
    ProtIsRequired,
    /// Data connections carry the protection acknowledged last.
    DataProtection,
    /// PASS goes out once per connection.
    PassOnce,
    /// The passive address is the control peer's.
    PeerAddress,
    /// No data connection to a low port.
    LowPort,
    /// An accepted data connection comes from the control peer.
    AcceptedPeer,
    /// Payload moves only after a preliminary or final positive reply; that of an eager upload after the command.
    FlowAfterReply,
    /// The verb decides the direction of payload.
    Direction,
    /// What changes the remote side rides behind nothing that may fail.
    ChangesRideAlone,
    /// A reply without an owner ends the session.
    Pairing,
    /// Success needs a positive completion reply.
    FinalReply,
    /// Success needs the end of the data connection.
    DataEnd,
    /// Success under TLS needs close_notify, or agreeing sizes and a policy that is content with that.
    CloseNotify,
    /// Success needs agreeing sizes where both are known.
    SizeAgrees,
    /// The size a preliminary reply names stands for that of SIZE only once both have agreed.
    AnnouncedSize,
    /// After CCC nothing secret and nothing about security is said.
    CccIsFinal,
    /// CCC only when the policy allows it.
    CccByPolicy,
    /// Reports of orders given up meanwhile are ignored.
    StaleReports,
    /// Each reply class that a command's table does not name is an error.
    ClassTable,
    /// Each waiting state has a deadline.
    Deadlines,
    /// The restart point counts only after 350.
    RestartAcknowledged,
    /// What the peer repeats of a password or an account is masked in every text.
    SecretsMasked,
    /// Nothing that needs a login happens without one.
    LoginFirst,
    /// No effect on the storage without the user's right to it.
    Authorised,
    /// A data connection without the protection that the policy wants carries nothing.
    PrivateData,
    /// Where the policy wants it, a data connection under TLS resumes the session of the control connection.
    SessionReuse,
    /// REST and RANG reach the next transfer command and no further.
    RestartOnce,
    /// RNTO follows RNFR.
    RenamePaired,
    /// An upload is committed only if it came whole.
    CommitWhole,
    /// An upload is confirmed only after it was committed.
    ConfirmCommitted,
    /// What was opened is closed exactly once.
    CloseOnce,
    /// A new PORT, PASV, EPRT or EPSV replaces the old one, listener and all.
    OneSetup,
    /// After EPSV ALL nothing else sets up a data connection.
    EpsvAll,
    /// Failed logins are counted, and the last one ends the session.
    LoginBudget,
    /// A failed login is answered at a time that does not depend on why it failed.
    FailureSchedule,
    /// Lines that are no commands are counted, and the last one ends the session.
    ErrorBudget,
    /// A client of another protocol gets no answer.
    ForeignSilence,
    /// Commands and replies that wait are bounded: nothing is read while there are too many.
    Backpressure,
    /// A name from a listing is one plain name, on either side.
    PlainNames,
    /// No link is followed.
    NoLinks,
    /// Of several things with one name and different kinds none is taken.
    OneOfAName,
    /// A directory that was met on the way to itself is not gone into.
    NoCircles,
    /// Trees end at a bounded depth.
    BoundedDepth,
    /// A thing that does not succeed is given up after a bounded number of attempts.
    BoundedAttempts,
    /// What was left of an earlier attempt is gone on with only if it is of the same version of the file.
    ResumeSame,
    /// A file gets its name only when nothing speaks against it being whole.
    PublishWhole,
    /// What is extraneous is deleted only when everything else has succeeded.
    DeleteLast,
    /// Nothing is deleted for being absent from a directory that could not be read whole.
    DeleteKnown,
    /// What the filter leaves alone is not deleted.
    SpareFiltered,
    /// A directory is deleted after everything in it.
    ContentsFirst,
    /// A dry run changes nothing.
    DryRun,
}

impl Rule {
    /// Every rule a client keeps, for checkers.
    pub const CLIENT: &'static [Rule] = &[
        Rule::ListenFirst,
        Rule::CleanSwitch,
        Rule::Only234,
        Rule::TlsBeforeLogin,
        Rule::GreetingIsNoLogin,
        Rule::ExhaustedFails,
        Rule::AnonymousOnly,
        Rule::HandshakeIsFinal,
        Rule::Barrier,
        Rule::EpochForgets,
        Rule::ProtIsRequired,
        Rule::DataProtection,
        Rule::PassOnce,
        Rule::PeerAddress,
        Rule::LowPort,
        Rule::AcceptedPeer,
        Rule::FlowAfterReply,
        Rule::Direction,
        Rule::ChangesRideAlone,
        Rule::Pairing,
        Rule::FinalReply,
        Rule::DataEnd,
        Rule::CloseNotify,
        Rule::SizeAgrees,
        Rule::AnnouncedSize,
        Rule::CccIsFinal,
        Rule::CccByPolicy,
        Rule::StaleReports,
        Rule::ClassTable,
        Rule::Deadlines,
        Rule::RestartAcknowledged,
        Rule::SecretsMasked,
    ];

    /// Every rule a server keeps, for checkers.
    pub const SERVER: &'static [Rule] = &[
        Rule::CleanSwitch,
        Rule::TlsBeforeLogin,
        Rule::HandshakeIsFinal,
        Rule::EpochForgets,
        Rule::DataProtection,
        Rule::PeerAddress,
        Rule::LowPort,
        Rule::AcceptedPeer,
        Rule::FlowAfterReply,
        Rule::Direction,
        Rule::CloseNotify,
        Rule::CccIsFinal,
        Rule::CccByPolicy,
        Rule::StaleReports,
        Rule::Deadlines,
        Rule::LoginFirst,
        Rule::Authorised,
        Rule::PrivateData,
        Rule::SessionReuse,
        Rule::RestartOnce,
        Rule::RenamePaired,
        Rule::CommitWhole,
        Rule::ConfirmCommitted,
        Rule::CloseOnce,
        Rule::OneSetup,
        Rule::EpsvAll,
        Rule::LoginBudget,
        Rule::FailureSchedule,
        Rule::ErrorBudget,
        Rule::ForeignSilence,
        Rule::Backpressure,
        Rule::SecretsMasked,
    ];

    /// Every rule that what is done with whole trees keeps, for checkers.
    pub const TREE: &'static [Rule] = &[
        Rule::PlainNames,
        Rule::NoLinks,
        Rule::OneOfAName,
        Rule::NoCircles,
        Rule::BoundedDepth,
        Rule::BoundedAttempts,
        Rule::ResumeSame,
        Rule::PublishWhole,
        Rule::DeleteLast,
        Rule::DeleteKnown,
        Rule::SpareFiltered,
        Rule::ContentsFirst,
        Rule::DryRun,
    ];
}

/// The rules in force. Outside of checkers that is all of them, known at compile time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Law {
    #[cfg(feature = "model")]
    repealed: Option<Rule>,
}

impl Law {
    /// All rules but one: the mutant a checker must catch.
    #[cfg(feature = "model")]
    #[must_use]
    pub fn without(rule: Rule) -> Self {
        Law {
            repealed: Some(rule),
        }
    }

    /// Whether `rule` is in force.
    #[must_use]
    #[inline]
    pub fn holds(self, rule: Rule) -> bool {
        #[cfg(feature = "model")]
        {
            self.repealed != Some(rule)
        }
        #[cfg(not(feature = "model"))]
        {
            let _ = rule;
            true
        }
    }
}

#[cfg(feature = "model")]
#[cfg(test)]
mod tests {
    //! A checker is worth what a repealed rule changes: each in its place, and in no other.

    use super::data::{Bounce, Payload, may_connect, may_serve};
    use super::secure::{AuthAnswer, Protection, auth_answer};
    use super::transfer::{Answer, Evidence, Receipt, Verdict, received, verdict};
    use super::{Law, Rule};
    use crate::order::{DataEnd, Fault};
    use crate::wire::command::ProtectionLevel;
    use crate::wire::reply::Code;

    fn code(value: u16) -> Code {
        Code::new(value).unwrap()
    }

    #[test]
    fn a_repealed_rule_holds_no_more_and_the_others_do() {
        for rule in [Rule::CLIENT, Rule::SERVER, Rule::TREE].concat() {
            assert!(Law::default().holds(rule));
            let law = Law::without(rule);
            for other in [Rule::CLIENT, Rule::SERVER, Rule::TREE].concat() {
                assert_eq!(law.holds(other), other != rule);
            }
        }
    }

    #[test]
    fn without_the_rule_of_234_any_positive_reply_starts_tls() {
        let law = Law::without(Rule::Only234);
        for (value, wanted) in [
            (200, AuthAnswer::Start),
            (334, AuthAnswer::Start),
            (399, AuthAnswer::Start),
            (150, AuthAnswer::Unknown),
            (421, AuthAnswer::Closing),
            (500, AuthAnswer::Refused),
        ] {
            assert_eq!(auth_answer(law, code(value), false), wanted, "{value}");
        }
    }

    #[test]
    fn without_protection_of_data_prot_p_changes_nothing() {
        let mut protection = Protection::default();
        assert!(!protection.data_is_private(Law::default()));
        protection.data = Some(ProtectionLevel::Private);
        assert!(protection.data_is_private(Law::default()));
        assert!(!protection.data_is_private(Law::without(Rule::DataProtection)));
    }

    #[test]
    fn without_the_rules_of_addresses_and_ports_anyone_is_connected() {
        let [peer, other] = ["192.0.2.7", "192.0.2.8"].map(|text| text.parse().unwrap());
        let connects = |rule, to| may_connect(Law::without(rule), peer, &[], 1024, to);
        assert_eq!(connects(Rule::PeerAddress, (other, 2000)), Ok(()));
        assert_eq!(
            connects(Rule::PeerAddress, (other, 20)),
            Err(Bounce::LowPort)
        );
        assert_eq!(connects(Rule::LowPort, (peer, 20)), Ok(()));
        assert_eq!(connects(Rule::LowPort, (other, 20)), Err(Bounce::Stranger));
        assert!(may_serve(
            Law::without(Rule::AcceptedPeer),
            peer,
            &[],
            other
        ));
        assert!(!may_serve(Law::without(Rule::LowPort), peer, &[], other));
    }

    #[test]
    fn without_the_rule_of_the_reply_payload_moves_at_any_time() {
        let law = Law::without(Rule::FlowAfterReply);
        for answer in [Answer::Awaited, Answer::Lost, Answer::Final(code(550))] {
            assert!(answer.lets_flow(law, false));
            assert!(!answer.lets_flow(Law::default(), false));
        }
        for answer in [Answer::Preliminary, Answer::Final(code(226))] {
            assert!(answer.lets_flow(Law::default(), false));
            assert!(answer.lets_flow(Law::default(), true));
        }
    }

    #[test]
    fn an_eager_upload_flows_before_the_answer_and_not_against_it() {
        assert!(Answer::Awaited.lets_flow(Law::default(), true));
        for answer in [
            Answer::Lost,
            Answer::Final(code(550)),
            Answer::Final(code(332)),
        ] {
            assert!(!answer.lets_flow(Law::default(), true));
        }
    }

    #[test]
    fn without_a_rule_of_evidence_a_transfer_passes_for_whole() {
        let whole = Evidence {
            payload: Payload::FileIn,
            answer: Answer::Final(code(226)),
            end: Some(DataEnd::CloseNotify),
            protected: true,
            bytes: 10,
            expected: None,
            tolerate_missing_close_notify: false,
            source_ended: false,
            bare_listing: false,
            announced: true,
        };
        let short = Evidence {
            expected: Some(11),
            ..whole
        };
        let refused = Evidence {
            answer: Answer::Final(code(451)),
            ..whole
        };
        let cut = Evidence {
            end: Some(DataEnd::Fin),
            ..whole
        };
        let absent = Evidence { end: None, ..whole };
        for (rule, evidence, otherwise) in [
            (Rule::SizeAgrees, short, Verdict::Truncated),
            (Rule::FinalReply, refused, Verdict::Failed),
            (Rule::CloseNotify, cut, Verdict::Truncated),
            (Rule::DataEnd, absent, Verdict::Truncated),
        ] {
            assert_eq!(verdict(Law::without(rule), &evidence), Verdict::Complete);
            assert_eq!(verdict(Law::default(), &evidence), otherwise, "{rule:?}");
        }
        let taken = |rule, end| received(Law::without(rule), end, true, false);
        let reset = DataEnd::Failed(Fault::Reset);
        assert_eq!(
            taken(Rule::CloseNotify, DataEnd::Fin),
            Receipt::WholeWithoutCloseNotify
        );
        assert_eq!(taken(Rule::CloseNotify, reset), Receipt::Cut);
        assert_eq!(taken(Rule::CommitWhole, reset), Receipt::Whole);
    }
}

//! The join of data end and control replies, and the verdict.
//!
//! `226` can come before the end of the data, `150` before or after the connection, `421` at any time. So the two sides are kept
//! apart and joined in one place, here, for every transfer verb, in either order.

use super::data::Payload;
use super::{Law, Rule};
use crate::order::{DataEnd, FlowEnd};
use crate::wire::reply::{Class, Code};

/// What the control connection has said about a transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Nothing yet.
    #[default]
    Awaited,
    /// A preliminary reply.
    Preliminary,
    /// The final reply.
    Final(Code),
    /// There will be none: 421, or the control connection is gone.
    Lost,
}

impl Answer {
    /// Whether nothing more will be said.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Answer::Final(_) | Answer::Lost)
    }

    /// Whether the final reply is positive.
    #[must_use]
    pub fn is_completion(self) -> bool {
        matches!(self, Answer::Final(code) if code.class() == Class::Completion)
    }

    /// Whether payload may move: the peer has said that it takes or sends it. That of an `eager` upload is on its way before.
    #[must_use]
    pub fn lets_flow(self, law: Law, eager: bool) -> bool {
        match self {
            _ if !law.holds(Rule::FlowAfterReply) => true,
            Answer::Awaited => eager,
            Answer::Preliminary => true,
            Answer::Final(_) | Answer::Lost => self.is_completion(),
        }
    }
}

/// Everything a verdict is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Evidence {
    /// What kind of payload.
    pub payload: Payload,
    /// The control side.
    pub answer: Answer,
    /// The data side; `None` if no data connection came to be.
    pub end: Option<DataEnd>,
    /// Whether the data connection was under TLS.
    pub protected: bool,
    /// Payload bytes moved.
    pub bytes: u64,
    /// Bytes expected, where known.
    pub expected: Option<u64>,
    /// Whether a missing close_notify is tolerated when the sizes agree.
    pub tolerate_missing_close_notify: bool,
    /// Uploads: the whole source was handed over.
    pub source_ended: bool,
    /// A listing of the working directory, asked for without an argument: a 450 or 550 says it is empty.
    pub bare_listing: bool,
    /// Whether a preliminary reply came.
    pub announced: bool,
}

/// What became of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Whole, by final reply, end of data and size where known.
    Complete,
    /// Whole by final reply and size; the peer's close_notify is missing and the policy is content with that.
    CompleteWithoutCloseNotify,
    /// Nothing was to be moved: the peer refused to list an empty directory, or completed without a data connection.
    Empty,
    /// Final reply positive, but the data ended early or the sizes differ.
    Truncated,
    /// More came than was announced.
    Longer,
    /// All data moved, its end is clean, but the final reply never came.
    Unconfirmed,
    /// The peer refused or broke it off.
    Failed,
}

/// The verdict table.
#[must_use]
pub fn verdict(law: Law, evidence: &Evidence) -> Verdict {
    let sizes = match evidence.expected {
        Some(expected) if evidence.bytes < expected => Sizes::Less,
        Some(expected) if evidence.bytes > expected => Sizes::More,
        Some(_) => Sizes::Agree,
        None => Sizes::Unknown,
    };
    let sizes = if law.holds(Rule::SizeAgrees) {
        sizes
    } else {
        Sizes::Unknown
    };
    match evidence.answer {
        answer if answer.is_completion() => completed(law, evidence, sizes),
        Answer::Final(_) if !law.holds(Rule::FinalReply) => completed(law, evidence, sizes),
        Answer::Final(code) if empty_by_refusal(evidence, code) => Verdict::Empty,
        Answer::Lost if whole_without_reply(evidence, sizes) => Verdict::Unconfirmed,
        _ => Verdict::Failed,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sizes {
    Agree,
    Less,
    More,
    Unknown,
}

fn completed(law: Law, evidence: &Evidence, sizes: Sizes) -> Verdict {
    match evidence.end {
        _ if sizes == Sizes::Less => Verdict::Truncated,
        _ if sizes == Sizes::More => Verdict::Longer,
        // A positive reply to an upload whose source was not read to its end is about something else.
        _ if evidence.payload == Payload::FileOut && !evidence.source_ended => Verdict::Truncated,
        Some(DataEnd::CloseNotify) => Verdict::Complete,
        Some(DataEnd::Fin) if !evidence.protected => Verdict::Complete,
        // Under TLS, FIN alone may be a cut. An upload is different: the peer has the bytes and says so, though not every peer knows better.
        Some(DataEnd::Fin)
            if evidence.payload == Payload::FileOut && evidence.tolerate_missing_close_notify =>
        {
            Verdict::CompleteWithoutCloseNotify
        }
        Some(DataEnd::Fin) if !law.holds(Rule::CloseNotify) => Verdict::Complete,
        Some(DataEnd::Fin) if sizes == Sizes::Agree && evidence.tolerate_missing_close_notify => {
            Verdict::CompleteWithoutCloseNotify
        }
        Some(_) => Verdict::Truncated,
        // A preliminary reply promises a data connection: whoever made it, it was not us.
        None if evidence.payload == Payload::ListIn && !evidence.announced => Verdict::Empty,
        None if !law.holds(Rule::DataEnd) => Verdict::Complete,
        None if evidence.payload == Payload::FileIn && sizes == Sizes::Agree => Verdict::Empty,
        None => Verdict::Truncated,
    }
}

fn empty_by_refusal(evidence: &Evidence, code: Code) -> bool {
    evidence.payload == Payload::ListIn
        && evidence.bare_listing
        && evidence.bytes == 0
        && matches!(code.value(), 450 | 550)
}

fn whole_without_reply(evidence: &Evidence, sizes: Sizes) -> bool {
    let clean = match evidence.end {
        Some(DataEnd::CloseNotify) => true,
        Some(DataEnd::Fin) => !evidence.protected || sizes == Sizes::Agree,
        _ => false,
    };
    match evidence.payload {
        Payload::FileIn => clean && sizes == Sizes::Agree,
        Payload::ListIn => clean && evidence.announced,
        Payload::FileOut => clean && evidence.source_ended && sizes != Sizes::Less,
    }
}

/// What the receiver of a file knows when its data connection has ended, and there is no reply to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Receipt {
    /// It ended as it must.
    Whole,
    /// Under TLS the sender's close_notify is missing, and the policy is content with that.
    WholeWithoutCloseNotify,
    /// It was cut.
    Cut,
    /// Our own storage failed.
    Local,
}

/// The receiver's verdict on an upload (RFC 959 section 3.4: in stream mode the end of the connection is the end of the file).
#[must_use]
pub fn received(
    law: Law,
    end: DataEnd,
    protected: bool,
    tolerate_missing_close_notify: bool,
) -> Receipt {
    match end {
        DataEnd::CloseNotify => Receipt::Whole,
        DataEnd::Fin if !protected => Receipt::Whole,
        DataEnd::Fin if tolerate_missing_close_notify || !law.holds(Rule::CloseNotify) => {
            Receipt::WholeWithoutCloseNotify
        }
        DataEnd::Local => Receipt::Local,
        _ if !law.holds(Rule::CommitWhole) => Receipt::Whole,
        _ => Receipt::Cut,
    }
}

/// The sender's verdict on a download: all of it was handed over, and the receiver closed in order.
#[must_use]
pub fn sent(end: &FlowEnd) -> Receipt {
    match end.end {
        DataEnd::Local => Receipt::Local,
        DataEnd::CloseNotify | DataEnd::Fin if end.source_ended => Receipt::Whole,
        _ => Receipt::Cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::Fault;

    #[test]
    fn an_upload_is_received_whole_only_if_its_connection_ended_as_it_must() {
        let law = Law::default();
        for protected in [false, true] {
            for tolerate in [false, true] {
                let judged = |end| received(law, end, protected, tolerate);
                assert_eq!(judged(DataEnd::CloseNotify), Receipt::Whole);
                assert_eq!(judged(DataEnd::Local), Receipt::Local);
                assert_eq!(judged(DataEnd::Failed(Fault::Reset)), Receipt::Cut);
                let fin = match (protected, tolerate) {
                    (false, _) => Receipt::Whole,
                    (true, true) => Receipt::WholeWithoutCloseNotify,
                    (true, false) => Receipt::Cut,
                };
                assert_eq!(judged(DataEnd::Fin), fin);
            }
        }
    }

    #[test]
    fn a_download_is_whole_only_if_all_was_sent() {
        let judged = |end, source_ended| {
            sent(&FlowEnd {
                bytes: 1,
                source_ended,
                end,
            })
        };
        assert_eq!(judged(DataEnd::Fin, true), Receipt::Whole);
        assert_eq!(judged(DataEnd::CloseNotify, true), Receipt::Whole);
        assert_eq!(judged(DataEnd::Fin, false), Receipt::Cut);
        assert_eq!(judged(DataEnd::Failed(Fault::Reset), true), Receipt::Cut);
        assert_eq!(judged(DataEnd::Local, false), Receipt::Local);
    }

    fn base() -> Evidence {
        Evidence {
            payload: Payload::FileIn,
            answer: Answer::Final(Code::new(226).unwrap()),
            end: Some(DataEnd::CloseNotify),
            protected: true,
            bytes: 10,
            expected: None,
            tolerate_missing_close_notify: true,
            source_ended: false,
            bare_listing: false,
            announced: true,
        }
    }

    fn judged(change: impl FnOnce(&mut Evidence)) -> Verdict {
        let mut evidence = base();
        change(&mut evidence);
        verdict(Law::default(), &evidence)
    }

    #[test]
    fn a_completion_reply_with_a_clean_end_is_complete_unless_sizes_differ() {
        assert_eq!(judged(|_| ()), Verdict::Complete);
        assert_eq!(judged(|e| e.expected = Some(10)), Verdict::Complete);
        assert_eq!(judged(|e| e.expected = Some(11)), Verdict::Truncated);
        assert_eq!(judged(|e| e.expected = Some(9)), Verdict::Longer);
    }

    #[test]
    fn fin_is_the_end_in_clear_and_a_suspicion_under_tls() {
        let fin = |e: &mut Evidence| e.end = Some(DataEnd::Fin);
        assert_eq!(judged(fin), Verdict::Truncated);
        assert_eq!(
            judged(|e| {
                fin(e);
                e.protected = false;
            }),
            Verdict::Complete
        );
        assert_eq!(
            judged(|e| {
                fin(e);
                e.expected = Some(10);
            }),
            Verdict::CompleteWithoutCloseNotify
        );
        assert_eq!(
            judged(|e| {
                fin(e);
                e.expected = Some(10);
                e.tolerate_missing_close_notify = false;
            }),
            Verdict::Truncated
        );
    }

    #[test]
    fn a_broken_data_connection_is_never_complete() {
        for end in [
            DataEnd::Failed(Fault::Reset),
            DataEnd::Local,
            DataEnd::Tls(crate::order::TlsFault::Corrupt),
        ] {
            assert_eq!(judged(|e| e.end = Some(end)), Verdict::Truncated);
        }
    }

    #[test]
    fn an_upload_is_complete_only_when_the_whole_source_was_handed_over() {
        let upload = |e: &mut Evidence| e.payload = Payload::FileOut;
        assert_eq!(judged(upload), Verdict::Truncated);
        assert_eq!(
            judged(|e| {
                upload(e);
                e.source_ended = true;
            }),
            Verdict::Complete
        );
        assert_eq!(
            judged(|e| {
                upload(e);
                e.source_ended = true;
                e.end = Some(DataEnd::Fin);
            }),
            Verdict::CompleteWithoutCloseNotify
        );
        assert_eq!(
            judged(|e| {
                upload(e);
                e.source_ended = true;
                e.end = Some(DataEnd::Fin);
                e.tolerate_missing_close_notify = false;
            }),
            Verdict::Truncated
        );
    }

    #[test]
    fn a_negative_final_reply_fails_whatever_moved() {
        for code in [425, 426, 450, 451, 550, 552] {
            assert_eq!(
                judged(|e| e.answer = Answer::Final(Code::new(code).unwrap())),
                Verdict::Failed
            );
        }
    }

    #[test]
    fn a_lost_control_connection_leaves_whole_data_unconfirmed() {
        let lost = |e: &mut Evidence| e.answer = Answer::Lost;
        assert_eq!(judged(lost), Verdict::Failed);
        assert_eq!(
            judged(|e| {
                lost(e);
                e.expected = Some(10);
            }),
            Verdict::Unconfirmed
        );
        assert_eq!(
            judged(|e| {
                lost(e);
                e.expected = Some(10);
                e.end = Some(DataEnd::Failed(Fault::Reset));
            }),
            Verdict::Failed
        );
    }

    #[test]
    fn a_file_known_to_be_empty_needs_no_data_connection() {
        let empty = |e: &mut Evidence| {
            e.bytes = 0;
            e.end = None;
            e.expected = Some(0);
        };
        assert_eq!(judged(empty), Verdict::Empty);
        assert_eq!(
            judged(|e| {
                empty(e);
                e.expected = None;
            }),
            Verdict::Truncated
        );
    }

    #[test]
    fn an_empty_directory_is_empty_in_every_form() {
        let listing = |e: &mut Evidence| {
            e.payload = Payload::ListIn;
            e.bytes = 0;
            e.end = None;
            e.announced = false;
        };
        assert_eq!(judged(listing), Verdict::Empty);
        // What was announced went somewhere.
        let announced = |e: &mut Evidence| {
            listing(e);
            e.announced = true;
        };
        assert_eq!(judged(announced), Verdict::Truncated);
        for code in [450, 550] {
            let refused = |e: &mut Evidence| {
                listing(e);
                e.answer = Answer::Final(Code::new(code).unwrap());
            };
            assert_eq!(judged(refused), Verdict::Failed);
            assert_eq!(
                judged(|e| {
                    refused(e);
                    e.bare_listing = true;
                }),
                Verdict::Empty
            );
        }
    }

    /// The row "none (control lost, 421)": never whole, and unconfirmed only if all that can be known without a reply speaks for it.
    #[test]
    fn without_a_final_reply_a_transfer_is_unconfirmed_at_best() {
        let ends = [
            (Some(DataEnd::CloseNotify), false, true),
            (Some(DataEnd::CloseNotify), true, true),
            (Some(DataEnd::Fin), false, true),
            (Some(DataEnd::Fin), true, false),
            (None, false, false),
        ];
        for (end, protected, clean) in ends {
            for (expected, agrees) in [
                (Some(10), true),
                (None, false),
                (Some(11), false),
                (Some(9), false),
            ] {
                for payload in [Payload::FileIn, Payload::ListIn, Payload::FileOut] {
                    for (source_ended, announced) in
                        [(false, false), (false, true), (true, false), (true, true)]
                    {
                        let found = judged(|evidence| {
                            evidence.answer = Answer::Lost;
                            evidence.payload = payload;
                            evidence.end = end;
                            evidence.protected = protected;
                            evidence.expected = expected;
                            evidence.source_ended = source_ended;
                            evidence.announced = announced;
                        });
                        // Without close_notify only the size can tell that nothing is missing.
                        let clean = clean || (end == Some(DataEnd::Fin) && agrees);
                        let all = match payload {
                            Payload::FileIn => agrees,
                            Payload::ListIn => announced,
                            Payload::FileOut => source_ended && expected != Some(11),
                        };
                        assert_eq!(
                            found == Verdict::Unconfirmed,
                            clean && all,
                            "{payload:?} {end:?} {protected} {expected:?} {source_ended} {announced}"
                        );
                        assert!(!matches!(
                            found,
                            Verdict::Complete | Verdict::CompleteWithoutCloseNotify
                        ));
                    }
                }
            }
        }
    }
}

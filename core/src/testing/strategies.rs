//! Strategies for `proptest`, and `any::<T>()` for every value of [`crate::testing`].
//!
//! A rule of one's own, tested: here one that chooses a policy by the host, and must never let a password leave in clear text for a host
//! that is not on the local network, whatever the server says and the network does.
//!
//! ```
//! use core::net::IpAddr;
//! use ftp_proto::client::{ClearText, Security};
//! use ftp_proto::testing::strategies;
//! use ftp_proto::Config;
//! use proptest::prelude::*;
//!
//! /// The rule under test.
//! fn policy(host: IpAddr) -> Config {
//!     let mut config = Config::default();
//!     if matches!(host, IpAddr::V4(host) if host.is_private()) {
//!         config.security = Security::required().or_clear(ClearText::Everybody);
//!     }
//!     config
//! }
//!
//! proptest!(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) }, |(
//!     host: [u8; 4],
//!     dialogue in strategies::dialogue(),
//! )| {
//!     let host = IpAddr::from(host);
//!     let local = matches!(host, IpAddr::V4(host) if host.is_private());
//!     let story = dialogue.play(policy(host), host);
//!     for (line, secure) in story.lines() {
//!         prop_assert!(secure || local || !line.starts_with(b"PASS"));
//!     }
//! });
//! ```
//!
//! And one that waits for nothing but a reply of its class:
//!
//! ```
//! use ftp_proto::testing::strategies;
//! use ftp_proto::wire::reply::{Class, ReplyReader};
//! use proptest::prelude::*;
//!
//! proptest!(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) }, |(
//!     reply in strategies::reply_of(Class::TransientNegative),
//! )| {
//!     let mut reader = ReplyReader::new(8192, 65536, 100);
//!     reader.push(&reply.to_bytes());
//!     let read = reader.next_reply().unwrap().unwrap();
//!     prop_assert_eq!(read.class(), Class::TransientNegative);
//!     prop_assert_eq!(read.text(), reply.text());
//! });
//! ```

use alloc::vec::Vec;
use core::fmt::Debug;

use ::arbitrary::{Arbitrary, Unstructured};
use proptest::arbitrary::any;
use proptest::collection::vec;
use proptest::strategy::{BoxedStrategy, Just, Strategy};

use crate::client::{
    AuthMethod, Batching, ClearText, Config, DataMode, DataModes, MissingCloseNotify,
    PassiveAddress, Security, SizeCheck, SpentTickets, TransferOptions,
};
use crate::limits::Limits;
use crate::order::{Fault, Tickets, TlsFacts, TlsFault};
use crate::wire::command::{Command, Mode, Path, ProtectionLevel, Structure, Type, Verb};
use crate::wire::date::Timestamp;
use crate::wire::extended::ExtendedAddress;
use crate::wire::features::FeatureSet;
use crate::wire::host_port::HostPort;
use crate::wire::reply::{Class, Code};

use super::{Answer, Call, Dialogue, Form, Outcome, Spoken};

/// Values of any type that can be made of bytes, out of up to `bytes` of them. They shrink with the bytes: fewer, and smaller ones.
pub fn drawn<T>(bytes: usize) -> impl Strategy<Value = T>
where
    T: for<'a> Arbitrary<'a> + Debug + 'static,
{
    vec(any::<u8>(), 0..=bytes).prop_filter_map("no value of these bytes", |bytes| {
        T::arbitrary(&mut Unstructured::new(&bytes)).ok()
    })
}

/// Whole sessions: a login and up to six requests behind it.
pub fn dialogue() -> impl Strategy<Value = Dialogue> {
    let sides = (
        weighted(0.2, answer().boxed()),
        vec(call(), 0..=6),
        vec(answer(), 0..=24),
        vec(drawn::<Outcome>(4), 0..=12),
    );
    let network = (
        vec(any::<u8>(), 0..=40),
        vec(any::<u8>(), 0..=4),
        0..=2000_u64,
    );
    let who = (weighted(0.2, Just(true).boxed()), any::<bool>());
    (sides, network, who).prop_map(
        |((greeting, requests, answers, outcomes), (schedule, pieces, size), (alice, account))| {
            let mut dialogue = Dialogue {
                greeting,
                answers,
                outcomes,
                schedule,
                pieces,
                size,
                ..Dialogue::default()
            };
            let user = if alice { &b"alice"[..] } else { b"ftp" };
            dialogue.calls.push(Call::login(user, account));
            dialogue.calls.extend(requests);
            dialogue
        },
    )
}

/// `other` so often, and the default else.
fn weighted<T: Clone + Debug + Default + 'static>(
    often: f64,
    other: BoxedStrategy<T>,
) -> impl Strategy<Value = T> {
    proptest::option::weighted(often, other).prop_map(Option::unwrap_or_default)
}

/// Policies.
pub fn config() -> impl Strategy<Value = Config> {
    drawn(60)
}

/// Protection policies.
pub fn security() -> impl Strategy<Value = Security> {
    drawn(16)
}

/// Replies of every code, text and form.
pub fn reply() -> impl Strategy<Value = Spoken> {
    drawn(120)
}

/// Replies of one class.
pub fn reply_of(class: Class) -> impl Strategy<Value = Spoken> {
    (reply(), 0..100_u16).prop_map(move |(mut reply, rest)| {
        let number = u16::from(class.digit()) * 100 + rest;
        if let Some(code) = Code::new(number) {
            reply.code = code;
        }
        reply
    })
}

/// Requests, some with arguments that must be refused.
pub fn call() -> impl Strategy<Value = Call> {
    drawn(60)
}

/// Answers of a server to one command.
pub fn answer() -> impl Strategy<Value = Answer> {
    drawn(60)
}

/// Command lines without line ends, as a client sends them. [`Command::parse`] reads them back.
pub fn command_line() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=80).prop_filter_map("a command that cannot be written", |bytes| {
        let command = Command::arbitrary(&mut Unstructured::new(&bytes)).ok()?;
        let mut line = Vec::new();
        command.encode(&mut line, 1024).ok()?;
        line.truncate(line.len() - b"\r\n".len());
        Some(line)
    })
}

/// Path names that can be sent: not empty, no CR, LF, NUL.
pub fn path() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 1..=40).prop_filter_map("no path", |bytes| {
        Path::arbitrary(&mut Unstructured::new(&bytes))
            .ok()
            .map(|path| path.as_bytes().to_vec())
    })
}

impl proptest::arbitrary::Arbitrary for Dialogue {
    type Parameters = ();
    type Strategy = BoxedStrategy<Dialogue>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        dialogue().boxed()
    }
}

macro_rules! any {
    ($($type:ty: $bytes:literal,)+) => {$(
        impl proptest::arbitrary::Arbitrary for $type {
            type Parameters = ();
            type Strategy = BoxedStrategy<$type>;

            fn arbitrary_with((): ()) -> Self::Strategy {
                drawn($bytes).boxed()
            }
        }
    )+};
}

any! {
    Config: 60,
    Security: 16,
    Limits: 40,
    DataModes: 8,
    AuthMethod: 1,
    DataMode: 1,
    ClearText: 1,
    PassiveAddress: 1,
    Batching: 1,
    SizeCheck: 1,
    SpentTickets: 1,
    MissingCloseNotify: 1,
    Form: 1,
    Spoken: 120,
    Call: 60,
    Answer: 60,
    Outcome: 4,
    TransferOptions: 24,
    Code: 4,
    Verb: 2,
    Type: 2,
    Structure: 1,
    Mode: 1,
    ProtectionLevel: 1,
    Timestamp: 16,
    HostPort: 8,
    ExtendedAddress: 20,
    FeatureSet: 16,
    Fault: 1,
    TlsFault: 2,
    TlsFacts: 4,
    Tickets: 2,
}

#[cfg(test)]
mod tests {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    use super::*;

    fn samples<T: Debug>(strategy: &impl Strategy<Value = T>, count: usize) -> Vec<T> {
        let mut runner = TestRunner::deterministic();
        (0..count)
            .map(|_| strategy.new_tree(&mut runner).unwrap().current())
            .collect()
    }

    #[test]
    fn policies_of_every_kind_of_protection_are_drawn() {
        let policies = samples(&security(), 200);
        let implicit = policies.iter().filter(|policy| policy.is_implicit());
        let clear = policies.iter().filter(|policy| policy.is_clear());
        let counts = (implicit.count(), clear.count());
        assert!(counts.0 > 10 && counts.1 > 10, "{counts:?}");
        assert!(policies.iter().any(Security::ccc_allowed));
    }

    /// Whatever is drawn comes to an end.
    #[test]
    fn a_dialogue_is_a_value_like_any_other() {
        let peer = "192.0.2.1".parse().unwrap();
        for dialogue in samples(&any::<Dialogue>(), 50) {
            let story = dialogue.play(Config::default(), peer);
            for (line, secure) in story.lines() {
                assert!(secure || !line.starts_with(b"PASS"));
            }
        }
    }
}

//! What a client is told before it starts. Only the caller lowers protection, here, and never the network.

use core::time::Duration;

use crate::error::{Malformed, Refusal};
use crate::limits::Limits;
use crate::wire::command::ProtectionLevel;

/// Everything a session is told before it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Config {
    /// Protection of control and data connection.
    pub security: Security,
    /// How data connections are set up, in order of preference.
    pub data_modes: DataModes,
    /// Which host a passive reply may point to.
    pub passive_address: PassiveAddress,
    /// Whether independent commands leave in one write.
    pub batching: Batching,
    /// Whether SIZE is asked before RETR.
    pub size_check: SizeCheck,
    /// What a transfer under TLS is worth whose data connection the server ends without close_notify.
    pub missing_close_notify: MissingCloseNotify,
    /// What is done when a TLS session that data connections have resumed can be resumed no more.
    pub spent_tickets: SpentTickets,
    /// NOOP after this much time without a reply during a transfer; `None` for none.
    pub keepalive: Option<Duration>,
    /// The bounds.
    pub limits: Limits,
}

/// Protection: required on control and data connection unless built otherwise.
///
/// ```
/// use ftp_proto::client::{AuthMethod, ClearText, Security};
/// let default = Security::required();
/// assert_eq!(default, Security::default());
/// let only_tls = Security::required().methods(&[AuthMethod::Tls])?;
/// let tolerant = Security::required().or_clear(ClearText::Anonymous);
/// # Ok::<(), ftp_proto::Refusal>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Security {
    start: Start,
    methods: Ordered<AuthMethod>,
    exhausted: Option<ClearText>,
    data: ProtectionLevel,
    ccc: bool,
    accept_334: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Start {
    Explicit,
    Implicit,
    Clear,
}

/// A way to ask for TLS on the control connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthMethod {
    /// `AUTH TLS` (RFC 4217).
    Tls,
    /// `AUTH SSL`, deprecated.
    Ssl,
    /// `AUTH TLS-C`, another spelling of TLS.
    TlsC,
    /// `AUTH TLS-P`, TLS with an implied data level that is never relied on.
    TlsP,
}

/// The explicit value that allows clear text, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClearText {
    /// For the users `anonymous` and `ftp` only.
    Anonymous,
    /// For everybody: passwords and files can be read by anyone on the way.
    Everybody,
}

/// A way to set up a data connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataMode {
    /// Extended passive (RFC 2428).
    Epsv,
    /// Passive (RFC 959); IPv4 only.
    Pasv,
    /// Extended active (RFC 2428).
    Eprt,
    /// Active (RFC 959); IPv4 only.
    Port,
}

/// Data modes in order of preference. By default EPSV, then PASV.
pub type DataModes = Ordered<DataMode>;

/// Up to four distinct values in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ordered<T> {
    slots: [Option<T>; 4],
}

/// Which host a passive reply may point to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PassiveAddress {
    /// The control peer, whatever the reply says.
    #[default]
    Peer,
    /// The address in the reply: third-party transfers and odd clusters only.
    Trusted,
}

/// Whether independent commands leave in one write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Batching {
    /// One command at a time.
    LockStep,
    /// Commands whose replies do not depend on each other leave together; at the first odd reply the session goes on in lock-step.
    #[default]
    Independent,
}

/// Whether SIZE is asked before RETR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SizeCheck {
    /// Never.
    Never,
    /// When it costs no round trip; nor once the server has been seen to name the same size in its preliminary reply.
    #[default]
    WhenFree,
    /// Always.
    Always,
}

/// What is done when a TLS session that data connections have resumed can be resumed no more.
///
/// A TLS 1.3 ticket works once (RFC 8446 section C.4). Some servers hand out no new ones during uploads, and refuse a data connection that
/// resumes nothing, after they have emptied the file to be replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SpentTickets {
    /// A listing nobody wants goes first: refused or not, its data connection brings new tickets, and no file is touched.
    #[default]
    Renew,
    /// The transfer is asked for all the same.
    GoOn,
}

/// What a transfer under TLS is worth that ends without the server's close_notify.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MissingCloseNotify {
    /// Complete, and flagged, if the final reply is positive and the size agrees. After an upload SIZE is asked for that; what was appended, a
    /// text, and a file whose name is not known cannot be checked so, and are not proved.
    #[default]
    IfSizeAgrees,
    /// Truncated, always.
    Refuse,
}

impl Default for Security {
    fn default() -> Self {
        Security::required()
    }
}

impl Security {
    /// TLS on control and data connection by AUTH: TLS first, then SSL if TLS was refused. No way into clear text.
    #[must_use]
    pub const fn required() -> Self {
        Security {
            start: Start::Explicit,
            methods: Ordered {
                slots: [Some(AuthMethod::Tls), Some(AuthMethod::Ssl), None, None],
            },
            exhausted: None,
            data: ProtectionLevel::Private,
            ccc: false,
            accept_334: false,
        }
    }

    /// TLS from the first byte (port 990), deprecated. PBSZ and PROT are sent all the same.
    #[must_use]
    pub const fn implicit() -> Self {
        Security {
            start: Start::Implicit,
            ..Security::required()
        }
    }

    /// No TLS at all: no AUTH is sent.
    #[must_use]
    pub const fn clear(allowed: ClearText) -> Self {
        Security {
            start: Start::Clear,
            exhausted: Some(allowed),
            data: ProtectionLevel::Clear,
            ..Security::required()
        }
    }

    /// The AUTH methods to try, in order; a single one forces it.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for an empty list, a repeated method, or more than four.
    pub fn methods(mut self, methods: &[AuthMethod]) -> Result<Self, Refusal> {
        self.methods = Ordered::new(methods)?;
        Ok(self)
    }

    /// Goes on in clear text if the server refuses every method. A failed handshake or a rejected certificate never leads there.
    #[must_use]
    pub const fn or_clear(mut self, allowed: ClearText) -> Self {
        self.exhausted = Some(allowed);
        self
    }

    /// Data connections in clear (PROT C) although the control connection is under TLS.
    #[must_use]
    pub const fn clear_data(mut self) -> Self {
        self.data = ProtectionLevel::Clear;
        self
    }

    /// Allows [`crate::Client::clear_command_channel`] (CCC), for networks that must read the control connection.
    #[must_use]
    pub const fn allow_ccc(mut self) -> Self {
        self.ccc = true;
        self
    }

    /// Takes 334 to AUTH for 234, as very old servers mean it.
    #[must_use]
    pub const fn accept_334(mut self) -> Self {
        self.accept_334 = true;
        self
    }

    /// Whether the session starts with TLS.
    #[must_use]
    pub const fn is_implicit(&self) -> bool {
        matches!(self.start, Start::Implicit)
    }

    /// Whether no TLS is asked for at all.
    #[must_use]
    pub const fn is_clear(&self) -> bool {
        matches!(self.start, Start::Clear)
    }

    /// Who may go on in clear text, if anyone.
    #[must_use]
    pub const fn clear_text(&self) -> Option<ClearText> {
        self.exhausted
    }

    /// The `index`-th AUTH method.
    #[must_use]
    pub fn method(&self, index: u8) -> Option<AuthMethod> {
        self.methods.at(index)
    }

    /// The data protection level asked for once the control connection is under TLS.
    #[must_use]
    pub const fn data_level(&self) -> ProtectionLevel {
        self.data
    }

    /// Whether CCC is allowed.
    #[must_use]
    pub const fn ccc_allowed(&self) -> bool {
        self.ccc
    }

    /// Whether 334 is taken for 234.
    #[must_use]
    pub const fn takes_334(&self) -> bool {
        self.accept_334
    }
}

impl<T: Copy + PartialEq> Ordered<T> {
    /// The values in this order.
    ///
    /// # Errors
    /// [`Refusal::Argument`] for none, more than four, or a repeated one.
    pub fn new(values: &[T]) -> Result<Self, Refusal> {
        let mut slots = [None; 4];
        if values.is_empty() || values.len() > slots.len() {
            return Err(Refusal::Argument(Malformed::Argument));
        }
        for (index, value) in values.iter().enumerate() {
            if slots.contains(&Some(*value)) {
                return Err(Refusal::Argument(Malformed::Argument));
            }
            if let Some(slot) = slots.get_mut(index) {
                *slot = Some(*value);
            }
        }
        Ok(Ordered { slots })
    }

    /// The `index`-th value.
    #[must_use]
    pub fn at(&self, index: u8) -> Option<T> {
        self.slots.get(usize::from(index)).copied().flatten()
    }

    /// The values in order.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.slots.iter().flatten().copied()
    }
}

impl Default for Ordered<DataMode> {
    fn default() -> Self {
        Ordered {
            slots: [Some(DataMode::Epsv), Some(DataMode::Pasv), None, None],
        }
    }
}

impl DataMode {
    /// Whether the server listens and we connect.
    #[must_use]
    pub const fn is_passive(self) -> bool {
        matches!(self, DataMode::Epsv | DataMode::Pasv)
    }

    /// Whether it can name an IPv6 address.
    #[must_use]
    pub const fn works_on_ipv6(self) -> bool {
        matches!(self, DataMode::Epsv | DataMode::Eprt)
    }
}

impl AuthMethod {
    /// The mechanism name on the wire.
    #[must_use]
    pub const fn mechanism(self) -> &'static str {
        match self {
            AuthMethod::Tls => "TLS",
            AuthMethod::Ssl => "SSL",
            AuthMethod::TlsC => "TLS-C",
            AuthMethod::TlsP => "TLS-P",
        }
    }

    /// Whether it should no longer be used.
    #[must_use]
    pub const fn is_deprecated(self) -> bool {
        matches!(self, AuthMethod::Ssl | AuthMethod::TlsP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_refuse_nothing_and_repetition() {
        assert!(DataModes::new(&[]).is_err());
        assert!(DataModes::new(&[DataMode::Epsv, DataMode::Epsv]).is_err());
        let modes = DataModes::new(&[DataMode::Port, DataMode::Epsv]).unwrap();
        assert_eq!(
            modes.iter().collect::<alloc::vec::Vec<_>>(),
            [DataMode::Port, DataMode::Epsv]
        );
    }

    #[test]
    fn the_default_requires_tls_on_both_connections() {
        let security = Config::default().security;
        assert!(!security.is_clear());
        assert_eq!(security.clear_text(), None);
        assert_eq!(security.data_level(), ProtectionLevel::Private);
    }

    #[test]
    fn each_policy_is_what_it_is_called_and_nothing_more() {
        let said = |security: Security| {
            (
                (security.is_implicit(), security.is_clear()),
                security.clear_text(),
                security.data_level(),
                (security.ccc_allowed(), security.takes_334()),
            )
        };
        use ProtectionLevel::{Clear, Private};
        let none = (false, false);
        let required = Security::required();
        assert_eq!(said(required), (none, None, Private, none));
        let implicit = Security::implicit();
        assert_eq!(said(implicit), ((true, false), None, Private, none));
        let guest = Some(ClearText::Anonymous);
        let clear = Security::clear(ClearText::Anonymous);
        assert_eq!(said(clear), ((false, true), guest, Clear, none));
        let falls_back = required.or_clear(ClearText::Anonymous);
        assert_eq!(said(falls_back), (none, guest, Private, none));
        let clear_data = required.clear_data();
        assert_eq!(said(clear_data), (none, None, Clear, none));
        let ccc = required.allow_ccc();
        assert_eq!(said(ccc), (none, None, Private, (true, false)));
        let old = required.accept_334();
        assert_eq!(said(old), (none, None, Private, (false, true)));
        let methods = |security: Security| [0, 1, 2, 4, 255].map(|index| security.method(index));
        let (tls, ssl) = (Some(AuthMethod::Tls), Some(AuthMethod::Ssl));
        assert_eq!(methods(required), [tls, ssl, None, None, None]);
        let forced = required.methods(&[AuthMethod::TlsC]).unwrap();
        assert_eq!(
            methods(forced),
            [Some(AuthMethod::TlsC), None, None, None, None]
        );
        assert!(required.methods(&[]).is_err());
    }

    #[test]
    fn four_values_are_an_order_and_five_are_too_many() {
        let all = [1, 2, 3, 4, 5];
        let four = Ordered::new(&all[..4]).unwrap();
        assert_eq!(
            [0, 3, 4].map(|index| four.at(index)),
            [Some(1), Some(4), None]
        );
        assert!(Ordered::new(&all).is_err());
    }

    /// RFC 4217 section 17 for TLS-C and TLS-P; SSL is of drafts.
    #[test]
    fn modes_and_methods_are_what_the_standards_say() {
        let modes = [
            DataMode::Epsv,
            DataMode::Pasv,
            DataMode::Eprt,
            DataMode::Port,
        ];
        let passive = [true, true, false, false];
        let on_ipv6 = [true, false, true, false];
        assert_eq!(modes.map(DataMode::is_passive), passive);
        assert_eq!(modes.map(DataMode::works_on_ipv6), on_ipv6);
        let methods = [
            AuthMethod::Tls,
            AuthMethod::Ssl,
            AuthMethod::TlsC,
            AuthMethod::TlsP,
        ];
        assert_eq!(
            methods.map(AuthMethod::mechanism),
            ["TLS", "SSL", "TLS-C", "TLS-P"]
        );
        assert_eq!(
            methods.map(AuthMethod::is_deprecated),
            [false, true, false, true]
        );
    }
}

//! Orders to the driver, and the reports they become.
//!
//! An order says what the world must do; it is not `Clone` and a [`Report`] can only be made by consuming it. So what was not
//! ordered cannot be reported, and nothing can be reported twice. Reports carry the number of their order; the machine ignores
//! those whose order it has given up meanwhile.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

/// One data connection of a session, numbered from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataId(pub(crate) u32);

impl DataId {
    /// The number: 1 for the first data connection of the session.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// Where to connect for data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataTarget {
    /// The host the control connection goes to (through the same proxy, if there is one), at this port.
    Peer {
        /// Port, never 0.
        port: u16,
    },
    /// An address the policy explicitly allows.
    Address(SocketAddr),
}

impl DataTarget {
    /// The address to connect to, for a control connection that goes to `peer`.
    #[must_use]
    pub const fn address(self, mut peer: SocketAddr) -> SocketAddr {
        match self {
            DataTarget::Peer { port } => {
                // A scope goes with the address.
                peer.set_port(port);
                peer
            }
            DataTarget::Address(address) => address,
        }
    }
}

/// Which way payload flows, seen from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the peer to the application.
    Receive,
    /// From the application to the peer.
    Send,
}

/// Which connection a TLS order is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The control connection.
    Control,
    /// A data connection.
    Data(DataId),
}

/// How a transport operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The peer refused the connection.
    Refused,
    /// No route to host or network.
    Unreachable,
    /// The operation took too long.
    TimedOut,
    /// The peer reset the connection.
    Reset,
    /// A local address or port could not be used.
    AddressInUse,
    /// The system forbids it.
    Denied,
    /// Anything else.
    Other,
}

/// Why TLS could not be established or went wrong; the classes a person can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsFault {
    /// What came back is not TLS.
    NotTls,
    /// The connection was closed before a single byte came back.
    ClosedAtHello,
    /// The connection was closed in mid-handshake.
    ClosedInHandshake,
    /// The connection was reset.
    Reset,
    /// No one we trust vouches for the certificate.
    UnknownIssuer,
    /// The certificate is for another name.
    WrongName,
    /// The certificate is out of its validity period.
    Expired,
    /// The certificate is not the pinned one.
    PinMismatch,
    /// The certificate is unusable for another reason.
    Certificate,
    /// The peer wants a client certificate, or refused ours.
    ClientCertificate,
    /// The peer speaks only older versions.
    Version,
    /// No cipher suite or group in common.
    NoCommonCipher,
    /// The peer refused the application protocol offered.
    ApplicationProtocol,
    /// The peer sent this alert.
    Alert(u8),
    /// A record did not decrypt or did not parse.
    Corrupt,
    /// Our own side could not do it.
    Local,
    /// Anything else.
    Other,
}

impl TlsFault {
    /// Each one that is not an alert, to try what depends on the fault with all of them.
    pub const NAMED: [TlsFault; 16] = [
        TlsFault::NotTls,
        TlsFault::ClosedAtHello,
        TlsFault::ClosedInHandshake,
        TlsFault::Reset,
        TlsFault::UnknownIssuer,
        TlsFault::WrongName,
        TlsFault::Expired,
        TlsFault::PinMismatch,
        TlsFault::Certificate,
        TlsFault::ClientCertificate,
        TlsFault::Version,
        TlsFault::NoCommonCipher,
        TlsFault::ApplicationProtocol,
        TlsFault::Corrupt,
        TlsFault::Local,
        TlsFault::Other,
    ];
}

/// TLS protocol versions that are spoken at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// What is known about an established TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TlsFacts {
    /// Negotiated version.
    pub version: TlsVersion,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// Whether the server asked for another key share first (one more round trip).
    pub hello_retry: bool,
}

/// How many more connections can resume the control connection's TLS session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tickets {
    /// Nothing can be resumed (the server offers nothing, or all is used up).
    #[default]
    None,
    /// This many single-use tickets.
    Left(u8),
    /// A session that can be resumed again and again (TLS 1.2).
    Unlimited,
}

/// How a data connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataEnd {
    /// The peer's close_notify came (after ours, for an upload).
    CloseNotify,
    /// The peer closed TCP; under TLS that is without close_notify.
    Fin,
    /// The transport failed.
    Failed(Fault),
    /// TLS failed while payload moved.
    Tls(TlsFault),
    /// The application's reader or writer failed.
    Local,
}

/// The end of a flow: payload bytes moved on the network side, and how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowEnd {
    /// Payload bytes as they travel on the data connection (before TYPE A decoding, after TYPE A encoding).
    pub bytes: u64,
    /// Whether the application's source was read to its end and all of it was handed to the transport (uploads).
    pub source_ended: bool,
    /// How.
    pub end: DataEnd,
}

/// What to do about a data connection that is no longer wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    /// Close at once and forget its orders. A connection that was to send, and has not sent its end, is reset: what was cut short must
    /// not look whole.
    Now,
}

macro_rules! order {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, PartialEq, Eq, Hash)]
        #[must_use = "an order must be carried out and turned into a report"]
        pub struct $name { pub(crate) number: u32, $(pub(crate) $field: $type),* }

        impl $name {
            $($(#[$fdoc])* #[must_use] pub fn $field(&self) -> $type { self.$field })*

            /// A copy for checkers that explore several outcomes of one order.
            #[cfg(feature = "model")]
            pub fn duplicate(&self) -> Self { $name { number: self.number, $($field: self.$field),* } }
        }
    };
}

order! {
    /// Connect a data connection. A server connects from the local address of the control connection (RFC 1123 section 4.1.2.12).
    ConnectOrder {
        /// The data connection this is for.
        data: DataId,
        /// Where to.
        target: DataTarget,
    }
}

order! {
    /// Listen for a data connection on the local address of the control connection, at an unpredictable port.
    ListenOrder {
        /// The data connection this is for.
        data: DataId,
    }
}

order! {
    /// Accept one connection on the listener of a data connection; the listener stays open until the machine admits one.
    AcceptOrder {
        /// The data connection this is for.
        data: DataId,
    }
}

order! {
    /// Start or end TLS. The FTP client is the TLS client on every connection, whoever connected (RFC 4217 section 7).
    TlsOrder {
        /// The connection this is about.
        channel: Channel,
    }
}

order! {
    /// Move payload until it ends. Receiving: to the end of the connection, answering close_notify at once. Sending: the whole source, then
    /// close_notify, flush, shutdown of the sending side, and reading to the end, so that nothing still queued is lost.
    FlowOrder {
        /// The data connection this is for.
        data: DataId,
        /// Which way.
        direction: Direction,
        /// Whether line ends are converted (TYPE A).
        ascii: bool,
        /// Whether the data connection is under TLS.
        protected: bool,
        /// Whether nobody wants the payload: it is read to its end and dropped. The flow is then of none of the application's transfers.
        discard: bool,
    }
}

/// What became of an order. Made by consuming the order, given to the machine's `handle`.
#[derive(Debug, PartialEq, Eq, Hash)]
#[must_use = "the machine waits for its report"]
pub struct Report {
    pub(crate) number: u32,
    pub(crate) news: News,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum News {
    Connected,
    Listening(SocketAddr),
    Accepted(IpAddr),
    Secured(TlsFacts),
    Cleared,
    Finished(FlowEnd),
    Failed(Fault),
    TlsFailed(TlsFault),
}

impl ConnectOrder {
    /// The connection is up.
    pub fn connected(self) -> Report {
        Report {
            number: self.number,
            news: News::Connected,
        }
    }

    /// The connection could not be made.
    pub fn failed(self, fault: Fault) -> Report {
        Report {
            number: self.number,
            news: News::Failed(fault),
        }
    }
}

impl ListenOrder {
    /// The listener is up; `advertised` is the address the peer can reach it at.
    pub fn listening(self, advertised: SocketAddr) -> Report {
        Report {
            number: self.number,
            news: News::Listening(advertised),
        }
    }

    /// There is no listener.
    pub fn failed(self, fault: Fault) -> Report {
        Report {
            number: self.number,
            news: News::Failed(fault),
        }
    }
}

impl AcceptOrder {
    /// Someone at `peer` connected. The machine decides whether that is the one.
    pub fn accepted(self, peer: IpAddr) -> Report {
        Report {
            number: self.number,
            news: News::Accepted(peer),
        }
    }

    /// Accepting failed for good.
    pub fn failed(self, fault: Fault) -> Report {
        Report {
            number: self.number,
            news: News::Failed(fault),
        }
    }
}

impl TlsOrder {
    /// TLS is established.
    pub fn secured(self, facts: TlsFacts) -> Report {
        Report {
            number: self.number,
            news: News::Secured(facts),
        }
    }

    /// TLS has ended by close_notify in both directions; bytes that follow are clear text.
    pub fn cleared(self) -> Report {
        Report {
            number: self.number,
            news: News::Cleared,
        }
    }

    /// TLS failed.
    pub fn failed(self, fault: TlsFault) -> Report {
        Report {
            number: self.number,
            news: News::TlsFailed(fault),
        }
    }
}

impl FlowOrder {
    /// The flow has ended and the driver has closed the data connection.
    pub fn finished(self, end: FlowEnd) -> Report {
        Report {
            number: self.number,
            news: News::Finished(end),
        }
    }
}

/// The orders a driver has in hand. Both drivers keep them here, so that giving up a data connection is written once.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub struct Desk {
    /// To be connected.
    pub connect: Option<ConnectOrder>,
    /// To be listened for.
    pub listen: Option<ListenOrder>,
    /// To be accepted.
    pub accept: Option<AcceptOrder>,
    /// TLS to be started on the control connection.
    pub secure_control: Option<TlsOrder>,
    /// TLS to be ended on the control connection.
    pub clear_control: Option<TlsOrder>,
    /// TLS to be started on the data connection.
    pub secure_data: Option<TlsOrder>,
    /// Payload to be moved.
    pub flow: Option<FlowOrder>,
}

impl Desk {
    /// Drops every order of data connection `data`: the machine has given it up.
    pub fn forget(&mut self, data: DataId) {
        self.connect.take_if(|order| order.data == data);
        self.listen.take_if(|order| order.data == data);
        self.accept.take_if(|order| order.data == data);
        self.secure_data
            .take_if(|order| order.channel == Channel::Data(data));
        self.flow.take_if(|order| order.data == data);
    }

    /// Whether nothing is in hand.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.connect.is_none()
            && self.listen.is_none()
            && self.accept.is_none()
            && self.secure_control.is_none()
            && self.clear_control.is_none()
            && self.secure_data.is_none()
            && self.flow.is_none()
    }

    /// A copy for checkers that explore several outcomes.
    #[cfg(feature = "model")]
    #[must_use]
    pub fn duplicate(&self) -> Desk {
        Desk {
            connect: self.connect.as_ref().map(ConnectOrder::duplicate),
            listen: self.listen.as_ref().map(ListenOrder::duplicate),
            accept: self.accept.as_ref().map(AcceptOrder::duplicate),
            secure_control: self.secure_control.as_ref().map(TlsOrder::duplicate),
            clear_control: self.clear_control.as_ref().map(TlsOrder::duplicate),
            secure_data: self.secure_data.as_ref().map(TlsOrder::duplicate),
            flow: self.flow.as_ref().map(FlowOrder::duplicate),
        }
    }
}

/// A text kept for a person, bounded.
pub(crate) fn keep(text: &[u8], limit: usize) -> Vec<u8> {
    text.get(..limit).unwrap_or(text).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER: u32 = 7;

    /// A desk with every order in hand, about data connection `data` where it is about one.
    fn full(data: DataId) -> Desk {
        let number = NUMBER;
        Desk {
            connect: Some(ConnectOrder {
                number,
                data,
                target: DataTarget::Peer { port: 2020 },
            }),
            listen: Some(ListenOrder { number, data }),
            accept: Some(AcceptOrder { number, data }),
            secure_control: Some(TlsOrder {
                number,
                channel: Channel::Control,
            }),
            clear_control: Some(TlsOrder {
                number,
                channel: Channel::Control,
            }),
            secure_data: Some(TlsOrder {
                number,
                channel: Channel::Data(data),
            }),
            flow: Some(FlowOrder {
                number,
                data,
                direction: Direction::Send,
                ascii: true,
                protected: false,
                discard: true,
            }),
        }
    }

    #[test]
    fn of_a_data_connection_that_is_given_up_no_order_stays_and_of_others_all_do() {
        let mut desk = full(DataId(2));
        desk.forget(DataId(1));
        assert_eq!(desk, full(DataId(2)));
        desk.forget(DataId(2));
        let of_control = Desk {
            secure_control: full(DataId(2)).secure_control,
            clear_control: full(DataId(2)).clear_control,
            ..Desk::default()
        };
        assert_eq!(desk, of_control);
    }

    #[test]
    fn a_desk_with_any_order_on_it_is_not_empty() {
        assert!(Desk::default().is_empty());
        let take = |keep: usize| {
            let Desk {
                connect,
                listen,
                accept,
                secure_control,
                clear_control,
                secure_data,
                flow,
            } = full(DataId(1));
            Desk {
                connect: connect.filter(|_| keep == 0),
                listen: listen.filter(|_| keep == 1),
                accept: accept.filter(|_| keep == 2),
                secure_control: secure_control.filter(|_| keep == 3),
                clear_control: clear_control.filter(|_| keep == 4),
                secure_data: secure_data.filter(|_| keep == 5),
                flow: flow.filter(|_| keep == 6),
            }
        };
        for keep in 0..7 {
            assert!(!take(keep).is_empty(), "{keep}");
        }
        assert!(take(7).is_empty());
    }

    #[test]
    fn an_order_says_what_it_was_made_for_and_its_report_carries_its_number() {
        let Desk {
            connect: Some(connect),
            flow: Some(flow),
            accept: Some(accept),
            secure_data: Some(secure),
            ..
        } = full(DataId(3))
        else {
            panic!("a full desk");
        };
        assert_eq!(connect.data().number(), 3);
        assert_eq!(connect.target(), DataTarget::Peer { port: 2020 });
        assert_eq!(accept.data(), DataId(3));
        assert_eq!(secure.channel(), Channel::Data(DataId(3)));
        assert_eq!(flow.direction(), Direction::Send);
        assert!(flow.ascii() && !flow.protected() && flow.discard());
        let report = connect.failed(Fault::Refused);
        assert_eq!(
            (report.number, report.news),
            (NUMBER, News::Failed(Fault::Refused))
        );
    }

    #[test]
    fn the_peer_is_reached_where_the_control_connection_goes() {
        let control: SocketAddr = "[fe80::1%3]:21".parse().unwrap();
        let data = DataTarget::Peer { port: 2020 }.address(control);
        assert_eq!(data, "[fe80::1%3]:2020".parse().unwrap());
        let other: SocketAddr = "192.0.2.7:20".parse().unwrap();
        assert_eq!(DataTarget::Address(other).address(control), other);
    }

    #[test]
    fn a_text_is_kept_up_to_its_bound() {
        assert_eq!(keep(b"abc", 2), b"ab");
        assert_eq!(keep(b"abc", 3), b"abc");
        assert_eq!(keep(b"abc", 4), b"abc");
    }

    #[cfg(feature = "model")]
    #[test]
    fn a_duplicate_is_the_same_desk() {
        assert_eq!(full(DataId(2)).duplicate(), full(DataId(2)));
    }
}

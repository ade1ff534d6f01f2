//! One data connection's life, and who may be at its other end.

use core::net::IpAddr;

use super::{Law, Rule};
use crate::order::{DataEnd, DataId, Direction};

/// Where a data connection is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Life {
    /// There is none.
    #[default]
    None,
    /// A listener is asked for, or is up and its address on its way to the peer.
    Listening,
    /// A connection is being made or awaited.
    Opening,
    /// TCP is up; TLS, if it is due, has not begun.
    Open,
    /// The TLS handshake is under way.
    Securing,
    /// Ready for payload.
    Ready,
    /// Payload moves.
    Flowing,
    /// Over.
    Ended(DataEnd),
}

/// One data connection and what is known about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Data {
    /// Its number in the session.
    pub id: DataId,
    /// Where it is in its life.
    pub life: Life,
    /// Whether it is under TLS.
    pub protected: bool,
    /// Whether its TLS is a session of its own, not one resumed from the control connection.
    pub fresh: bool,
    /// Payload bytes moved so far, as reported.
    pub bytes: u64,
    /// Uploads: the application's source was read to its end and handed over.
    pub source_ended: bool,
}

impl Data {
    /// Whether anything is open or about to be.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        !matches!(self.life, Life::None | Life::Ended(_))
    }

    /// Whether TCP is up.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(
            self.life,
            Life::Open | Life::Securing | Life::Ready | Life::Flowing
        )
    }
}

/// Why a data connection is not made to where the peer asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bounce {
    /// To somebody else (RFC 2577 section 3).
    Stranger,
    /// To a port where something other than FTP may listen.
    LowPort,
}

/// Whether a server may connect to `to`, because the client at `peer` asks for it: to the client itself or an address the policy names, and
/// to no low port.
///
/// # Errors
/// [`Bounce`].
pub fn may_connect(
    law: Law,
    peer: IpAddr,
    third_parties: &[IpAddr],
    lowest_port: u16,
    (to, port): (IpAddr, u16),
) -> Result<(), Bounce> {
    if !is_expected(peer, third_parties, to) && law.holds(Rule::PeerAddress) {
        Err(Bounce::Stranger)
    } else if port < lowest_port && law.holds(Rule::LowPort) {
        Err(Bounce::LowPort)
    } else {
        Ok(())
    }
}

/// Whether somebody at `from` who connected to a data port is the one it was opened for: before a byte is exchanged.
#[must_use]
pub fn may_serve(law: Law, peer: IpAddr, third_parties: &[IpAddr], from: IpAddr) -> bool {
    is_expected(peer, third_parties, from) || !law.holds(Rule::AcceptedPeer)
}

fn is_expected(peer: IpAddr, third_parties: &[IpAddr], host: IpAddr) -> bool {
    let host = host.to_canonical();
    host == peer.to_canonical()
        || third_parties
            .iter()
            .any(|third| third.to_canonical() == host)
}

/// What a transfer verb does with a data connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payload {
    /// A file from the peer (RETR).
    FileIn,
    /// A listing from the peer (LIST, NLST, MLSD).
    ListIn,
    /// A file to the peer (STOR, APPE, STOU).
    FileOut,
}

impl Payload {
    /// The direction follows the command, not who opened the connection (RFC 959 section 4.1.3).
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Payload::FileIn | Payload::ListIn => Direction::Receive,
            Payload::FileOut => Direction::Send,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn rfc_2577_section_3_no_bounce() {
        let peer = ip("192.0.2.7");
        let third = [ip("192.0.2.9")];
        let to = |host, port| may_connect(Law::default(), peer, &third, 1024, (ip(host), port));
        assert_eq!(to("192.0.2.7", 1024), Ok(()));
        assert_eq!(to("192.0.2.7", 1023), Err(Bounce::LowPort));
        assert_eq!(to("192.0.2.9", 40000), Ok(()));
        assert_eq!(to("192.0.2.8", 40000), Err(Bounce::Stranger));
        assert_eq!(to("::ffff:192.0.2.7", 40000), Ok(()));
        assert_eq!(to("2001:db8::7", 40000), Err(Bounce::Stranger));
    }

    #[test]
    fn rfc_2577_section_4_only_the_client_is_served() {
        let peer = ip("192.0.2.7");
        let serves = |from| may_serve(Law::default(), peer, &[], ip(from));
        assert!(serves("192.0.2.7") && serves("::ffff:192.0.2.7"));
        assert!(!serves("192.0.2.8") && !serves("::1"));
    }

    #[test]
    fn a_data_connection_is_live_until_it_has_ended_and_connected_while_tcp_is_up() {
        let ended = Life::Ended(DataEnd::Fin);
        for (life, is_live, is_connected) in [
            (Life::None, false, false),
            (Life::Listening, true, false),
            (Life::Opening, true, false),
            (Life::Open, true, true),
            (Life::Securing, true, true),
            (Life::Ready, true, true),
            (Life::Flowing, true, true),
            (ended, false, false),
        ] {
            let data = Data {
                life,
                ..Data::default()
            };
            assert_eq!(data.is_live(), is_live, "{life:?}");
            assert_eq!(data.is_connected(), is_connected, "{life:?}");
        }
    }

    /// RFC 959 section 4.1.3: the command decides.
    #[test]
    fn payload_flows_as_its_command_says() {
        assert_eq!(Payload::FileIn.direction(), Direction::Receive);
        assert_eq!(Payload::ListIn.direction(), Direction::Receive);
        assert_eq!(Payload::FileOut.direction(), Direction::Send);
    }

    #[test]
    fn a_third_party_is_who_the_policy_names_and_no_one_else() {
        let peer = ip("192.0.2.7");
        let third = [ip("::ffff:192.0.2.9")];
        let serves = |from| may_serve(Law::default(), peer, &third, ip(from));
        assert!(serves("192.0.2.9") && !serves("192.0.2.10"));
    }
}

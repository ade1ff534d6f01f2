//! AUTH, PBSZ, PROT, CCC: their order, their consequences, protection epochs (RFC 2228 sections 3 and 4, RFC 4217).

use super::{Law, Rule};
use crate::wire::command::ProtectionLevel;
use crate::wire::reply::Code;

/// The protection of a control connection, with its epoch.
///
/// The epoch goes up at every change of protection. Bytes, replies, knowledge and decisions belong to one epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Protection {
    /// How many changes of protection there have been.
    pub epoch: u8,
    /// The state of the channel.
    pub state: State,
    /// After CCC: no USER, PASS, ACCT, AUTH, PBSZ, PROT any more (RFC 4217 section 5).
    pub frozen: bool,
    /// The PROT level acknowledged in this epoch; `None` is the default level, Clear (RFC 2228 section 3).
    pub data: Option<ProtectionLevel>,
}

/// What travels on the control connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// Clear text.
    #[default]
    Clear,
    /// Nothing: a switch to TLS is under way.
    Securing,
    /// TLS.
    Secure,
    /// Nothing: a switch back to clear text is under way.
    Clearing,
}

impl Protection {
    /// Whether bytes may be exchanged, that is, no switch is under way.
    #[must_use]
    pub const fn settled(self) -> bool {
        matches!(self.state, State::Clear | State::Secure)
    }

    /// Whether the control connection is under TLS.
    #[must_use]
    pub const fn is_secure(self) -> bool {
        matches!(self.state, State::Secure)
    }

    /// Whether the next data connection is under TLS: the level acknowledged last says so (RFC 4217 section 9).
    #[must_use]
    pub fn data_is_private(self, law: Law) -> bool {
        if law.holds(Rule::DataProtection) {
            self.data == Some(ProtectionLevel::Private)
        } else {
            false
        }
    }

    /// A switch begins.
    pub fn begin(&mut self, to: State) {
        self.state = to;
    }

    /// The switch to TLS is done: a new epoch.
    pub fn secured(&mut self) {
        self.state = State::Secure;
        self.next_epoch();
        self.data = None;
    }

    /// The switch to clear text is done: a new epoch. Data connections keep their level after CCC (RFC 4217 section 5).
    pub fn cleared(&mut self) {
        self.state = State::Clear;
        self.next_epoch();
        self.frozen = true;
    }

    /// REIN is done: a new epoch in clear text, in which everything may be asked for again (RFC 4217 section 13).
    pub fn reinitialised(&mut self) {
        self.state = State::Clear;
        self.next_epoch();
        self.frozen = false;
        self.data = None;
    }

    fn next_epoch(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
    }
}

/// What a reply to AUTH means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthAnswer {
    /// TLS starts now.
    Start,
    /// This mechanism is refused; the session stays clear and usable.
    Refused,
    /// The peer closes.
    Closing,
    /// Neither: whether the peer now expects TLS or text is unknown, so the connection cannot be used.
    Unknown,
}

/// Reads a reply to AUTH (RFC 4217 section 4). Only 234 starts TLS; `accept_334` is for very old servers.
#[must_use]
pub fn auth_answer(law: Law, code: Code, accept_334: bool) -> AuthAnswer {
    match code.value() {
        234 => AuthAnswer::Start,
        334 if accept_334 => AuthAnswer::Start,
        200..=399 if !law.holds(Rule::Only234) => AuthAnswer::Start,
        421 => AuthAnswer::Closing,
        400..=599 => AuthAnswer::Refused,
        _ => AuthAnswer::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4217 section 4: 234 and nothing else starts TLS; RFC 2228 section 5.3 for what refuses.
    #[test]
    fn only_234_starts_tls() {
        let law = Law::default();
        for code in (100..600).map(|number| Code::new(number).unwrap()) {
            for accept_334 in [false, true] {
                let expected = match code.value() {
                    234 => AuthAnswer::Start,
                    334 if accept_334 => AuthAnswer::Start,
                    421 => AuthAnswer::Closing,
                    400..=599 => AuthAnswer::Refused,
                    _ => AuthAnswer::Unknown,
                };
                assert_eq!(auth_answer(law, code, accept_334), expected, "{code}");
            }
        }
    }

    #[test]
    fn every_switch_begins_an_epoch_and_forgets_what_was_agreed() {
        let mut protection = Protection::default();
        let mut before = protection.epoch;
        protection.begin(State::Secure);
        assert_eq!(protection.epoch, before, "asked for is not done");
        type Switch = fn(&mut Protection);
        let switches: [(Switch, bool, bool); 3] = [
            (Protection::secured, true, false),
            (Protection::cleared, false, true),
            (Protection::reinitialised, false, false),
        ];
        for (switch, secure, is_ccc) in switches {
            protection.data = Some(ProtectionLevel::Private);
            switch(&mut protection);
            assert!(protection.epoch > before);
            before = protection.epoch;
            assert_eq!(protection.is_secure(), secure);
            // RFC 4217 section 5: CCC leaves data connections as they were.
            assert_eq!(protection.data.is_some(), is_ccc);
            assert_eq!(protection.frozen, is_ccc);
        }
    }
}

//! What a server waits for.

use core::fmt;

use crate::time::Deadline;

/// What a server can be waiting for. Each has its own deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// The login, from the greeting on. Bytes and commands do not extend it.
    Login,
    /// The reply to a failed login.
    LoginDelay,
    /// The next command while nothing runs.
    Idle,
    /// The TLS handshake, or the end of TLS, on the control connection.
    Handshake,
    /// A data connection to be listened for, connected or accepted.
    DataOpen,
    /// The TLS handshake on the data connection.
    DataHandshake,
    /// Progress on a data connection that is moving payload.
    Stall,
    /// The client's close of a data connection on which everything was sent.
    Drain,
    /// Room for replies that the client does not read.
    Send,
    /// The last replies to be sent before the control connection is closed.
    Close,
}

const EVERY: [Timer; 10] = [
    Timer::Login,
    Timer::LoginDelay,
    Timer::Idle,
    Timer::Handshake,
    Timer::DataOpen,
    Timer::DataHandshake,
    Timer::Stall,
    Timer::Drain,
    Timer::Send,
    Timer::Close,
];

impl Deadline for Timer {
    const ALL: &'static [Timer] = &EVERY;

    fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Timer::Login => "the client did not log in",
            Timer::LoginDelay => "the reply to a failed login",
            Timer::Idle => "the client asked for nothing",
            Timer::Handshake => "the TLS handshake stood still",
            Timer::DataOpen => "the data connection was not established",
            Timer::DataHandshake => "the TLS handshake on the data connection stood still",
            Timer::Stall => "the data connection stood still",
            Timer::Drain => "the data connection did not end",
            Timer::Send => "the client did not read its replies",
            Timer::Close => "the last replies could not be sent",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_timers_is_in_enum_order() {
        for (index, timer) in EVERY.into_iter().enumerate() {
            assert_eq!(timer.index(), index);
        }
    }
}

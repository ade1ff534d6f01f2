//! Every bound in one place, each with its reason.

use core::time::Duration;

/// The bounds a machine keeps, whatever the peer does. Sizes in bytes unless the name says otherwise.
///
/// ```
/// use ftp_proto::Limits;
/// let mut limits = Limits::default();
/// limits.reply_wait = core::time::Duration::from_secs(300); // a tape library behind the server
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Limits {
    /// One line of a reply. Real servers stay under 1 KiB; longer lines are attacks or garbage.
    pub reply_line: usize,
    /// One reply over all its lines. FEAT, HELP and STAT of large directories are the longest.
    pub reply_bytes: usize,
    /// Lines of one reply.
    pub reply_lines: usize,
    /// Preliminary replies (1yz) to one command; restart marks (110) included.
    pub preliminary_replies: u8,
    /// One command line, line end not included. Servers accept 512 to 4096.
    pub command_line: usize,
    /// Requests waiting to be sent, the running one included.
    pub requests: usize,
    /// Commands outstanding at once in a batch.
    pub pending_commands: usize,
    /// Reply text kept in a [`crate::Failure`].
    pub failure_text: usize,
    /// One line of a listing. No name is longer than a path may be, and facts stay under 1 KiB; RFC 3659 has no bound.
    pub listing_line: usize,
    /// Listings in a row that are to bring TLS 1.3 tickets, with no transfer in between that resumed the session. A ticket or two can be lost
    /// to transfers that were given up while TLS was set up; a server whose tickets resume nothing is not asked for more and more of them.
    pub renewals: u8,
    /// From connect to the greeting; after a 120 counted anew.
    pub greeting_wait: Duration,
    /// TLS handshake on the control connection.
    pub handshake_wait: Duration,
    /// Any reply to a command.
    pub reply_wait: Duration,
    /// The reply to HASH, or to XCRC and its kin: the server reads the whole file before it answers.
    pub digest_wait: Duration,
    /// Listening, connecting or accepting a data connection.
    pub data_open_wait: Duration,
    /// TLS handshake on a data connection.
    pub data_handshake_wait: Duration,
    /// Payload that does not move.
    pub stall_wait: Duration,
    /// End of the data connection after the final reply of a download.
    pub download_drain: Duration,
    /// The peer's close of a data connection on which everything was sent: for a client after the final reply of an upload, for a server
    /// before the final reply of a download.
    pub upload_drain: Duration,
    /// A whole abort, to a session that is in step again.
    pub abort_wait: Duration,
    /// Between the steps of an abort (the data connection cut, ABOR, a command as a barrier): for a reply on its way to come. Some servers
    /// never answer what was cut, and ABOR must not overtake the cut.
    pub abort_gap: Duration,
    /// A reply that may never come (the second one after ABOR, a late NOOP reply).
    pub guard_wait: Duration,
    /// How long nothing must arrive before a multi-line reply that ends with a foreign code counts as ended.
    pub quiet: Duration,
    /// The peer's close after QUIT or 421.
    pub close_wait: Duration,
    /// Data ports below this are refused, 20 and 989 apart: nothing that serves FTP data listens there.
    pub lowest_data_port: u16,
    /// Servers: one command line that comes in, line end not included.
    pub received_line: usize,
    /// Servers: command lines that wait while another command runs.
    pub waiting_lines: usize,
    /// Servers: bytes of commands that wait; more is left in the transport. One line always fits.
    pub waiting_bytes: usize,
    /// Servers: replies the client has not read yet, in bytes; with more no command is carried out.
    pub unread_replies: usize,
    /// Servers: a user name.
    pub user_name: usize,
    /// Servers: a password or an account.
    pub password: usize,
    /// Servers: entries shown by STAT with a path. Longer listings belong on a data connection.
    pub status_entries: usize,
    /// Servers: logins that fail on one connection (RFC 2577 section 5).
    pub failed_logins: u8,
    /// Servers: lines that are no commands, before login.
    pub errors_before_login: u8,
    /// Servers: lines that are no commands, after login.
    pub errors: u8,
    /// Servers: too long lines in a row.
    pub long_lines: u8,
    /// Servers: others that connect to a passive port before it is given up.
    pub strangers: u8,
    /// Servers: from the start to a login.
    pub login_wait: Duration,
    /// Servers: the answer to a failed login, counted from PASS (RFC 2577 section 5).
    pub failed_login_delay: Duration,
    /// Servers: nothing runs and no command comes (RFC 1123 section 4.1.3.2).
    pub idle_wait: Duration,
    /// Servers: replies that the client does not take.
    pub send_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            reply_line: 8 * 1024,
            reply_bytes: 256 * 1024,
            reply_lines: 4096,
            preliminary_replies: 8,
            command_line: 4096 + 64,
            requests: 16,
            pending_commands: 8,
            failure_text: 1024,
            listing_line: 8 * 1024,
            renewals: 3,
            greeting_wait: Duration::from_secs(60),
            handshake_wait: Duration::from_secs(30),
            reply_wait: Duration::from_secs(60),
            digest_wait: Duration::from_secs(600),
            data_open_wait: Duration::from_secs(30),
            data_handshake_wait: Duration::from_secs(30),
            stall_wait: Duration::from_secs(120),
            download_drain: Duration::from_secs(30),
            upload_drain: Duration::from_secs(5),
            abort_wait: Duration::from_secs(15),
            abort_gap: Duration::from_millis(250),
            guard_wait: Duration::from_secs(2),
            quiet: Duration::from_millis(500),
            close_wait: Duration::from_secs(5),
            lowest_data_port: 1024,
            received_line: 8 * 1024,
            waiting_lines: 16,
            waiting_bytes: 16 * 1024,
            unread_replies: 64 * 1024,
            user_name: 256,
            password: 1024,
            status_entries: 1000,
            failed_logins: 3,
            errors_before_login: 3,
            errors: 10,
            long_lines: 3,
            strangers: 16,
            login_wait: Duration::from_secs(60),
            failed_login_delay: Duration::from_secs(3),
            idle_wait: Duration::from_secs(300),
            send_wait: Duration::from_secs(60),
        }
    }
}

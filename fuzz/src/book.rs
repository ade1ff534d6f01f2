//! What must hold of a session, kept from what crosses the machine's border: lines out, effects, events, tickets.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ftp_proto::client::{ClearText, Config, PassiveAddress};
use ftp_proto::wire::command::ProtectionLevel;
use ftp_proto::{
    ConnectOrder, DataTarget, Done, Event, Failure, FlowOrder, Note, TicketId, TransferDone,
};
use ftp_proto_tests::rig::shows;

/// The password of every session. It may be seen in a PASS line under the right protection, and nowhere else.
pub(crate) const PASSWORD: &str = "QXJZKW7f3a";

/// The account, likewise.
pub(crate) const ACCOUNT: &str = "QXJZKWacct";

/// What both have in common, and in no other text: letters that hardly ever come in this order, see [`guesses`](crate::guess::guesses).
pub(crate) const CANARY: &str = "QXJZKW";

/// The record of a session.
#[derive(Debug)]
pub(crate) struct Book {
    config: Config,
    anonymous: bool,
    /// Bytes of a line whose end has not been written yet.
    partial: Vec<u8>,
    /// Lines written, whole, that the server has yet to answer.
    pub(crate) unanswered: VecDeque<Vec<u8>>,
    pub(crate) secure: bool,
    /// A protection switch has been ordered and is not reported.
    pub(crate) switching: bool,
    /// After CCC: clear text again, and the data connections stay as they are.
    frozen: bool,
    ccc_written: bool,
    pub(crate) handshake_failed: bool,
    going_clear: bool,
    ready: bool,
    /// The secrets that have left.
    told: Vec<&'static str>,
    /// Tickets given out, and whether they are finished.
    tickets: BTreeMap<TicketId, bool>,
    /// Payload counts that the world has told of.
    pub(crate) moved: BTreeSet<u64>,
    /// What failed.
    pub(crate) failures: Vec<Failure>,
    control_closed: bool,
    closed: bool,
}

impl Book {
    pub(crate) fn new(config: Config, user: &[u8]) -> Self {
        Book {
            config,
            anonymous: is_anonymous(user),
            partial: Vec::new(),
            unanswered: VecDeque::new(),
            secure: false,
            switching: false,
            frozen: false,
            ccc_written: false,
            handshake_failed: false,
            going_clear: false,
            ready: false,
            told: Vec::new(),
            tickets: BTreeMap::new(),
            moved: BTreeSet::from([0]),
            failures: Vec::new(),
            control_closed: false,
            closed: false,
        }
    }

    fn describes(&mut self, failure: &Failure) {
        hides_secrets(&failure.to_string());
        let _ = (failure.category(), failure.reply());
        self.failures.push(failure.clone());
    }

    /// What the server knows, and may repeat.
    pub(crate) fn told(&self) -> &[&'static str] {
        &self.told
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether the session has something to wait for.
    pub(crate) fn waits(&self) -> bool {
        !self.closed && (!self.ready || self.tickets.values().any(|finished| !finished))
    }

    pub(crate) fn asked(&mut self, ticket: TicketId) {
        assert!(!self.closed, "a ticket after the end");
        let before = self.tickets.insert(ticket, false);
        assert_eq!(before, None, "a ticket number twice");
    }

    /// One of the tickets given out, and whether it is finished.
    pub(crate) fn ticket(&self, index: usize) -> Option<(TicketId, bool)> {
        let at = index % self.tickets.len().max(1);
        self.tickets
            .iter()
            .nth(at)
            .map(|(ticket, over)| (*ticket, *over))
    }

    /// Every ticket is finished.
    pub(crate) fn check_tickets(&self) {
        for (ticket, finished) in &self.tickets {
            assert!(finished, "{ticket:?} was never finished");
        }
    }

    /// Bytes go to the server.
    pub(crate) fn written(&mut self, bytes: &[u8]) {
        assert!(!self.switching, "bytes while protection changes");
        assert!(!self.handshake_failed, "bytes after a failed handshake");
        assert!(!self.closed, "bytes after the end");
        for &byte in bytes {
            self.partial.push(byte);
            if byte == b'\n' {
                let line = core::mem::take(&mut self.partial);
                self.line(&line);
                self.unanswered.push_back(line);
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        let shown = line.escape_ascii();
        let body = line.strip_suffix(b"\r\n").expect("a line ends in CR LF");
        assert!(
            !body.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)),
            "a line end within {shown}"
        );
        // Telnet IP and SYNCH may stand in front of ABOR.
        let body = body.strip_prefix(b"\xff\xf4").unwrap_or(body);
        let body = body.strip_prefix(b"\xff\xf2").unwrap_or(body);
        let verb = body.split(|&byte| byte == b' ').next().unwrap_or_default();
        let has_canary = body
            .windows(CANARY.len())
            .any(|part| part == CANARY.as_bytes());
        let login = matches!(verb, b"USER" | b"PASS" | b"ACCT");
        assert!(
            !has_canary || matches!(verb, b"PASS" | b"ACCT"),
            "a secret in {shown}"
        );
        for (said, secret) in [(&b"PASS"[..], PASSWORD), (b"ACCT", ACCOUNT)] {
            if verb == said && has_canary && !self.told.contains(&secret) {
                self.told.push(secret);
            }
        }
        if verb == b"CCC" {
            assert!(
                self.config.security.ccc_allowed() && self.secure,
                "{shown} against the policy"
            );
            self.ccc_written = true;
        }
        if verb == b"REIN" {
            // The one before, if any, was refused.
            self.ccc_written = false;
        }
        if self.frozen {
            assert!(
                !login && !matches!(verb, b"AUTH" | b"PBSZ" | b"PROT" | b"ADAT"),
                "{shown} after CCC"
            );
            return;
        }
        if self.secure {
            return;
        }
        let security = &self.config.security;
        match security.clear_text() {
            None => assert!(
                matches!(verb, b"AUTH" | b"QUIT"),
                "{shown} in clear, and TLS is required"
            ),
            Some(allowed) => {
                let negotiating = matches!(verb, b"AUTH" | b"QUIT" | b"FEAT");
                assert!(
                    security.is_clear() || self.going_clear || negotiating,
                    "{shown} in clear, and nobody said so"
                );
                assert!(
                    !login || allowed == ClearText::Everybody || self.anonymous,
                    "{shown} in clear, which is for anonymous only"
                );
            }
        }
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) {
        let shown = format!("{event:?}");
        match event {
            // What is between the first and the last line of an answer to MLST or STAT is a value.
            Event::Finished {
                result: Ok(Done::Reply(reply)),
                ..
            } => {
                let ends = [reply.lines().next(), reply.lines().next_back()];
                hides_secrets(&ends.map(lossy).join(" "));
            }
            _ => hides_secrets(&shown),
        }
        assert!(!self.closed, "{shown} after the end");
        match *event {
            Event::Sent { line, .. } => {
                assert!(
                    !line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)),
                    "{shown}"
                );
            }
            Event::Received { reply, .. } => {
                let _ = reply.display().to_string();
            }
            Event::Ready { secure } => {
                assert_eq!(secure, self.secure, "{shown}");
                assert!(
                    secure || self.config.security.clear_text().is_some(),
                    "ready in clear, and TLS is required"
                );
                self.ready = true;
            }
            Event::Note(Note::GoingOnInClear) => {
                assert!(!self.secure && self.config.security.clear_text().is_some());
                self.going_clear = true;
            }
            Event::Finished { ticket, result } => {
                let before = self.tickets.insert(ticket, true);
                assert_eq!(
                    before,
                    Some(false),
                    "{ticket:?} finished: not once, or never asked"
                );
                match result {
                    Ok(Done::Transfer(done)) => self.transferred(&done),
                    Ok(_) => {}
                    Err(failure) => self.describes(failure),
                }
            }
            Event::Closed(failure) => {
                assert!(
                    self.control_closed,
                    "the end before the control connection's"
                );
                if let Some(failure) = failure {
                    self.describes(failure);
                }
                self.closed = true;
                self.check_tickets();
            }
            _ => {}
        }
    }

    fn transferred(&self, done: &TransferDone<'_>) {
        assert!(
            done.expected.is_none_or(|expected| expected == done.bytes),
            "done with {done:?}"
        );
        assert!(
            self.moved.contains(&done.bytes),
            "done with bytes nobody moved: {done:?}"
        );
    }

    pub(crate) fn connects(&self, order: &ConnectOrder) {
        self.data_allowed();
        let port = match order.target() {
            DataTarget::Peer { port } => port,
            DataTarget::Address(address) => {
                assert_eq!(
                    self.config.passive_address,
                    PassiveAddress::Trusted,
                    "data to {address}"
                );
                address.port()
            }
        };
        let lowest = self.config.limits.lowest_data_port;
        assert!(
            port >= lowest || matches!(port, 20 | 989),
            "a data connection to port {port}"
        );
    }

    pub(crate) fn flows(&self, order: &FlowOrder) {
        self.data_allowed();
        let private = self.config.security.data_level() == ProtectionLevel::Private;
        let required = private && self.config.security.clear_text().is_none();
        assert!(
            order.protected() || !required,
            "payload in clear, and TLS is required"
        );
        assert!(
            order.protected() || !private || !self.secure,
            "payload in clear under a protected control connection"
        );
        assert!(
            !order.protected() || self.secure || self.frozen,
            "payload under TLS without TLS on the control connection"
        );
    }

    /// No data connection in a session that is not ready for one.
    pub(crate) fn data_allowed(&self) {
        assert!(
            self.secure || self.frozen || self.config.security.clear_text().is_some(),
            "a data connection in clear, and TLS is required"
        );
    }

    pub(crate) fn secured(&mut self) {
        self.secure = true;
        self.switching = false;
        self.unanswered.clear();
    }

    pub(crate) fn cleared(&mut self) {
        assert!(self.secure, "protection ends that never was");
        self.secure = false;
        self.switching = false;
        self.going_clear = false;
        self.unanswered.clear();
        // If not CCC it was REIN, after which the session starts over.
        self.frozen = self.ccc_written;
        assert!(
            self.frozen || self.config.security.clear_text().is_some(),
            "REIN, and TLS is required"
        );
    }

    pub(crate) fn control_ends(&mut self) {
        assert!(!self.control_closed, "the control connection closed twice");
        self.control_closed = true;
        self.switching = false;
    }
}

/// Neither as text nor as the numbers of its bytes.
pub(crate) fn hides_secrets(shown: &str) {
    assert!(!shows(shown, CANARY), "a secret in {shown}");
}

fn lossy(line: Option<&[u8]>) -> String {
    String::from_utf8_lossy(line.unwrap_or_default()).into_owned()
}

fn is_anonymous(user: &[u8]) -> bool {
    user.eq_ignore_ascii_case(b"anonymous") || user.eq_ignore_ascii_case(b"ftp")
}

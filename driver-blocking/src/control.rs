//! The control connection: what goes out, what comes in, and its changes of protection.

use ftp_proto::tls::{Channel, PeerIdentity, TlsFailure};
use ftp_proto::{Fault, Input, TlsFault, TlsOrder};

use crate::buffer::Buffer;
use crate::net::{Socket, fault};
use crate::pump::Core;
use crate::tls::{Link, Received, Shake};

/// Most that is read at once, in bytes.
const READ: usize = 32 * 1024;

/// The control connection of a session.
#[derive(Debug)]
pub(crate) struct Control {
    /// Gone after the end.
    pub(crate) link: Option<Link>,
    raw: Buffer,
    /// Writing failed; what the peer said before is read first.
    broken: Option<Fault>,
    /// Kept beyond the end: a person may be asked about a certificate that was refused.
    identity: Option<PeerIdentity>,
}

/// What came of looking for bytes.
enum Fed {
    Nothing,
    Something,
    End,
    Failed(Fault),
}

impl Control {
    pub(crate) fn new(socket: Socket) -> Self {
        Control {
            link: Some(Link::new(socket)),
            raw: Buffer::new(READ),
            broken: None,
            identity: None,
        }
    }

    /// TLS here, while it lasts.
    pub(crate) fn channel(&self) -> Option<&Channel> {
        self.link.as_ref()?.channel.as_ref()
    }

    pub(crate) fn identity(&self) -> Option<&PeerIdentity> {
        self.identity.as_ref()
    }

    // ---- orders

    pub(crate) fn secure(
        &mut self,
        order: TlsOrder,
        opened: Result<Channel, TlsFailure>,
        core: &mut Core,
    ) {
        match (&mut self.link, opened) {
            (Some(link), Ok(channel)) => {
                link.channel = Some(channel);
                core.desk.secure_control = Some(order);
            }
            (_, opened) => {
                core.trouble.tls = opened.err();
                core.reports.push_back(order.failed(TlsFault::Local));
            }
        }
    }

    /// Says that TLS ends; waits for the peer to say so too.
    pub(crate) fn clear(&mut self, order: TlsOrder, core: &mut Core) {
        if let Some(channel) = self.link.as_mut().and_then(|link| link.channel.as_mut()) {
            channel.close();
        }
        core.desk.clear_control = Some(order);
    }

    pub(crate) fn close(&mut self) {
        if let Some(mut link) = self.link.take() {
            link.hang_up();
        }
    }

    // ---- the wheel

    /// Sends what the machine says. True when some of it went.
    pub(crate) fn flush(&mut self, core: &mut Core) -> bool {
        let Some(link) = &mut self.link else {
            return false;
        };
        if self.broken.is_some() {
            return false;
        }
        let outgoing = core.machine.outgoing();
        let sent = if outgoing.is_empty() {
            Ok(None)
        } else if let Some(channel) = &mut link.channel {
            Ok(Some(channel.write(outgoing)))
        } else {
            link.socket.send(outgoing)
        };
        match sent.and_then(|sent| link.flush().map(|_| sent)) {
            Ok(None | Some(0)) => false,
            Ok(Some(count)) => {
                core.machine.consume_outgoing(count);
                true
            }
            Err(error) => {
                self.broken = Some(fault(&error));
                true
            }
        }
    }

    /// Takes what came. True when something did.
    pub(crate) fn serve(&mut self, core: &mut Core) -> bool {
        if core.desk.secure_control.is_some() {
            self.shake(core)
        } else if core.desk.clear_control.is_some() {
            self.end_tls(core)
        } else {
            core.machine.reads_control() && self.hear(core)
        }
    }

    fn shake(&mut self, core: &mut Core) -> bool {
        let Some(link) = &mut self.link else {
            return false;
        };
        let shaken = link.shake(&mut self.raw);
        self.identity = self
            .channel()
            .and_then(|channel| channel.peer_identity().cloned());
        match shaken {
            Shake::Waits => return false,
            Shake::Moved => {}
            Shake::Done(facts) => {
                if let Some(order) = core.desk.secure_control.take() {
                    core.tell(Input::Report(order.secured(facts)));
                }
            }
            Shake::Failed(failure) => {
                if let Some(order) = core.desk.secure_control.take() {
                    core.tell_tls_failed(order, failure);
                }
            }
        }
        true
    }

    /// Waits for the peer's close_notify; what follows it is clear text.
    fn end_tls(&mut self, core: &mut Core) -> bool {
        let Some(channel) = self.channel() else {
            return false;
        };
        let failure = if channel.peer_closed() {
            if channel.wants_write() {
                // Ours goes first; sending it is tried in every turn.
                return false;
            }
            None
        } else {
            match self.feed(core) {
                Fed::Nothing => return false,
                Fed::Something => return true,
                Fed::End | Fed::Failed(_) => self
                    .channel()
                    .and_then(|channel| channel.failure().cloned())
                    .or(Some(TlsFailure::Truncated)),
            }
        };
        let Some(order) = core.desk.clear_control.take() else {
            return false;
        };
        match failure {
            None => {
                if let Some(link) = &mut self.link {
                    link.channel = None;
                }
                core.tell(Input::Report(order.cleared()));
            }
            Some(failure) => core.tell_tls_failed(order, failure),
        }
        true
    }

    /// Gives the machine bytes, or the end.
    fn hear(&mut self, core: &mut Core) -> bool {
        let channel = self.link.as_mut().and_then(|link| link.channel.as_mut());
        if let Some(channel) = channel {
            let plain = channel.plaintext();
            let count = plain.len();
            if count > 0 {
                core.tell(Input::Control(plain));
                channel.consume(count);
                return true;
            }
        } else if !self.raw.is_empty() {
            core.tell(Input::Control(self.raw.filled()));
            self.raw.clear();
            return true;
        }
        let input = match (self.feed(core), self.broken) {
            (Fed::Something, _) => return true,
            (Fed::Nothing, None) => return false,
            (Fed::Nothing, Some(fault)) | (Fed::Failed(fault), _) => Input::ControlFailed(fault),
            (Fed::End, _) => Input::ControlEof,
        };
        core.tell(input);
        true
    }

    /// Takes bytes from the socket as far as into TLS.
    fn feed(&mut self, core: &mut Core) -> Fed {
        let Some(link) = &mut self.link else {
            return Fed::Nothing;
        };
        if let Some(channel) = &link.channel {
            match channel.failure() {
                None if !channel.peer_closed() => {}
                None | Some(TlsFailure::Truncated) => return Fed::End,
                Some(failure) => {
                    core.trouble.tls = Some(failure.clone());
                    return Fed::Failed(Fault::Other);
                }
            }
        }
        if self.raw.is_empty() {
            match (link.receive(&mut self.raw), &mut link.channel) {
                (Received::Nothing, _) => return Fed::Nothing,
                (Received::Failed(error), _) => return Fed::Failed(fault(&error)),
                (Received::End, None) => return Fed::End,
                (Received::End, Some(channel)) => {
                    // The next look at the channel tells what it means.
                    return match channel.peer_eof() {
                        Ok(()) => Fed::End,
                        Err(_) => Fed::Something,
                    };
                }
                (Received::Bytes, _) => {}
            }
        }
        if let Some(channel) = &mut link.channel {
            match channel.feed(self.raw.filled()) {
                Ok(count) => self.raw.consume(count),
                Err(_) => self.raw.clear(),
            }
        }
        Fed::Something
    }
}

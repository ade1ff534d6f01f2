//! The control connection: what goes out, what comes in, and its changes of protection.

use super::{Core, Sockets};
use crate::client::Input;
use crate::order::{Fault, TlsFault, TlsOrder};
use crate::pipe::flow::Shut;
use crate::pipe::link::{Link, LinkEnd};
use crate::tls::{Channel, PeerIdentity, TlsFailure};

/// Most that is read at once, in bytes.
const READ: usize = 32 * 1024;

/// The control connection of a session.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) link: Link,
    /// Kept beyond the end: a person may be asked about a certificate that was refused.
    pub(super) identity: Option<PeerIdentity>,
}

impl Control {
    pub(super) fn new() -> Self {
        Control {
            link: Link::new(READ),
            identity: None,
        }
    }

    // ---- orders

    pub(super) fn secure(
        &mut self,
        order: TlsOrder,
        opened: Result<Channel, TlsFailure>,
        core: &mut Core,
    ) {
        match opened {
            Ok(channel) => {
                self.link.secure(channel);
                core.desk.secure_control = Some(order);
            }
            Err(failure) => {
                core.trouble.tls = Some(failure);
                core.reports.push_back(order.failed(TlsFault::Local));
            }
        }
    }

    /// Says that TLS ends; waits for the peer to say so too.
    pub(super) fn clear(&mut self, order: TlsOrder, core: &mut Core) {
        self.link.close();
        core.desk.clear_control = Some(order);
    }

    pub(super) fn close(&mut self, sockets: &mut dyn Sockets) {
        self.link.close();
        if let Some(network) = sockets.control() {
            self.link.flush(network);
            network.shut(Shut::Both);
        }
        sockets.close_control();
    }

    // ---- the loop

    /// Sends what the machine says. True when some of it went.
    pub(super) fn flush(&mut self, core: &mut Core, sockets: &mut dyn Sockets) -> bool {
        if !self.is_waiting(core) {
            return false;
        }
        let Some(network) = sockets.control() else {
            return false;
        };
        let count = self.link.send(core.machine.outgoing(), network);
        if count == 0 {
            return false;
        }
        core.machine.consume_outgoing(count);
        true
    }

    /// Whether something waits to be sent.
    pub(super) fn is_waiting(&self, core: &Core) -> bool {
        !core.machine.outgoing().is_empty() || self.link.wants_write()
    }

    /// Tells the machine what is known of it. True when there was something to tell.
    pub(super) fn tell(
        &mut self,
        now: crate::Instant,
        core: &mut Core,
        sockets: &mut dyn Sockets,
    ) -> bool {
        if let Some(order) = core.desk.secure_control.take() {
            let secured = self.link.secured();
            self.identity = self.link.identity().cloned();
            match secured {
                None => core.desk.secure_control = Some(order),
                Some(Ok(facts)) => {
                    core.tell(now, Input::Report(order.secured(facts)));
                    return true;
                }
                Some(Err(failure)) => {
                    if let Some(network) = sockets.control() {
                        // The peer may be told why; whether it hears is its business.
                        self.link.flush(network);
                    }
                    core.tell_tls_failed(now, order, failure);
                    return true;
                }
            }
        } else if let Some(order) = core.desk.clear_control.take() {
            match self.link.cleared() {
                None => core.desk.clear_control = Some(order),
                Some(Ok(())) => {
                    core.tell(now, Input::Report(order.cleared()));
                    return true;
                }
                Some(Err(failure)) => {
                    core.tell_tls_failed(now, order, failure);
                    return true;
                }
            }
        } else if core.machine.reads_control() {
            return self.hear(now, core);
        }
        false
    }

    /// Takes what came. True when something did.
    pub(super) fn fill(&mut self, core: &Core, sockets: &mut dyn Sockets) -> bool {
        let changes = core.desk.secure_control.is_some() || core.desk.clear_control.is_some();
        if !changes && !core.machine.reads_control() {
            return false;
        }
        sockets
            .control()
            .is_some_and(|network| self.link.fill(network))
    }

    /// Gives the machine bytes, or the end.
    fn hear(&mut self, now: crate::Instant, core: &mut Core) -> bool {
        let plain = self.link.plain();
        let count = plain.len();
        if count > 0 {
            core.tell(now, Input::Control(plain));
            self.link.consume(count);
            return true;
        }
        let input = match self.link.end() {
            None => return false,
            Some(LinkEnd::CloseNotify | LinkEnd::Fin) => Input::ControlEof,
            Some(LinkEnd::Failed(fault)) => Input::ControlFailed(fault),
            Some(LinkEnd::Tls(failure)) => {
                core.trouble.tls = Some(failure);
                Input::ControlFailed(Fault::Other)
            }
        };
        core.tell(now, input);
        true
    }
}

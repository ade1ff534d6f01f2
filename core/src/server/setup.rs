//! PORT, PASV, EPRT, EPSV, and the life of the data connection until payload moves (RFC 959 section 3.2, RFC 2428, RFC 2577).

use core::net::{IpAddr, SocketAddr};

use alloc::vec::Vec;

use super::output::Note;
use super::work::Work;
use super::{Server, Timer};
use crate::error::Malformed;
use crate::order::{Channel, DataId, DataTarget, News, Report, TlsFacts, TlsFault};
use crate::queue::Errand;
use crate::rules::Rule;
use crate::rules::data::{Bounce, Data, Life, may_connect, may_serve};
use crate::wire::command::{EpsvArgument, Verb};
use crate::wire::extended::{ExtendedAddress, Families, encode_229};
use crate::wire::host_port::HostPort;
use crate::wire::reply::Code;

/// What PORT, PASV and their kin have set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Setup {
    /// Nothing.
    #[default]
    None,
    /// The client connects to us.
    Passive,
    /// We connect there.
    Active(SocketAddr),
}

impl Server {
    // ---- commands

    pub(super) fn on_port(&mut self, argument: &[u8]) {
        if !self.may_set_up(self.config.active.enabled) {
            return;
        }
        match HostPort::parse_argument(argument) {
            Ok(to) => self.set_up_active(IpAddr::V4(to.address), to.port),
            Err(_) => self.reply(Code::PARAMETER_SYNTAX, "Not a host and port"),
        }
    }

    pub(super) fn on_eprt(&mut self, argument: &[u8]) {
        if !self.may_set_up(self.config.active.enabled) {
            return;
        }
        match ExtendedAddress::parse_argument(argument) {
            Ok(to) if !self.families().contains(to.address) => self.refuse_family(),
            Ok(to) => self.set_up_active(to.address, to.port),
            Err(Malformed::AddressFamily) => self.refuse_family(),
            Err(_) => self.reply(Code::PARAMETER_SYNTAX, "Not an address"),
        }
    }

    pub(super) fn on_pasv(&mut self) {
        if !self.may_set_up(self.config.passive.enabled) {
            return;
        }
        if self.passive_address().is_none() {
            return self.reply(
                Code::CANNOT_OPEN_DATA_CONNECTION,
                "There is no IPv4 address here; use EPSV",
            );
        }
        self.listen();
    }

    pub(super) fn on_epsv(&mut self, argument: EpsvArgument) {
        if argument == EpsvArgument::All {
            self.session.only_epsv = true;
            return self.reply(Code::COMMAND_OKAY, "EPSV only from here on");
        }
        if !self.config.passive.enabled {
            return self.reply(Code::NOT_IMPLEMENTED, "Passive mode is off");
        }
        let Families { v4, v6 } = self.families();
        match argument {
            EpsvArgument::Family(1) if !v4 => self.refuse_family(),
            EpsvArgument::Family(2) if !v6 => self.refuse_family(),
            EpsvArgument::Family(1 | 2) | EpsvArgument::Same | EpsvArgument::All => self.listen(),
            EpsvArgument::Family(_) => self.refuse_family(),
        }
    }

    /// Whether a verb other than EPSV may set up a data connection (RFC 2428 section 4).
    fn may_set_up(&mut self, enabled: bool) -> bool {
        if self.session.only_epsv && self.law.holds(Rule::EpsvAll) {
            self.reply(Code::BAD_SEQUENCE, "Not after EPSV ALL");
            return false;
        }
        if !enabled {
            let code = match self.current.map(Verb::canonical) {
                Some(Verb::Pasv) => Code::NOT_IMPLEMENTED,
                _ => Code::PARAMETER_SYNTAX,
            };
            self.reply(code, "This data mode is off");
        }
        enabled
    }

    fn set_up_active(&mut self, to: IpAddr, port: u16) {
        let allowed = may_connect(
            self.law,
            self.peer.ip(),
            &self.config.active.third_parties,
            self.config.limits.lowest_data_port,
            (to, port),
        );
        match allowed {
            Ok(()) => {
                self.replace_setup();
                self.setup = Setup::Active(SocketAddr::new(to.to_canonical(), port));
                self.reply(Code::COMMAND_OKAY, "Data address taken");
            }
            Err(bounce) => {
                self.note(Note::BounceRefused(to, port));
                match bounce {
                    Bounce::Stranger => {
                        self.reply(Code::PARAMETER_SYNTAX, "That is not your address");
                    }
                    Bounce::LowPort => {
                        self.reply(
                            Code::PARAMETER_NOT_IMPLEMENTED,
                            "Ports below 1024 are not for data",
                        );
                    }
                }
            }
        }
    }

    fn listen(&mut self) {
        self.replace_setup();
        self.strangers = 0;
        let data = self.next_data_connection(Life::Listening);
        self.data_order = self.order_number();
        self.queue.order(Errand::Listen(self.data_order, data));
        self.work = Work::Listening;
        self.arm_data_open();
    }

    /// A new setting closes what the old one opened (RFC 959 section 4.1.2).
    fn replace_setup(&mut self) {
        if self.law.holds(Rule::OneSetup) {
            self.close_data();
        }
    }

    fn refuse_family(&mut self) {
        let mut text = Vec::new();
        self.families().encode_522(&mut text);
        self.reply_to(self.current, Code::NETWORK_PROTOCOL_UNSUPPORTED, &text);
    }

    /// The family of the control connection.
    fn families(&self) -> Families {
        Families {
            v4: self.local.is_ipv4(),
            v6: self.local.is_ipv6(),
        }
    }

    /// What a 227 reply names: never anything the client said.
    fn passive_address(&self) -> Option<core::net::Ipv4Addr> {
        match self.local.ip() {
            IpAddr::V4(local) => Some(self.config.passive.address.unwrap_or(local)),
            IpAddr::V6(_) => None,
        }
    }

    // ---- the data connection

    pub(super) fn next_data_connection(&mut self, life: Life) -> DataId {
        let id = DataId(self.next_data);
        self.next_data = self.next_data.wrapping_add(1);
        self.data = Data {
            id,
            life,
            ..Data::default()
        };
        id
    }

    pub(super) fn arm_data_open(&mut self) {
        self.timers.arm(
            Timer::DataOpen,
            self.now + self.config.limits.data_open_wait,
        );
    }

    /// The one place that gives up a data connection and its listener.
    pub(super) fn close_data(&mut self) {
        if self.data.is_live() {
            self.queue.order(Errand::CloseData(self.data.id));
        }
        self.forget_data();
    }

    pub(super) fn forget_data(&mut self) {
        self.data = Data::default();
        self.setup = Setup::None;
        self.data_order = 0;
        for timer in [
            Timer::DataOpen,
            Timer::DataHandshake,
            Timer::Stall,
            Timer::Drain,
        ] {
            self.timers.cancel(timer);
        }
    }

    pub(super) fn on_report(&mut self, report: Report) {
        if report.number == self.control_order {
            self.control_order = 0;
            self.on_control_news(report.news);
        } else if (report.number == self.data_order || !self.law.holds(Rule::StaleReports))
            && self.data.is_live()
        {
            self.data_order = 0;
            self.on_data_news(report.news);
        }
    }

    fn on_data_news(&mut self, news: News) {
        match (self.data.life, news) {
            (Life::Listening, News::Listening(address)) => self.on_listening(address.port()),
            (Life::Listening, News::Failed(_)) => self.on_no_listener(),
            (Life::Opening, News::Accepted(from)) => self.on_accepted(from),
            (Life::Opening, News::Connected) => self.on_data_connected(),
            (Life::Opening, News::Failed(_)) => self.on_data_unreachable(),
            (Life::Securing, News::Secured(facts)) => self.on_data_secured(facts),
            (Life::Securing, News::TlsFailed(fault)) => self.on_data_insecure(Some(fault)),
            (Life::Flowing, News::Finished(end)) => self.on_flow_finished(&end),
            _ => {}
        }
    }

    fn on_listening(&mut self, port: u16) {
        self.timers.cancel(Timer::DataOpen);
        let mut text = Vec::new();
        let code = if self.current == Some(Verb::Epsv) {
            encode_229(port, &mut text);
            Code::ENTERING_EXTENDED_PASSIVE_MODE
        } else {
            match self
                .passive_address()
                .and_then(|address| HostPort::new(address, port).ok())
            {
                Some(address) => address.passive_text(&mut text),
                None => return self.on_no_listener(),
            }
            Code::ENTERING_PASSIVE_MODE
        };
        self.setup = Setup::Passive;
        self.data.life = Life::Opening;
        self.accept();
        self.work = Work::Idle;
        self.reply_to(self.current, code, &text);
    }

    pub(super) fn on_no_listener(&mut self) {
        self.close_data();
        self.work = Work::Idle;
        self.reply(
            Code::CANNOT_OPEN_DATA_CONNECTION,
            "There is no port to listen at",
        );
    }

    fn accept(&mut self) {
        self.data_order = self.order_number();
        self.queue
            .order(Errand::Accept(self.data_order, self.data.id));
    }

    /// The one place that admits a connection somebody else made.
    fn on_accepted(&mut self, from: IpAddr) {
        if may_serve(
            self.law,
            self.peer.ip(),
            &self.config.active.third_parties,
            from,
        ) {
            return self.on_data_connected();
        }
        self.note(Note::StrangerRefused(from));
        self.strangers = self.strangers.saturating_add(1);
        if self.strangers >= self.config.limits.strangers {
            self.on_data_unreachable();
        } else {
            self.accept();
        }
    }

    fn on_data_connected(&mut self) {
        self.timers.cancel(Timer::DataOpen);
        self.data.life = Life::Open;
        self.note(Note::DataConnected(self.data.id));
        self.move_data_on();
    }

    pub(super) fn on_data_unreachable(&mut self) {
        if self.work == Work::Transferring {
            self.fail_transfer(
                Code::CANNOT_OPEN_DATA_CONNECTION,
                "Cannot open the data connection",
            );
        } else {
            self.close_data();
        }
    }

    /// Connects, secures or starts the flow, whatever is next and may be.
    pub(super) fn move_data_on(&mut self) {
        let Some(transfer) = &self.transfer else {
            return;
        };
        if !transfer.announced && self.law.holds(Rule::FlowAfterReply) {
            return;
        }
        let protected = transfer.protected;
        match (self.data.life, self.setup) {
            (Life::None, Setup::Active(to)) => {
                let target = if to.ip() == self.peer.ip() {
                    DataTarget::Peer { port: to.port() }
                } else {
                    DataTarget::Address(to)
                };
                let data = self.next_data_connection(Life::Opening);
                self.data_order = self.order_number();
                self.queue
                    .order(Errand::Connect(self.data_order, data, target));
                self.arm_data_open();
            }
            (Life::Listening | Life::Opening, _) => self.arm_data_open(),
            (Life::Open, _) if protected => {
                self.data.life = Life::Securing;
                self.data.protected = true;
                self.data_order = self.order_number();
                let channel = Channel::Data(self.data.id);
                self.queue
                    .order(Errand::SecureData(self.data_order, channel));
                self.timers.arm(
                    Timer::DataHandshake,
                    self.now + self.config.limits.data_handshake_wait,
                );
            }
            (Life::Open | Life::Ready, _) => self.start_flow(),
            // It was lost while the storage was asked.
            (Life::None, _) => self.on_data_unreachable(),
            _ => {}
        }
    }

    fn on_data_secured(&mut self, facts: TlsFacts) {
        self.timers.cancel(Timer::DataHandshake);
        self.note(Note::DataSecured(self.data.id, facts));
        if self.config.security.needs_reuse()
            && !facts.resumed
            && self.law.holds(Rule::SessionReuse)
        {
            self.note(Note::ReuseMissing(self.data.id));
            return self.fail_transfer(
                Code::NETWORK_PROTOCOL_UNSUPPORTED,
                "The data connection must resume the TLS session of the control connection",
            );
        }
        self.data.life = Life::Ready;
        self.move_data_on();
    }

    /// RFC 4217 section 10.2: TLS failed behind the preliminary reply.
    pub(super) fn on_data_insecure(&mut self, fault: Option<TlsFault>) {
        if let Some(fault) = fault {
            self.note(Note::DataInsecure(self.data.id, fault));
        }
        self.fail_transfer(
            Code::NETWORK_PROTOCOL_UNSUPPORTED,
            "TLS failed on the data connection",
        );
    }
}

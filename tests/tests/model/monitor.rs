//! The invariants, as an observer that sees only what crosses the machine's border: lines out, replies in, effects, reports, results.
//!
//! It keeps its own book of who answers what, written from the standards and not from the machine.

use ftp_proto::client::ClearText;
use ftp_proto::{DataEnd, DataTarget, Direction, Effect, FailureKind, FlowEnd};

use crate::world::{Op, Plan};

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) id: &'static str,
    pub(crate) what: String,
}

pub(crate) fn violated(id: &'static str, what: impl Into<String>) -> Violation {
    Violation {
        id,
        what: what.into(),
    }
}

/// What the observer remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Monitor {
    pub(crate) greeted: bool,
    pub(crate) secure: bool,
    pub(crate) switching: bool,
    pub(crate) ccc_done: bool,
    /// Injected bytes were put behind the reply that switches protection.
    pub(crate) injected: bool,
    pub(crate) handshake_failed: bool,
    /// Verbs sent and not finally answered, oldest first.
    pub(crate) open: Vec<Verb>,
    pub(crate) user_sent: bool,
    pub(crate) auths: u8,
    pub(crate) auth_refused: u8,
    pub(crate) pass_count: u8,
    /// PROT as acknowledged in this epoch.
    pub(crate) prot: Option<u8>,
    pub(crate) prot_asked: Option<u8>,
    pub(crate) transfer: Option<Transfer>,
    /// An unwanted reply came: nothing but the end may follow.
    pub(crate) doomed: Option<&'static str>,
    pub(crate) surplus_allowed: bool,
    pub(crate) closed: bool,
    pub(crate) stranger: bool,
    pub(crate) aborted: bool,
    /// Something broke in mid-request: commands may have lost their request.
    pub(crate) orphans: bool,
    pub(crate) rest_refused: bool,
    pub(crate) rest_sent: bool,
    /// The size of the file is known from SIZE, or the application knew it.
    pub(crate) sized: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Auth,
    User,
    Pass,
    Acct,
    Pbsz,
    Prot,
    Rest,
    Setup,
    Download,
    Upload,
    List,
    Abor,
    Ccc,
    Rein,
    Quit,
    Half,
    Size,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Transfer {
    pub(crate) verb: Verb,
    pub(crate) preliminary: bool,
    pub(crate) final_code: Option<u16>,
    pub(crate) end: Option<DataEnd>,
    pub(crate) bytes: u64,
    pub(crate) source_ended: bool,
    pub(crate) protected: bool,
    pub(crate) flowing: bool,
}

impl Verb {
    /// Whether it belongs to a request before the transfer in a batch, which keeps its meaning when the transfer is given up.
    fn is_login(self) -> bool {
        matches!(
            self,
            Verb::User | Verb::Pass | Verb::Acct | Verb::Pbsz | Verb::Prot
        )
    }
}

impl Monitor {
    /// A line leaves. IC-1, 2, 3, 4, 6, 7, 21, 23.
    pub(crate) fn line(&mut self, plan: &Plan, line: &[u8]) -> Result<(), Violation> {
        let text = String::from_utf8_lossy(line).into_owned();
        let Some(body) = line.strip_suffix(b"\r\n") else {
            return Err(violated("IC-1", format!("{text:?} does not end in CR LF")));
        };
        if body.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(violated("IC-1", format!("{text:?} holds a line end")));
        }
        if self.closed {
            return Err(violated("IC-30", format!("{text:?} after the end")));
        }
        if !self.greeted {
            return Err(violated("IC-23", format!("{text:?} before the greeting")));
        }
        if self.switching {
            return Err(violated(
                "IC-3",
                format!("{text:?} while protection changes"),
            ));
        }
        if self.handshake_failed {
            return Err(violated(
                "IC-3",
                format!("{text:?} after a failed handshake"),
            ));
        }
        if self.injected {
            return Err(violated("IC-4", format!("{text:?} after an injection")));
        }
        if let Some(why) = self.doomed {
            return Err(violated("IC-25", format!("{text:?} after {why}")));
        }
        let word = text
            .split([' ', '\r'])
            .next()
            .unwrap_or_default()
            .to_owned();
        let secret = matches!(word.as_str(), "USER" | "PASS" | "ACCT");
        let path = matches!(
            word.as_str(),
            "RETR"
                | "STOR"
                | "APPE"
                | "LIST"
                | "NLST"
                | "MLSD"
                | "CWD"
                | "SIZE"
                | "DELE"
                | "RNFR"
                | "RNTO"
        );
        if (secret || path) && !self.secure && !self.ccc_done {
            match plan.security.clear_text() {
                None => {
                    return Err(violated(
                        "IC-2",
                        format!("{text:?} in clear although TLS is required"),
                    ));
                }
                Some(_) if plan.security.is_clear() => {}
                // Going on in clear needs every method refused first.
                Some(_) if self.auth_refused < plan.methods => {
                    return Err(violated(
                        "IC-24",
                        format!("{text:?} in clear before the methods are exhausted"),
                    ));
                }
                Some(_) => {}
            }
            if plan.security.clear_text() == Some(ClearText::Anonymous)
                && secret
                && plan.user != "anonymous"
            {
                return Err(violated(
                    "IC-24",
                    format!("{text:?} in clear although only anonymous may"),
                ));
            }
        }
        if self.ccc_done
            && matches!(
                word.as_str(),
                "USER" | "PASS" | "ACCT" | "AUTH" | "PBSZ" | "PROT"
            )
        {
            return Err(violated("IC-6", format!("{text:?} after CCC")));
        }
        if word == "CCC" && !plan.security.ccc_allowed() {
            return Err(violated("IC-6", "CCC against the policy"));
        }
        if self
            .open
            .iter()
            .any(|verb| matches!(verb, Verb::Auth | Verb::Ccc | Verb::Rein))
        {
            return Err(violated(
                "IC-7",
                format!("{text:?} behind AUTH, CCC or REIN"),
            ));
        }
        if matches!(word.as_str(), "AUTH" | "CCC" | "REIN") && !self.open.is_empty() {
            return Err(violated("IC-7", format!("{text:?} behind {:?}", self.open)));
        }
        if plan.lock_step
            && !self.open.is_empty()
            && !matches!(word.as_str(), "ABOR" | "NOOP" | "PWD")
        {
            return Err(violated(
                "IC-7",
                format!("{text:?} behind {:?} in lock-step", self.open),
            ));
        }
        if self.open.len() > 10 {
            return Err(violated("IC-7", "too many commands outstanding"));
        }
        let verb = match word.as_str() {
            "AUTH" => {
                self.auths += 1;
                Verb::Auth
            }
            "USER" => {
                self.user_sent = true;
                Verb::User
            }
            "PASS" => {
                self.pass_count += 1;
                if self.pass_count > 1 {
                    return Err(violated("IC-21", "PASS twice on one connection"));
                }
                Verb::Pass
            }
            "ACCT" => Verb::Acct,
            "PBSZ" => Verb::Pbsz,
            "PROT" => {
                self.prot_asked = body.last().copied();
                Verb::Prot
            }
            "REST" => {
                self.rest_sent = true;
                self.rest_refused = false;
                Verb::Rest
            }
            "EPSV" | "PASV" | "EPRT" | "PORT" => Verb::Setup,
            "RETR" => Verb::Download,
            "LIST" | "NLST" => Verb::List,
            "STOR" | "APPE" => Verb::Upload,
            "ABOR" => Verb::Abor,
            "CCC" => Verb::Ccc,
            "REIN" => Verb::Rein,
            "QUIT" => Verb::Quit,
            "RNFR" => Verb::Half,
            "SIZE" => Verb::Size,
            _ => Verb::Other,
        };
        if matches!(verb, Verb::Download | Verb::Upload | Verb::List) {
            if verb == Verb::Upload && !self.open.is_empty() {
                return Err(violated(
                    "IC-34",
                    format!("{text:?} changes the remote side behind {:?}", self.open),
                ));
            }
            if self.rest_refused {
                return Err(violated("IC-34", format!("{text:?} after a refused REST")));
            }
            self.transfer = Some(Transfer {
                verb,
                preliminary: false,
                final_code: None,
                end: None,
                bytes: 0,
                source_ended: false,
                protected: false,
                flowing: false,
            });
            self.aborted = false;
        }
        if verb == Verb::Abor {
            self.aborted = true;
        }
        self.surplus_allowed = false;
        self.open.push(verb);
        Ok(())
    }

    /// A whole reply is about to be read; `trailing` bytes follow in the same segment. Notes what the standards say must follow.
    pub(crate) fn reply(&mut self, plan: &Plan, code: u16, trailing: bool) {
        let class = code / 100;
        if !self.greeted {
            match class {
                2 => self.greeted = true,
                1 => {}
                _ => self.doomed = Some("a greeting that refuses or makes no sense"),
            }
            return;
        }
        if code == 421 {
            self.doomed = Some("421");
            return;
        }
        if self.aborted && !self.open.first().is_some_and(|verb| verb.is_login()) {
            self.book_while_aborting(code);
            return;
        }
        let Some(&verb) = self.open.first() else {
            if self.surplus_allowed && matches!(class, 2 | 4) {
                self.surplus_allowed = false;
            } else {
                self.doomed = Some("a reply that nobody asked for");
            }
            return;
        };
        if class == 1 {
            match verb {
                Verb::Download | Verb::Upload | Verb::List => {
                    if let Some(transfer) = &mut self.transfer {
                        transfer.preliminary = true;
                    }
                }
                Verb::Rein => {}
                _ => self.illegal(plan),
            }
            return;
        }
        self.open.remove(0);
        match (verb, class) {
            (Verb::Auth, _) => {
                if code == 234 || (code == 334 && plan.security.takes_334()) {
                    self.injected = trailing;
                } else if matches!(class, 4 | 5) {
                    self.auth_refused += 1;
                } else {
                    self.doomed = Some("an answer to AUTH that leaves open what follows");
                }
            }
            (Verb::Ccc | Verb::Rein, 2) => self.injected = trailing && self.secure,
            (Verb::Prot, 2) => self.prot = self.prot_asked,
            (Verb::Size, 2) => self.sized |= code == 213,
            (Verb::Rest, 3) => {}
            (Verb::Rest, 4 | 5) => self.rest_refused = true,
            (Verb::User | Verb::Pass, 3) | (Verb::Half, 3) => {}
            (Verb::Download | Verb::Upload | Verb::List, 2 | 4 | 5) => {
                if let Some(transfer) = &mut self.transfer {
                    transfer.final_code = Some(code);
                }
                self.surplus_allowed = true;
            }
            (_, 4 | 5) => {}
            (Verb::Half | Verb::Rest, 2) => self.illegal(plan),
            (_, 2) => {}
            (Verb::Quit, _) => {}
            _ => self.illegal(plan),
        }
    }

    fn illegal(&mut self, plan: &Plan) {
        if !plan.orphans_possible && !self.orphans {
            self.doomed = Some("a reply its command cannot have");
        }
    }

    /// While a transfer is given up, final replies answer what is open in order, until the barrier (PWD) decides: only it is answered
    /// with 257, and what comes before its answer is late. ABOR is done or not understood (RFC 959 section 5.4): what is cut, 4yz, is the transfer.
    fn book_while_aborting(&mut self, code: u16) {
        if code < 200 {
            return;
        }
        let barrier =
            self.open.last() == Some(&Verb::Other) && !self.open.iter().any(|verb| verb.is_login());
        let only_barrier = barrier && self.open.len() == 1;
        if self.open.first() == Some(&Verb::Abor) && code / 100 == 4 {
            return;
        }
        if barrier && code == 257 || only_barrier && matches!(code, 500..=550) {
            self.open.clear();
        } else if !only_barrier && !self.open.is_empty() {
            self.open.remove(0);
        }
        // Without the barrier the number of replies stays unclear.
        if barrier && self.open.is_empty() {
            self.aborted = false;
            self.surplus_allowed = false;
        }
    }

    /// An effect leaves. IC-2b, 4, 8, 10, 11, 22, 23.
    pub(crate) fn effect(&mut self, plan: &Plan, effect: &Effect) -> Result<(), Violation> {
        match effect {
            Effect::SecureControl(_) => {
                if self.injected {
                    return Err(violated("IC-4", "TLS starts on top of injected bytes"));
                }
                self.switching = true;
            }
            Effect::ClearControl(_) => {
                if self.injected {
                    return Err(violated("IC-4", "TLS ends with bytes left over"));
                }
                self.switching = true;
            }
            Effect::CloseControl => {}
            Effect::Connect(order) => {
                self.data_allowed(plan)?;
                match order.target() {
                    DataTarget::Peer { port } if port < 1024 => {
                        return Err(violated("IC-8", format!("data connection to port {port}")));
                    }
                    DataTarget::Peer { .. } => {}
                    DataTarget::Address(address) => {
                        return Err(violated("IC-8", format!("data connection to {address}")));
                    }
                }
            }
            Effect::Listen(_) => {}
            Effect::Accept(_) => self.data_allowed(plan)?,
            Effect::SecureData(_) => {
                if self.prot != Some(b'P') {
                    return Err(violated(
                        "IC-11",
                        "TLS on a data connection that is agreed to be clear",
                    ));
                }
            }
            Effect::Flow(order) => {
                if self.stranger {
                    return Err(violated("IC-10", "payload for a stranger"));
                }
                if order.protected() != (self.prot == Some(b'P')) {
                    return Err(violated(
                        "IC-11",
                        format!(
                            "payload protected: {}, agreed: {:?}",
                            order.protected(),
                            self.prot
                        ),
                    ));
                }
                let Some(transfer) = &mut self.transfer else {
                    return Err(violated("IC-22", "payload without a transfer"));
                };
                let wanted = if transfer.verb == Verb::Upload {
                    Direction::Send
                } else {
                    Direction::Receive
                };
                if order.direction() != wanted {
                    return Err(violated(
                        "IC-22",
                        format!("payload the wrong way for {:?}", transfer.verb),
                    ));
                }
                if transfer.flowing {
                    return Err(violated("IC-13", "payload of one transfer twice"));
                }
                let answered =
                    transfer.preliminary || transfer.final_code.is_some_and(|code| code / 100 == 2);
                let eager = plan.script.contains(&Op::StoreEager)
                    && transfer.verb == Verb::Upload
                    && transfer.final_code.is_none();
                if !answered && !eager {
                    return Err(violated(
                        "IC-10",
                        "payload before the server has answered the transfer",
                    ));
                }
                transfer.protected = order.protected();
                transfer.flowing = true;
            }
            Effect::CloseData(..) => {}
        }
        Ok(())
    }

    fn data_allowed(&self, plan: &Plan) -> Result<(), Violation> {
        let required =
            plan.security.data_level() == ftp_proto::wire::command::ProtectionLevel::Private;
        if required
            && (self.secure || plan.security.clear_text().is_none())
            && self.prot != Some(b'P')
            && !self.ccc_done
        {
            return Err(violated("IC-2b", "a data connection without PROT P"));
        }
        Ok(())
    }

    pub(crate) fn flow_ended(&mut self, end: FlowEnd) {
        if let Some(transfer) = &mut self.transfer {
            transfer.end = Some(end.end);
            transfer.bytes = end.bytes;
            transfer.source_ended = end.source_ended;
        }
    }

    pub(crate) fn source_ended(&mut self) {
        if let Some(transfer) = &mut self.transfer {
            transfer.source_ended = true;
        }
    }

    /// A transfer is reported as done. IC-13, 14.
    pub(crate) fn transfer_done(
        &mut self,
        bytes: u64,
        expected: Option<u64>,
    ) -> Result<(), Violation> {
        let sized = std::mem::take(&mut self.sized);
        let Some(transfer) = self.transfer else {
            return Err(violated(
                "IC-13",
                "a transfer is done that was never asked for",
            ));
        };
        let completion = transfer.final_code.is_some_and(|code| code / 100 == 2);
        let empty_listing = transfer.verb == Verb::List
            && matches!(transfer.final_code, Some(450 | 550))
            && bytes == 0;
        if !completion && !empty_listing {
            return Err(violated(
                "IC-13",
                format!("done, but the final reply is {:?}", transfer.final_code),
            ));
        }
        if transfer.bytes != bytes {
            return Err(violated("IC-13", "bytes reported differ from bytes moved"));
        }
        if expected.is_some_and(|expected| expected != bytes) {
            return Err(violated(
                "IC-13",
                format!("done with {bytes} of {expected:?} bytes"),
            ));
        }
        if transfer.verb == Verb::Download && expected.is_some() && !sized {
            return Err(violated(
                "IC-13",
                format!("done with {expected:?} bytes by a preliminary reply alone"),
            ));
        }
        match transfer.end {
            // The machine closed an upload itself, after the final reply to a source sent to its end.
            None if transfer.verb == Verb::Upload && transfer.flowing && transfer.source_ended => {}
            None if transfer.verb == Verb::List
                || (transfer.verb == Verb::Download && expected == Some(0)) => {}
            None => {
                return Err(violated(
                    "IC-13",
                    "done without the end of the data connection",
                ));
            }
            Some(DataEnd::CloseNotify) => {}
            Some(DataEnd::Fin) if !transfer.protected => {}
            Some(DataEnd::Fin) if transfer.verb == Verb::Upload => {}
            Some(DataEnd::Fin) if expected == Some(bytes) => {}
            Some(end) => {
                return Err(violated(
                    "IC-14",
                    format!("done although the data ended with {end:?}"),
                ));
            }
        }
        if transfer.verb == Verb::Upload && !transfer.source_ended {
            return Err(violated(
                "IC-13",
                "an upload is done whose source was not read to its end",
            ));
        }
        Ok(())
    }

    /// A request failed although the standards call it done is no violation; but a failure must be one the walk can explain.
    pub(crate) fn failed(&mut self, kind: FailureKind) -> Result<(), Violation> {
        self.sized = false;
        if let FailureKind::Unconfirmed { bytes } = kind {
            let whole = self
                .transfer
                .is_some_and(|transfer| transfer.bytes == bytes && transfer.end.is_some());
            if !whole {
                return Err(violated("IC-13", "unconfirmed without an end of data"));
            }
        }
        Ok(())
    }
}

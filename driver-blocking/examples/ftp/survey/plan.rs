//! What is asked in which connection: visits and their steps, as data.

use super::column::Column;

/// One control connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub(crate) name: &'static str,
    pub(crate) start: Start,
    /// Name and password are given first.
    pub(crate) login: bool,
    pub(crate) work: Work,
}

/// How a visit begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// In clear, behind the greeting.
    Clear,
    /// With AUTH and this method, and a handshake.
    Auth(&'static str),
    /// With a handshake.
    Implicit,
    /// Under TLS, the one way or the other; in clear only where that is allowed.
    Best,
}

/// Which versions of TLS are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    Both,
    Only12,
    Only13,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// A dialogue, step by step, in parts that several visits may share.
    Dialogue(Offer, &'static [&'static [Step]]),
    /// A session of the client, which keeps its policy.
    Session(Offer, &'static [Task]),
}

/// A step of a dialogue. One that cannot be done ends the visit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Says this: the code of the reply.
    Say(&'static str, Column),
    /// Says this, and goes on only behind a completion.
    Need(&'static str),
    /// Says this: the address in the reply, beside the code.
    Passive(&'static str, Column, Column),
    /// The methods of AUTH that the reply before, to FEAT, names.
    AuthNamed(Column),
    /// Says FEAT: the features, beside the code.
    Features(Column),
    /// Says AUTH and this; if accepted, TLS must begin.
    Auth(&'static str, Column),
    /// What the handshake agreed on.
    Handshake(HandshakeColumns),
    /// Says these in one write: whether the replies come in their order.
    Batch(&'static [&'static str], Column),
    /// Says AUTH TLS and a command behind it in one write, and finds out what became of the command.
    Behind(Column),
    /// A listing without a word about protection: in clear or under TLS.
    Unprotected(Column),
    /// A listing that resumes nothing.
    Unresumed(Column),
    /// ABOR in a download of the file that the user named.
    Abort(Column),
    /// Says QUIT: how the connection ends.
    Quit(Column),
}

/// Where the facts of a handshake go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandshakeColumns {
    /// All of them.
    All,
    /// Version and suite alone.
    Version(Column),
}

/// What a session of the client is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// A listing by this data mode.
    List(Mode, Column),
    /// Whether the data connection of a further listing resumes the session.
    Resumed(Column),
    /// How the data connection ended.
    DataClose(Column),
    /// MLSD.
    Mlsd(Column),
    /// CCC, and a command behind it.
    Ccc(Column),
}

/// How data connections are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Epsv,
    Pasv,
    Eprt,
    Port,
}

use Column as C;

/// Every visit, in order: what needs no login first. Each asks a few questions, so that a server sees one connection at a time, and not many.
pub(crate) const VISITS: &[Visit] = &[
    Visit {
        name: "clear text",
        start: Start::Clear,
        login: false,
        work: Work::Dialogue(
            Offer::Both,
            &[&[
                Step::Say("FEAT", C::FeatBeforeLogin),
                Step::AuthNamed(C::AuthAdvertised),
                Step::Say("AUTH FOO", C::AuthUnknown),
                Step::Say("PBSZ 0", C::PbszBeforeAuth),
                Step::Say("PROT P", C::ProtBeforeAuth),
                Step::Say("HOST x.invalid", C::Host),
                Step::Say("USER anonymous", C::ClearUser),
            ]],
        ),
    },
    Visit {
        name: "AUTH TLS",
        start: Start::Clear,
        login: false,
        work: Work::Dialogue(
            Offer::Both,
            &[
                &[
                    Step::Auth("TLS", C::AuthTls),
                    Step::Handshake(HandshakeColumns::All),
                ],
                PROTECTION,
            ],
        ),
    },
    auth(
        "AUTH SSL",
        &[&[Step::Auth("SSL", C::AuthSsl), Step::Need("QUIT")]],
    ),
    auth(
        "AUTH TLS-C",
        &[&[Step::Auth("TLS-C", C::AuthTlsC), Step::Need("QUIT")]],
    ),
    auth(
        "AUTH TLS-P",
        &[&[Step::Auth("TLS-P", C::AuthTlsP), Step::Need("QUIT")]],
    ),
    Visit {
        name: "a second AUTH",
        start: Start::Auth("TLS"),
        login: false,
        work: Work::Dialogue(Offer::Both, &[&[Step::Say("AUTH TLS", C::AuthAgain)]]),
    },
    auth("behind AUTH", &[&[Step::Behind(C::BehindAuth)]]),
    Visit {
        name: "implicit TLS",
        start: Start::Implicit,
        login: false,
        work: Work::Dialogue(
            Offer::Both,
            &[
                &[
                    Step::Handshake(HandshakeColumns::Version(C::Implicit)),
                    Step::Handshake(HandshakeColumns::All),
                    Step::Say("FEAT", C::FeatBeforeLogin),
                    Step::AuthNamed(C::AuthAdvertised),
                ],
                PROTECTION,
            ],
        ),
    },
    version(
        "TLS 1.2",
        Offer::Only12,
        &[&[Step::Handshake(HandshakeColumns::Version(C::Tls12))]],
    ),
    version(
        "TLS 1.3",
        Offer::Only13,
        &[&[Step::Handshake(HandshakeColumns::Version(C::Tls13))]],
    ),
    Visit {
        name: "commands",
        start: Start::Best,
        login: true,
        work: Work::Dialogue(
            Offer::Both,
            &[&[
                Step::Say("SYST", C::System),
                Step::Features(C::FeatAfterLogin),
                Step::Say("OPTS UTF8 ON", C::Utf8),
                Step::Say("MLST", C::Mlst),
                Step::Need("TYPE I"),
                Step::Say("REST 1", C::Rest),
                Step::Say("ABOR", C::AborIdle),
                Step::Batch(&["NOOP", "SYST", "PWD", "TYPE I"], C::Batching),
                Step::Say("EPSV", C::Epsv),
                Step::Passive("PASV", C::Pasv, C::PassiveAddress),
                Step::Say("REIN", C::Rein),
            ]],
        ),
    },
    Visit {
        name: "data without PROT",
        start: Start::Auth("TLS"),
        login: true,
        work: Work::Dialogue(Offer::Both, &[&[Step::Unprotected(C::DataAfterAuthTls)]]),
    },
    Visit {
        name: "data without PROT, AUTH SSL",
        start: Start::Auth("SSL"),
        login: true,
        work: Work::Dialogue(Offer::Both, &[&[Step::Unprotected(C::DataAfterAuthSsl)]]),
    },
    Visit {
        name: "data without PROT, implicit TLS",
        start: Start::Implicit,
        login: true,
        work: Work::Dialogue(Offer::Both, &[&[Step::Unprotected(C::DataImplicit)]]),
    },
    session(
        "EPSV",
        Offer::Both,
        &[
            Task::List(Mode::Epsv, C::ListEpsv),
            Task::DataClose(C::DataClose),
            Task::Mlsd(C::Mlsd),
        ],
    ),
    session("PASV", Offer::Both, &[Task::List(Mode::Pasv, C::ListPasv)]),
    session("EPRT", Offer::Both, &[Task::List(Mode::Eprt, C::ListEprt)]),
    session("PORT", Offer::Both, &[Task::List(Mode::Port, C::ListPort)]),
    session(
        "resumption, TLS 1.2",
        Offer::Only12,
        &[Task::Resumed(C::Resumed12)],
    ),
    session(
        "resumption, TLS 1.3",
        Offer::Only13,
        &[Task::Resumed(C::Resumed13)],
    ),
    Visit {
        name: "no resumption",
        start: Start::Best,
        login: true,
        work: Work::Dialogue(
            Offer::Both,
            &[&[
                Step::Need("PBSZ 0"),
                Step::Need("PROT P"),
                Step::Unresumed(C::ReuseRequired),
            ]],
        ),
    },
    Visit {
        name: "ABOR",
        start: Start::Best,
        login: true,
        work: Work::Dialogue(Offer::Both, &[&[Step::Abort(C::AborRunning)]]),
    },
    session("CCC", Offer::Both, &[Task::Ccc(C::Ccc)]),
];

/// What is asked about protection, once TLS is up; the end of the connection.
const PROTECTION: &[Step] = &[
    Step::Say("PROT P", C::ProtBeforePbsz),
    Step::Say("PBSZ 8192", C::Pbsz),
    Step::Say("PROT C", C::ProtC),
    Step::Say("PROT S", C::ProtS),
    Step::Say("PROT E", C::ProtE),
    Step::Say("PROT X", C::ProtX),
    Step::Say("PROT P", C::ProtP),
    Step::Quit(C::ControlClose),
];

const fn auth(name: &'static str, steps: &'static [&'static [Step]]) -> Visit {
    Visit {
        name,
        start: Start::Clear,
        login: false,
        work: Work::Dialogue(Offer::Both, steps),
    }
}

const fn version(name: &'static str, offer: Offer, steps: &'static [&'static [Step]]) -> Visit {
    Visit {
        name,
        start: Start::Best,
        login: false,
        work: Work::Dialogue(offer, steps),
    }
}

const fn session(name: &'static str, offer: Offer, tasks: &'static [Task]) -> Visit {
    Visit {
        name,
        start: Start::Best,
        login: true,
        work: Work::Session(offer, tasks),
    }
}

impl Visit {
    /// The columns it fills.
    pub(crate) fn columns(&self) -> Vec<Column> {
        match self.work {
            Work::Dialogue(_, parts) => parts
                .iter()
                .copied()
                .flatten()
                .flat_map(Step::columns)
                .collect(),
            Work::Session(_, tasks) => tasks
                .iter()
                .map(|task| match *task {
                    Task::List(_, column)
                    | Task::Resumed(column)
                    | Task::DataClose(column)
                    | Task::Mlsd(column)
                    | Task::Ccc(column) => column,
                })
                .collect(),
        }
    }
}

impl Step {
    pub(crate) fn columns(&self) -> Vec<Column> {
        match *self {
            Step::Need(_) => Vec::new(),
            Step::Passive(_, code, address) => vec![code, address],
            Step::Handshake(HandshakeColumns::All) => vec![
                C::Tls,
                C::HelloRetry,
                C::Certificate,
                C::CertificateSha256,
                C::ClientCertificate,
            ],
            Step::Handshake(HandshakeColumns::Version(column))
            | Step::Say(_, column)
            | Step::AuthNamed(column)
            | Step::Features(column)
            | Step::Auth(_, column)
            | Step::Batch(_, column)
            | Step::Behind(column)
            | Step::Unprotected(column)
            | Step::Unresumed(column)
            | Step::Abort(column)
            | Step::Quit(column) => vec![column],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_filled_by_some_visit() {
        let filled: Vec<Column> = VISITS.iter().flat_map(Visit::columns).collect();
        for column in Column::ALL {
            // These two come with the first connection and the first login.
            let by_the_way = [C::Greeting, C::Login].contains(column);
            assert!(by_the_way || filled.contains(column), "{column:?}");
        }
    }

    #[test]
    fn no_two_columns_share_a_name() {
        for (index, column) in Column::ALL.iter().enumerate() {
            let rest = &Column::ALL[index + 1..];
            assert!(rest.iter().all(|other| other.id() != column.id()));
            assert!(rest.iter().all(|other| other.title() != column.title()));
        }
    }
}

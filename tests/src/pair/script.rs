//! What a session is made of, read from a seed: two policies, what is asked for, and what goes wrong.

use std::net::SocketAddr;
use std::time::Duration;

use ftp_proto::client::{self, AuthMethod, Batching, ClearText, DataMode, DataModes, SizeCheck};
use ftp_proto::server;

use super::dice::Dice;
use super::wire::{Cut, Side, Trouble};

/// Everything that decides how a session goes.
#[derive(Clone, Debug)]
pub struct Script {
    /// Where all chances come from.
    pub seed: u64,
    /// Where they come from before that, if somebody has chosen them: see [`Dice::tape`].
    pub tape: Vec<u8>,
    /// The client's policy.
    pub client: client::Config,
    /// The server's policy.
    pub server: server::Config,
    /// The ends of the control connection: client, server.
    pub addresses: (SocketAddr, SocketAddr),
    /// What is asked for, in order. The login comes first by itself, QUIT last.
    pub wishes: Vec<Wish>,
    /// Whether everything is asked for at once, or each thing when the one before it is over.
    pub at_once: bool,
    /// What goes wrong.
    pub trouble: Trouble,
    /// The time a packet needs, in milliseconds: at least and at most.
    pub latency: (u64, u64),
    /// The time between two pieces of payload, in milliseconds.
    pub pace: u64,
    /// The largest piece of payload, in bytes.
    pub chunk: usize,
    /// TLS sessions can be resumed again and again (TLS 1.2); otherwise each ticket works once.
    pub unlimited: bool,
    /// The storage keeps what came of an upload that was cut.
    pub keeps_parts: bool,
    /// Whether QUIT ends the session; otherwise it is left alone until the server has had enough.
    pub quits: bool,
    /// Whether the payload of uploads goes with their command.
    pub eager: bool,
}

/// One thing the client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// RETR of a file of so many bytes, from an offset, perhaps in TYPE A.
    Retrieve(usize, u64, bool),
    /// RETR of a file that is not there.
    RetrieveMissing,
    /// STOR of so many bytes.
    Store(usize, bool),
    /// STOR of so many bytes behind those that are there.
    Resume(usize, usize),
    /// APPE of so many bytes.
    Append(usize),
    /// STOU of so many bytes.
    StoreUnique(usize),
    /// LIST, NLST, MLSD.
    List,
    /// As [`Wish::List`].
    Names,
    /// As [`Wish::List`].
    Facts,
    /// MLST.
    Entry,
    /// A transfer of so many bytes, upload or download, that is aborted after a time.
    Abort(usize, bool, Duration),
    /// A transfer that is withdrawn after a time.
    Withdraw(usize, bool, Duration),
    /// RNFR and RNTO.
    Rename,
    /// MKD, CWD, PWD, CDUP, RMD.
    Directories,
    /// DELE.
    Delete,
    /// SIZE and MDTM.
    Facts2,
    /// FEAT, SYST, NOOP, HELP, STAT.
    Information,
    /// CCC.
    Ccc,
    /// REIN, and a new login.
    Rein,
}

impl Script {
    /// The session of this seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Script::by(Dice::new(seed), seed)
    }

    /// The session these bytes choose: first what it is made of, then what happens in it.
    #[must_use]
    pub fn chosen(bytes: &[u8]) -> Self {
        Script::by(Dice::tape(bytes), 0)
    }

    fn by(mut dice: Dice, seed: u64) -> Self {
        let ipv6 = dice.one_in(4);
        let addresses = if ipv6 {
            ("[2001:db8::7]:40000", "[2001:db8::1]:21")
        } else {
            ("192.0.2.7:40000", "192.0.2.1:21")
        };
        let address = |text: &str| text.parse().unwrap_or_else(|_| unreachable!("an address"));
        let (client, server) = policies(&mut dice, ipv6);
        let wishes = (0..1 + dice.roll(6)).map(|_| wish(&mut dice)).collect();
        let trouble = if dice.one_in(3) {
            Trouble::None
        } else {
            trouble(&mut dice)
        };
        let pace = dice.pick(&[0, 0, 1, 20, 2000]);
        let chunk = dice.pick(&[1, 7, 100, 1400]);
        let at_once = dice.one_in(3);
        let latency = dice.pick(&[(0, 0), (1, 1), (10, 30), (0, 300), (80, 120)]);
        let (unlimited, keeps_parts) = (dice.one_in(2), dice.one_in(2));
        let (quits, eager) = (!dice.one_in(8), dice.one_in(2));
        Script {
            seed,
            tape: dice.rest().to_vec(),
            client,
            server,
            addresses: (address(addresses.0), address(addresses.1)),
            wishes,
            at_once,
            trouble,
            latency,
            pace,
            // Not all day for one file.
            chunk: if pace == 2000 { chunk.max(100) } else { chunk },
            unlimited,
            keeps_parts,
            quits,
            eager,
        }
    }

    /// Whether the client's policy wants data connections under TLS.
    #[must_use]
    pub fn wants_private_data(&self) -> bool {
        self.client.security.clear_text().is_none()
            && self.client.security.data_level()
                == ftp_proto::wire::command::ProtectionLevel::Private
    }
}

fn policies(dice: &mut Dice, ipv6: bool) -> (client::Config, server::Config) {
    let mut client = client::Config::default();
    let mut server = server::Config::default();
    let required = client::Security::required();
    (client.security, server.security) = match dice.roll(10) {
        0 => (
            client::Security::clear(ClearText::Everybody),
            server::Security::clear(),
        ),
        1 => (
            client::Security::clear(ClearText::Everybody),
            server::Security::optional(),
        ),
        2 => (client::Security::implicit(), server::Security::implicit()),
        3 => (
            required.clear_data(),
            server::Security::required().or_clear_data(),
        ),
        4 => (
            required.allow_ccc(),
            server::Security::required().allow_ccc(),
        ),
        5 => (
            required.or_clear(ClearText::Everybody),
            server::Security::clear(),
        ),
        6 => {
            let methods = dice.pick(&[
                AuthMethod::Ssl,
                AuthMethod::TlsC,
                AuthMethod::TlsP,
                AuthMethod::Tls,
            ]);
            let security = required.methods(&[methods]);
            (
                security.unwrap_or_else(|_| unreachable!("one method")),
                server::Security::optional(),
            )
        }
        7 => (required, server::Security::required().require_reuse()),
        8 => (required, server::Security::clear()),
        _ => (required, server::Security::required()),
    };
    client.batching = dice.pick(&[Batching::Independent, Batching::LockStep]);
    client.size_check = dice.pick(&[SizeCheck::WhenFree, SizeCheck::Always, SizeCheck::Never]);
    client.keepalive = dice.pick(&[None, None, Some(Duration::from_secs(20))]);
    let modes: &[DataMode] = match dice.roll(if ipv6 { 3 } else { 6 }) {
        0 => &[DataMode::Epsv],
        1 => &[DataMode::Eprt],
        2 => &[DataMode::Eprt, DataMode::Epsv],
        3 => &[DataMode::Port],
        4 => &[DataMode::Pasv, DataMode::Port],
        _ => &[DataMode::Epsv, DataMode::Pasv],
    };
    client.data_modes = DataModes::new(modes).unwrap_or_else(|_| unreachable!("distinct"));
    server.strict_pbsz = dice.one_in(2);
    server.relogin = dice.one_in(4);
    server.ask_at_user = dice.one_in(4);
    (client, server)
}

fn wish(dice: &mut Dice) -> Wish {
    let size = dice.pick(&[0, 1, 13, 300, 5000]);
    let soon = dice.millis(0, 3000);
    match dice.roll(22) {
        0 | 1 => Wish::Retrieve(size, 0, false),
        2 => Wish::Retrieve(size, 0, true),
        3 => Wish::Retrieve(size, size as u64 / 2, false),
        4 => Wish::RetrieveMissing,
        5 | 6 => Wish::Store(size, false),
        7 => Wish::Store(size, true),
        8 => Wish::Resume(size / 2, size),
        9 => Wish::Append(size),
        10 => Wish::StoreUnique(size),
        11 => Wish::List,
        12 => Wish::Names,
        13 => Wish::Facts,
        14 => Wish::Entry,
        15 => Wish::Abort(size, dice.one_in(2), soon),
        16 => Wish::Withdraw(size, dice.one_in(2), soon),
        17 => Wish::Rename,
        18 => Wish::Directories,
        19 => Wish::Delete,
        20 => dice.pick(&[Wish::Facts2, Wish::Information]),
        _ => dice.pick(&[Wish::Ccc, Wish::Rein, Wish::Information]),
    }
}

fn trouble(dice: &mut Dice) -> Trouble {
    let cut = dice.pick(&[Cut::Reset, Cut::Fin, Cut::Silent]);
    let side = dice.pick(&[Side::Client, Side::Server]);
    match dice.roll(14) {
        0..=2 => Trouble::Control(side, dice.number() % 500, cut),
        3..=6 => {
            let connection = 1 + u8::from(dice.one_in(3));
            let place = dice.pick(&[0, 1, 12, 150, 299, 2500, 4999]);
            Trouble::Data(connection, side, place, cut)
        }
        7 => Trouble::Forgets(dice.millis(500, 20_000)),
        8 => Trouble::DataTls(cut),
        9 => Trouble::ControlTls(cut),
        10 => Trouble::Rewrites227,
        11 => Trouble::DataPorts(dice.one_in(2)),
        12 => dice.pick(&[Trouble::SomeDataPorts(1), Trouble::Stranger]),
        _ => Trouble::Storage,
    }
}

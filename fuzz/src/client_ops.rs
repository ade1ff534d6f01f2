//! A client, and everything that anybody can do around it in any order: the application's calls, the server's words, reports of every
//! outcome, stale ones, deadlines, time that stands still or goes back, partial writes.

use arbitrary::{Arbitrary, Unstructured};
use ftp_proto::client::{Client, Input, TransferOptions};
use ftp_proto::wire::date::Timestamp;
use ftp_proto::{Fault, Instant, Refusal, Secret, Ticket, Tickets};

use crate::book::{ACCOUNT, CANARY, PASSWORD};
use crate::guess::guesses;
use crate::setup::Setup;
use crate::world::{Outcome, World};

/// The first eight bytes set the session up; the rest is a list of what happens.
///
/// # Panics
/// If the law does not hold.
pub fn check(data: &[u8]) {
    let Some((setup, rest)) = Setup::take(data) else {
        return;
    };
    if guesses(rest, CANARY) {
        return;
    }
    let mut world = World::new(setup);
    let mut server = Server::default();
    let mut source = Unstructured::new(rest);
    while !source.is_empty() && !world.book.is_closed() {
        let Ok(happens) = Happens::arbitrary(&mut source) else {
            break;
        };
        apply(&mut world, &mut server, setup, happens);
        // Half of the sessions write when the list says so, the others as soon as they can.
        if setup.world & 0x80 == 0 {
            world.flush(usize::MAX);
        }
    }
    world.wind_down();
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Call(Call, u8),
    /// The server answers the oldest command as servers do.
    Usual,
    /// Whatever is open is answered and carried out as everybody wishes.
    AllIsWell,
    /// A reply out of a table, with one of some texts.
    Reply(u8, u8),
    Bytes(u8),
    Flush(u8),
    Report(u8, Outcome),
    Stale(u8, Outcome),
    Deadline,
    Wait(u16),
    /// Time goes back, as it must not.
    Back(u16),
    EarlyTimeout,
    Eof,
    Broken,
    Tickets(u8),
    Progress(u8, u16),
    SourceEnded(u8),
}

impl<'a> Arbitrary<'a> for Happens {
    /// By hand, so that one byte chooses and the common things are common.
    fn arbitrary(source: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        fn outcome(source: &mut Unstructured<'_>) -> arbitrary::Result<Outcome> {
            let way = source.arbitrary()?;
            let bytes = match source.arbitrary::<u8>()? {
                0 => 1000,
                255 => u64::MAX,
                some => u64::from(some),
            };
            Ok(Outcome { way, bytes })
        }
        Ok(match source.arbitrary::<u8>()? {
            0..64 => Happens::Usual,
            64..80 => Happens::AllIsWell,
            80..112 => Happens::Call(Call::arbitrary(source)?, source.arbitrary()?),
            112..140 => Happens::Reply(source.arbitrary()?, source.arbitrary()?),
            140..150 => Happens::Bytes(source.arbitrary()?),
            150..160 => Happens::Flush(source.arbitrary()?),
            160..190 => Happens::Report(source.arbitrary()?, outcome(source)?),
            190..200 => Happens::Stale(source.arbitrary()?, outcome(source)?),
            200..215 => Happens::Deadline,
            215..220 => Happens::Wait(source.arbitrary()?),
            220..222 => Happens::Back(source.arbitrary()?),
            222..225 => Happens::EarlyTimeout,
            225..227 => Happens::Eof,
            227..229 => Happens::Broken,
            229..235 => Happens::Tickets(source.arbitrary()?),
            235..245 => Happens::Progress(source.arbitrary()?, source.arbitrary()?),
            245..=255 => Happens::SourceEnded(source.arbitrary()?),
        })
    }
}

fn apply(world: &mut World, server: &mut Server, setup: Setup, happens: Happens) {
    match happens {
        Happens::Call(call, how) => call.made(world, setup, how),
        Happens::Usual => server.answers(world),
        Happens::AllIsWell => {
            for _ in 0..6 {
                world.flush(usize::MAX);
                server.answers(world);
                world.report(0, Outcome::GOOD);
            }
        }
        Happens::Reply(code, text) => {
            let code = pick(&CODES, code);
            let text = pick(&TEXTS, text);
            world.book.unanswered.pop_front();
            world.handle(Input::Control(format!("{code} {text}\r\n").as_bytes()));
        }
        Happens::Bytes(which) => world.handle(Input::Control(pick(&ODDITIES, which))),
        Happens::Flush(most) => world.flush(usize::from(most)),
        Happens::Report(index, outcome) => world.report(usize::from(index), outcome),
        Happens::Stale(index, outcome) => world.report_stale(usize::from(index), outcome),
        Happens::Deadline => {
            world.pass_deadline();
        }
        Happens::Wait(millis) => world.wait(u64::from(millis)),
        Happens::Back(millis) => {
            let back = world.now.as_millis().saturating_sub(u64::from(millis));
            world.now = Instant::from_millis(back);
        }
        Happens::EarlyTimeout => world.handle(Input::Timeout),
        Happens::Eof => world.handle(Input::ControlEof),
        Happens::Broken => world.handle(Input::ControlFailed(Fault::Reset)),
        Happens::Tickets(count) => world.handle(Input::Tickets(match count {
            0 => Tickets::None,
            255 => Tickets::Unlimited,
            left => Tickets::Left(left),
        })),
        Happens::Progress(index, bytes) => world.progress(usize::from(index), u64::from(bytes)),
        Happens::SourceEnded(index) => world.source_ended(usize::from(index)),
    }
}

/// Every method of the client that asks for something.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Call {
    Login,
    Retrieve,
    Store,
    Append,
    StoreUnique,
    List,
    Names,
    Facts,
    Entry,
    Size,
    Modified,
    SetModified,
    ChangeDirectory,
    ChangeToParent,
    WorkingDirectory,
    MakeDirectory,
    RemoveDirectory,
    Delete,
    Rename,
    Status,
    Help,
    System,
    Noop,
    Features,
    Options,
    Site,
    Account,
    Command,
    Reinitialize,
    ClearCommandChannel,
    Quit,
    Abort,
    Withdraw,
}

impl Call {
    fn made(self, world: &mut World, setup: Setup, choice: u8) {
        let path = pick(&PATHS, choice);
        let maybe = (choice & 0x80 == 0).then_some(path);
        let how = TransferOptions {
            offset: u64::from(choice >> 6 & 1) * 100,
            ascii: choice & 0x20 != 0,
            size: (choice & 0x10 != 0).then_some(1000),
            allocate: (choice & 8 != 0).then_some(1000),
            eager: choice & 4 != 0,
            ..TransferOptions::default()
        };
        match self {
            Call::Login => {
                let account = (choice & 1 != 0).then(|| Secret::new(ACCOUNT.as_bytes()));
                let password = Secret::new(PASSWORD.as_bytes());
                world.ask(|client, now| client.login(now, setup.user(), password, account));
            }
            Call::Retrieve => world.ask(|client, now| client.retrieve(now, path, how)),
            Call::Store => world.ask(|client, now| client.store(now, path, how)),
            Call::Append => world.ask(|client, now| client.append(now, path, how)),
            Call::StoreUnique => world.ask(|client, now| client.store_unique(now, maybe, how)),
            Call::List => world.ask(|client, now| client.list(now, maybe)),
            Call::Names => world.ask(|client, now| client.names(now, maybe)),
            Call::Facts => world.ask(|client, now| client.facts(now, maybe)),
            Call::Entry => world.ask(|client, now| client.entry(now, maybe)),
            Call::Size => world.ask(|client, now| client.size(now, path)),
            Call::Modified => world.ask(|client, now| client.modified(now, path)),
            Call::SetModified => {
                let time = Timestamp::from_unix_seconds(i64::from(choice) << 24).expect("a year");
                world.ask(|client, now| client.set_modified(now, path, time));
            }
            Call::ChangeDirectory => world.ask(|client, now| client.change_directory(now, path)),
            Call::ChangeToParent => world.ask(Client::change_to_parent),
            Call::WorkingDirectory => world.ask(Client::working_directory),
            Call::MakeDirectory => world.ask(|client, now| client.make_directory(now, path)),
            Call::RemoveDirectory => world.ask(|client, now| client.remove_directory(now, path)),
            Call::Delete => world.ask(|client, now| client.delete(now, path)),
            Call::Rename => {
                let to = pick(&PATHS, choice >> 4);
                world.ask(|client, now| client.rename(now, path, to));
            }
            Call::Status => world.ask(|client, now| client.status(now, maybe)),
            Call::Help => world.ask(|client, now| client.help(now, path)),
            Call::System => world.ask(Client::system),
            Call::Noop => world.ask(Client::noop),
            Call::Features => world.ask(Client::features),
            Call::Options => world.ask(|client, now| client.options(now, b"UTF8 ON")),
            Call::Site => world.ask(|client, now| client.site(now, path)),
            Call::Account => {
                let account = Secret::new(ACCOUNT.as_bytes());
                world.ask(|client, now| client.account(now, &account));
            }
            Call::Command => world.ask(|client, now| client.command(now, pick(&RAW, choice))),
            Call::Reinitialize => world.ask(Client::reinitialize),
            Call::ClearCommandChannel => world.ask(Client::clear_command_channel),
            Call::Quit => world.ask(Client::quit),
            Call::Abort => world.ask(abort),
            Call::Withdraw => world.withdraw(choice),
        }
    }
}

fn abort(client: &mut Client, now: Instant) -> Result<Ticket<ftp_proto::Plain>, Refusal> {
    client.abort(now)
}

/// A server that answers as servers do: what a session needs to get anywhere.
#[derive(Debug, Default)]
struct Server {
    greeted: bool,
    /// The preliminary reply to the oldest command was sent.
    opened: bool,
}

impl Server {
    fn answers(&mut self, world: &mut World) {
        if !world.client.reads_control() {
            return;
        }
        if !self.greeted {
            self.greeted = true;
            world.handle(Input::Control(b"220 ready\r\n"));
            return;
        }
        let Some(line) = world.book.unanswered.front() else {
            return;
        };
        let verb = line
            .split(|byte| matches!(byte, b' ' | b'\r'))
            .next()
            .unwrap_or_default();
        let moves = matches!(
            verb,
            b"RETR" | b"STOR" | b"APPE" | b"STOU" | b"LIST" | b"NLST" | b"MLSD"
        );
        let reply: &[u8] = match verb {
            _ if moves && !self.opened => b"150 Opening data connection\r\n",
            _ if moves => b"226 Transfer complete\r\n",
            b"USER" => b"331 Password required\r\n",
            b"PASS" | b"ACCT" => b"230 Logged in\r\n",
            b"AUTH" => b"234 Go ahead\r\n",
            b"EPSV" => b"229 Entering Extended Passive Mode (|||50000|)\r\n",
            b"PASV" => b"227 Entering Passive Mode (192,0,2,1,195,80)\r\n",
            b"SIZE" => b"213 1000\r\n",
            b"MDTM" => b"213 20240229235959\r\n",
            b"REST" | b"RNFR" => b"350 Pending\r\n",
            b"PWD" | b"MKD" => b"257 \"/home/user\" it is\r\n",
            b"FEAT" => b"211-Features:\r\n EPSV\r\n MLST type*;size*;\r\n SIZE\r\n211 End\r\n",
            b"SYST" => b"215 UNIX Type: L8\r\n",
            b"STAT" | b"HELP" => b"211-Some\r\n lines\r\n211 End\r\n",
            b"MLST" => b"250-Listing\r\n type=file;size=1000; a\r\n250 End\r\n",
            b"CWD" | b"CDUP" | b"RMD" | b"DELE" | b"RNTO" => b"250 Done\r\n",
            b"REIN" => b"220 ready again\r\n",
            b"QUIT" => b"221 Goodbye\r\n",
            b"ABOR" | b"\xff\xf4\xff\xf2ABOR" => b"226 Aborted\r\n",
            _ => b"200 Fine\r\n",
        };
        if moves && !self.opened {
            self.opened = true;
        } else {
            self.opened = false;
            world.book.unanswered.pop_front();
        }
        world.handle(Input::Control(reply));
    }
}

fn pick<T: Copy>(table: &[T], choice: u8) -> T {
    *table
        .get(usize::from(choice) % table.len())
        .expect("a table with something in it")
}

const CODES: [u16; 45] = [
    110, 120, 125, 150, 200, 202, 211, 213, 220, 221, 225, 226, 227, 228, 229, 230, 232, 234, 250,
    257, 331, 332, 334, 335, 350, 421, 425, 426, 431, 450, 451, 452, 500, 501, 502, 503, 504, 521,
    522, 530, 532, 534, 550, 552, 553,
];

const TEXTS: [&str; 12] = [
    "",
    "ready",
    "Entering Extended Passive Mode (|||50000|)",
    "Entering Extended Passive Mode (|||25|)",
    "Entering Passive Mode (192,0,2,1,195,80)",
    "Entering Passive Mode (10,0,0,1,195,80)",
    "Entering Passive Mode (192,0,2,1,0,22)",
    "1000",
    "20240229235959",
    "\"/home\" is the current directory",
    "Opening BINARY mode data connection for a.bin (1000 bytes).",
    "Network protocol not supported, use (1)",
];

/// What servers should not say, or not in one piece.
const ODDITIES: [&[u8]; 20] = [
    b"",
    b"\r\n",
    b"2",
    b"20",
    b"0 half a line",
    b"211-open\r\n",
    b"211 End\r\n",
    b"226 done\r\n226 done again\r\n",
    b"150 go\r\n226 done\r\n",
    b"234 go\r\n220 injected\r\n",
    b"230-multi\r\n331 other end\r\n",
    b"\xff\xfb\x01\xff\xfd\x03",
    b"HTTP/1.1 400 Bad Request\r\n",
    b"\x15\x03\x01\x00\x02\x02\x28",
    b"99 no\r\n",
    b"700 no\r\n",
    b"200 a\x00b\r\n",
    b"200 a\rb\r\n",
    b"421 Timeout.\r\n",
    b"200 OK\n",
];

const PATHS: [&[u8]; 10] = [
    b"a file",
    b"/",
    b"",
    b"a\r\nDELE b",
    b"nul\0",
    b"\xff\xf4 telnet",
    b" spaces ",
    b"-al",
    b"a-name-that-is-too-long-for-the-short-limit-of-some-sessions",
    b"\xc3\xa4",
];

const RAW: [&[u8]; 14] = [
    b"NOOP",
    b"XPWD",
    b"SITE IDLE 100",
    b"FROB x",
    b"PASS word",
    b"USER name",
    b"RETR file",
    b"TYPE A",
    b"AUTH TLS",
    b"PROT C",
    b"ACCT x",
    b"NOOP\r\nDELE x",
    b"",
    b"STAT",
];

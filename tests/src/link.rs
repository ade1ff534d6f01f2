//! A link with a delay: two network namespaces, one TUN device in each, and this process carrying the packets
//! between them, every packet half a round trip late.
//!
//! Nothing about TCP is imitated: handshakes, slow start, Nagle and delayed acknowledgements are the kernel's own,
//! so what a client costs in round trips here is what it costs on a real path of that length. There is no loss and
//! no rate limit: the only thing that takes time is distance.
//!
//! Needs Linux, root (`CAP_NET_ADMIN`), `/dev/net/tun` and the `ip` program of iproute2.
//!
//! ```no_run
//! use ftp_proto_tests::link::{FAR, Link};
//! use std::time::Duration;
//!
//! let link = Link::new(Duration::from_millis(100))?;
//! let mut server = link.far("some-server").arg("--listen").arg(FAR.to_string()).spawn()?;
//! link.forget();
//! link.near("some-client").arg(FAR.to_string()).status()?;
//! println!("{} TCP segments crossed", link.segments().len());
//! server.kill()?;
//! # Ok::<(), std::io::Error>(())
//! ```

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tun_rs::{DeviceBuilder, SyncDevice};

/// Address of the near end, where clients run.
pub const NEAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// Address of the far end, where servers run.
pub const FAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

const MTU: u16 = 1500;

/// Two network namespaces with a fixed distance between them. Dropping it removes both.
#[derive(Debug)]
#[must_use = "the link is torn down when it is dropped"]
pub struct Link {
    near: Namespace,
    far: Namespace,
    round_trip: Duration,
    log: Log,
    carriers: Vec<thread::JoinHandle<()>>,
}

impl Link {
    /// Makes both namespaces and starts to carry packets, each `round_trip / 2` late.
    ///
    /// # Errors
    ///
    /// When a namespace or a device cannot be made: not root, no `/dev/net/tun`, no `ip` program.
    pub fn new(round_trip: Duration) -> io::Result<Self> {
        static LINKS: AtomicU32 = AtomicU32::new(0);
        let unique = format!(
            "{}-{}",
            std::process::id(),
            LINKS.fetch_add(1, Ordering::Relaxed)
        );
        let near = Namespace::new(format!("ftpp-a-{unique}"))?;
        let far = Namespace::new(format!("ftpp-b-{unique}"))?;
        let near_end = near.device(format!("fa{unique}"), NEAR, FAR)?;
        let far_end = far.device(format!("fb{unique}"), FAR, NEAR)?;
        let log = Log::default();
        let mut carriers = carry(
            Towards::Far,
            near_end.clone(),
            far_end.clone(),
            round_trip / 2,
            &log,
        );
        carriers.extend(carry(
            Towards::Near,
            far_end,
            near_end,
            round_trip / 2,
            &log,
        ));
        Ok(Self {
            near,
            far,
            round_trip,
            log,
            carriers,
        })
    }

    /// The round-trip time that was asked for.
    #[must_use]
    pub const fn round_trip(&self) -> Duration {
        self.round_trip
    }

    /// A command that will run at the near end, where [`NEAR`] is local.
    pub fn near(&self, program: impl AsRef<OsStr>) -> Command {
        self.near.command(program)
    }

    /// A command that will run at the far end, where [`FAR`] is local.
    pub fn far(&self, program: impl AsRef<OsStr>) -> Command {
        self.far.command(program)
    }

    /// The TCP segments that passed the near end since the last [`forget`](Self::forget), in the order in which the
    /// near end sent or got them.
    #[must_use]
    pub fn segments(&self) -> Vec<Segment> {
        self.log.lock().clone()
    }

    /// Empties the record of segments.
    pub fn forget(&self) {
        self.log.lock().clear();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.near.remove_device();
        self.far.remove_device();
        for carrier in self.carriers.drain(..) {
            let _ = carrier.join();
        }
    }
}

/// One TCP segment as the near end saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// When the near end sent it, or got it.
    pub at: Instant,
    /// Which way it went.
    pub towards: Towards,
    /// Where it came from.
    pub source: SocketAddrV4,
    /// Where it went.
    pub destination: SocketAddrV4,
    /// Sequence number of the first byte of `payload`, or of SYN or FIN.
    pub sequence: u32,
    /// SYN flag.
    pub syn: bool,
    /// ACK flag.
    pub ack: bool,
    /// FIN flag.
    pub fin: bool,
    /// RST flag.
    pub rst: bool,
    /// The bytes it carried.
    pub payload: Vec<u8>,
}

impl Segment {
    /// Reads an IPv4 packet; `None` for anything but TCP.
    fn parse(packet: &[u8], towards: Towards, at: Instant) -> Option<Self> {
        let (version, protocol) = (*packet.first()? >> 4, *packet.get(9)?);
        if (version, protocol) != (4, 6) {
            return None;
        }
        let total = usize::from(u16::from_be_bytes(*packet.get(2..4)?.first_chunk()?));
        let header = usize::from(*packet.first()? & 0x0f) * 4;
        let address = |at: usize| Some(Ipv4Addr::from(*packet.get(at..)?.first_chunk::<4>()?));
        let tcp = packet.get(header..total)?;
        let port = |at: usize| Some(u16::from_be_bytes(*tcp.get(at..)?.first_chunk()?));
        let flags = *tcp.get(13)?;
        Some(Self {
            at,
            towards,
            source: SocketAddrV4::new(address(12)?, port(0)?),
            destination: SocketAddrV4::new(address(16)?, port(2)?),
            sequence: u32::from_be_bytes(*tcp.get(4..)?.first_chunk()?),
            syn: flags & 0x02 != 0,
            ack: flags & 0x10 != 0,
            fin: flags & 0x01 != 0,
            rst: flags & 0x04 != 0,
            payload: tcp.get(usize::from(*tcp.get(12)? >> 4) * 4..)?.to_vec(),
        })
    }
}

/// The direction of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Towards {
    /// From the far end to the near end.
    Near,
    /// From the near end to the far end.
    Far,
}

/// When the near end of a session sent and got what, seen from outside: works for any client, and under TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The first SYN to the control port.
    pub start: Instant,
    /// When the first byte of the greeting reached the near end.
    pub greeting: Option<Instant>,
    /// For every data connection that brought a file, in order: when its first file byte reached the near end.
    pub files: Vec<Instant>,
    /// How often the client sent something on the control connection and then had to wait: runs of segments with
    /// payload, a run ending where the server sends.
    pub turns: usize,
}

impl Sighting {
    /// Finds one client's session with the server at `control_port` in `segments`.
    ///
    /// A data connection is any other connection the client opens. Its first file byte is taken to be in the segment
    /// with which the server has sent more than `handshake` bytes on it: 0 for a clear connection, and more than a
    /// TLS handshake but less than handshake plus file for a protected one. `None` when there is no SYN to the
    /// control port.
    #[must_use]
    pub fn of(segments: &[Segment], control_port: u16, handshake: u32) -> Option<Self> {
        let start = segments
            .iter()
            .find(|s| s.syn && s.destination.port() == control_port)?
            .at;
        let mut first: HashMap<(u16, u16), u32> = HashMap::new();
        let (mut files, mut seen) = (Vec::new(), Vec::new());
        let (mut turns, mut speaking) = (0, false);
        let mut greeting = None;
        for segment in segments {
            if segment.payload.is_empty() && !segment.syn {
                continue;
            }
            match segment.towards {
                Towards::Far
                    if segment.destination.port() == control_port
                        && !segment.payload.is_empty() =>
                {
                    turns += usize::from(!speaking);
                    speaking = true;
                }
                Towards::Near if segment.source.port() == control_port => {
                    speaking = false;
                    if !segment.syn {
                        let _ = greeting.get_or_insert(segment.at);
                    }
                }
                Towards::Near if segment.syn => {
                    let _ = first.insert(ports(segment), segment.sequence.wrapping_add(1));
                }
                Towards::Near => {
                    let Some(origin) = first.get(&ports(segment)) else {
                        continue;
                    };
                    let end = segment
                        .sequence
                        .wrapping_sub(*origin)
                        .wrapping_add(length(&segment.payload));
                    if end > handshake && !seen.contains(&ports(segment)) {
                        seen.push(ports(segment));
                        files.push(segment.at);
                    }
                }
                Towards::Far => {}
            }
        }
        Some(Self {
            start,
            greeting,
            files,
            turns,
        })
    }
}

fn ports(segment: &Segment) -> (u16, u16) {
    (segment.source.port(), segment.destination.port())
}

fn length(payload: &[u8]) -> u32 {
    u32::try_from(payload.len()).unwrap_or(u32::MAX)
}

/// A named network namespace, removed when dropped.
#[derive(Debug)]
struct Namespace {
    name: String,
}

impl Namespace {
    fn new(name: String) -> io::Result<Self> {
        ip(&["netns", "add", &name])?;
        let namespace = Self { name };
        ip(&["-n", &namespace.name, "link", "set", "lo", "up"])?;
        // A cached congestion window or threshold would make a later run differ from an earlier one.
        let no_memory = "echo 1 > /proc/sys/net/ipv4/tcp_no_metrics_save";
        succeed(namespace.command("sh").args(["-c", no_memory]))?;
        Ok(namespace)
    }

    /// Makes a point-to-point device, moves it in under the name `link` and brings it up.
    fn device(&self, name: String, local: Ipv4Addr, peer: Ipv4Addr) -> io::Result<Arc<SyncDevice>> {
        let device = DeviceBuilder::new()
            .name(&name)
            .mtu(MTU)
            .inherit_enable_state()
            .build_sync()?;
        ip(&[
            "link", "set", "dev", &name, "netns", &self.name, "name", DEVICE,
        ])?;
        let (local, peer) = (local.to_string(), peer.to_string());
        ip(&[
            "-n", &self.name, "addr", "add", &local, "peer", &peer, "dev", DEVICE,
        ])?;
        ip(&["-n", &self.name, "link", "set", "dev", DEVICE, "up"])?;
        Ok(Arc::new(device))
    }

    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Ends the reads that wait on the device.
    fn remove_device(&self) {
        let _ = ip(&["-n", &self.name, "link", "del", "dev", DEVICE]);
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = ip(&["netns", "del", &self.name]);
    }
}

const DEVICE: &str = "link";

fn ip(arguments: &[&str]) -> io::Result<()> {
    succeed(Command::new("ip").args(arguments))
}

fn succeed(command: &mut Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!(
        "{command:?}: {}",
        complaint.trim()
    )))
}

#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<Segment>>>);

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<Segment>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, packet: &[u8], towards: Towards) {
        if let Some(segment) = Segment::parse(packet, towards, Instant::now()) {
            self.lock().push(segment);
        }
    }
}

/// Starts the two threads of one direction. A queue in order is enough: every packet waits equally long. They end
/// when the device they read is removed.
fn carry(
    towards: Towards,
    from: Arc<SyncDevice>,
    to: Arc<SyncDevice>,
    delay: Duration,
    log: &Log,
) -> Vec<thread::JoinHandle<()>> {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    let (sent, arrived) = (log.clone(), log.clone());
    let reader = move || {
        let mut buffer = [0; 65_536];
        while let Ok(length) = from.recv(&mut buffer) {
            let due = Instant::now() + delay;
            let packet = buffer.get(..length).unwrap_or_default();
            if towards == Towards::Far {
                sent.note(packet, towards);
            }
            if sender.send((due, packet.to_vec())).is_err() {
                break;
            }
        }
    };
    let writer = move || {
        while let Ok((due, packet)) = receiver.recv() {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if towards == Towards::Near {
                arrived.note(&packet, towards);
            }
            // A device on its way out refuses packets: a lost packet, as on any link that goes down.
            let _ = to.send(&packet);
        }
    };
    vec![thread::spawn(reader), thread::spawn(writer)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connection_costs_one_round_trip_and_leaves_nothing_behind() {
        let asked = Duration::from_millis(80);
        let link = Link::new(asked).unwrap();
        let name = link.near.name.clone();
        let connect = format!("import socket; socket.socket().connect_ex(('{FAR}', 9))");
        assert!(
            link.near("python3")
                .args(["-c", &connect])
                .status()
                .unwrap()
                .success()
        );
        let segments = link.segments();
        let [syn, reset] = &segments[..] else {
            panic!("{segments:?}")
        };
        assert!(syn.syn && syn.towards == Towards::Far && *syn.source.ip() == NEAR);
        assert!(
            reset.rst
                && reset.towards == Towards::Near
                && reset.source == SocketAddrV4::new(FAR, 9)
        );
        let took = reset.at - syn.at;
        assert!(took >= asked && took < asked * 3 / 2, "{took:?}");

        drop(link);
        let left = Command::new("ip")
            .args(["netns", "list"])
            .output()
            .unwrap()
            .stdout;
        assert!(!String::from_utf8(left).unwrap().contains(&name));
    }

    #[test]
    fn a_segment_is_read_from_its_packet() {
        let mut packet = vec![
            0x45, 0, 0, 43, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 2, 192, 0, 2, 1,
        ];
        packet.extend([
            0, 21, 0xc0, 0, 0, 0, 1, 0, 0, 0, 0, 9, 0x50, 0x18, 0, 0, 0, 0, 0, 0,
        ]);
        packet.extend(b"220trailer beyond the total length");
        let at = Instant::now();
        let segment = Segment::parse(&packet, Towards::Near, at).unwrap();
        assert_eq!(segment.source, SocketAddrV4::new(FAR, 21));
        assert_eq!(segment.destination, SocketAddrV4::new(NEAR, 0xc000));
        assert_eq!(
            (segment.sequence, segment.syn, segment.ack),
            (256, false, true)
        );
        assert_eq!(segment.payload, b"220");
        for cut in 0..43 {
            assert_eq!(
                Segment::parse(&packet[..cut], Towards::Near, at),
                None,
                "{cut}"
            );
        }
    }

    #[test]
    fn a_sighting_counts_turns_and_skips_the_handshake() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let far = |at, from: u16, to: u16, syn, payload: &[u8]| Segment {
            at: after(at),
            towards: Towards::Far,
            source: SocketAddrV4::new(NEAR, from),
            destination: SocketAddrV4::new(FAR, to),
            sequence: 0,
            syn,
            ack: !syn,
            fin: false,
            rst: false,
            payload: payload.to_vec(),
        };
        let near = |at, from: u16, to: u16, syn, sequence, payload: &[u8]| Segment {
            towards: Towards::Near,
            source: SocketAddrV4::new(FAR, from),
            destination: SocketAddrV4::new(NEAR, to),
            sequence,
            ..far(at, 0, 0, syn, payload)
        };
        let segments = [
            far(0, 5000, 21, true, b""),
            near(1, 21, 5000, true, 7, b""),
            near(2, 21, 5000, false, 8, b"220 hello\r\n"),
            far(2, 5000, 21, false, b"USER a\r\n"),
            far(3, 5000, 21, false, b"PASS a\r\n"),
            near(4, 21, 5000, false, 19, b"331 go on\r\n"),
            near(4, 21, 5000, false, 30, b"230 welcome\r\n"),
            far(4, 5000, 21, false, b"EPSV\r\n"),
            far(5, 5001, 4000, true, b""),
            near(6, 4000, 5001, true, u32::MAX, b""),
            far(6, 5001, 4000, false, b"client hello"),
            near(7, 4000, 5001, false, 0, b"server hello"),
            near(8, 4000, 5001, false, 12, b"file"),
            near(9, 4000, 5001, false, 16, b"more"),
        ];
        let clear = Sighting::of(&segments, 21, 0).unwrap();
        assert_eq!((clear.start, clear.turns), (after(0), 2));
        assert_eq!(clear.greeting, Some(after(2)));
        assert_eq!(clear.files, [after(7)]);
        assert_eq!(Sighting::of(&segments, 21, 12).unwrap().files, [after(8)]);
        assert_eq!(Sighting::of(&segments, 22, 0), None);
    }
}

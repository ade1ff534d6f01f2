//! Ports for servers under test, disjoint across all test processes of the machine.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::ops::RangeInclusive;

/// Ports in one block: the guard, the control port, the passive range.
const BLOCK: u16 = 128;
const LOWEST: u16 = 10_240;

/// A control port and a passive range that no other [`Block`] has, in this process or another, for as long as
/// this value lives.
///
/// The block's first port is never a server's: this value listens on it. So the kernel itself keeps the account of
/// which blocks are taken, and gives one back when the process that had it ends, however it ends.
#[derive(Debug)]
pub(super) struct Block {
    _guard: TcpListener,
    first: u16,
}

impl Block {
    pub(super) fn claim() -> io::Result<Self> {
        let blocks = (lowest_ephemeral().saturating_sub(LOWEST)) / BLOCK;
        // Starting anywhere keeps away from ports that were in use a moment ago.
        let start = RandomState::new().hash_one(0_u8) % u64::from(blocks.max(1));
        let start = u16::try_from(start).unwrap_or_default();
        (0..blocks)
            .map(|step| LOWEST + (start + step) % blocks * BLOCK)
            .find_map(|first| {
                let guard = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).ok()?;
                let block = Self {
                    _guard: guard,
                    first,
                };
                let free = block.passive().chain([block.control()]).all(unused);
                free.then_some(block)
            })
            .ok_or_else(|| io::Error::other("no block of free ports below the ephemeral ones"))
    }

    pub(super) fn control(&self) -> u16 {
        self.first + 1
    }

    pub(super) fn passive(&self) -> RangeInclusive<u16> {
        self.first + 2..=self.first + (BLOCK - 1)
    }
}

fn unused(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        // A machine without IPv6 has no port to take there.
        && !matches!(
            TcpListener::bind((Ipv6Addr::LOCALHOST, port)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse
        )
}

fn lowest_ephemeral() -> u16 {
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(32_768)
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn blocks_are_disjoint_and_come_back() {
        let first = Block::claim().unwrap();
        let second = Block::claim().unwrap();
        assert!(
            first
                .passive()
                .all(|port| !second.passive().contains(&port))
        );
        assert!(!second.passive().contains(&first.control()));
        assert!(TcpListener::bind(first._guard.local_addr().unwrap()).is_err());
        let address = first._guard.local_addr().unwrap();
        drop(first);
        // Somebody else on this machine may be looking whether it is free, or have it for a while.
        let end = Instant::now() + Duration::from_secs(30);
        while TcpListener::bind(address).is_err() {
            assert!(Instant::now() < end, "{address} did not come back");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_block_lies_below_the_ephemeral_ports() {
        assert!(*Block::claim().unwrap().passive().end() < lowest_ephemeral());
    }
}

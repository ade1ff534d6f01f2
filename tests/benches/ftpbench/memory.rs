//! What sessions cost that do nothing.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use ftp_proto::client::{ClearText, Security};
use ftp_proto_blocking::{Client, Secret};

use crate::contender::Running;
use crate::table::Figure;

/// Logs so many clients in, and sees what the server has grown by.
pub(crate) fn of_idle_sessions(
    running: &Running,
    tls: bool,
    clients: usize,
) -> Result<(String, Figure), String> {
    // The first session may bring what later ones share.
    let _first = client(running, tls)?;
    let before = settled(running.process());
    let sessions: Vec<Client> = (0..clients)
        .map(|_| client(running, tls))
        .collect::<Result<_, _>>()?;
    let after = settled(running.process());
    drop(sessions);
    // Their processes are to be gone before the clock runs.
    sleep(Duration::from_millis(500));
    let each = after.saturating_sub(before) as f64 / clients as f64;
    let name = format!("memory of each of {clients} idle sessions");
    Ok((name, Figure::new(each, "KiB")))
}

fn client(running: &Running, tls: bool) -> Result<Client, String> {
    let security = match tls {
        true => Security::required(),
        false => Security::clear(ClearText::Everybody),
    };
    let address = running.address();
    let session = Client::builder()
        .security(security)
        .ca_pem(running.authority())
        .connect(&address.ip().to_string(), address.port())
        .and_then(|mut client| {
            client.login(running.user(), Secret::new(running.password().as_bytes()))?;
            Ok(client)
        });
    session.map_err(|error| format!("an idle session: {error}"))
}

/// The memory of a process and all that descend from it, in KiB, when it has come to rest.
fn settled(process: u32) -> u64 {
    let mut before = 0;
    loop {
        sleep(Duration::from_millis(300));
        let now = family(process);
        if now.abs_diff(before) < 256 {
            return now;
        }
        before = now;
    }
}

fn family(process: u32) -> u64 {
    let own = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("Pss:"));
    let own = own.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let children = threads.into_iter().flatten().flatten().flat_map(|thread| {
        let list = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        let list: Vec<u32> = list
            .split_whitespace()
            .filter_map(|child| child.parse().ok())
            .collect();
        list
    });
    own.unwrap_or(0) + children.map(family).sum::<u64>()
}

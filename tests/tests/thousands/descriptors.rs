//! How many files and sockets a process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Beside the control connections: those for data, and what the process needs anyway.
const OTHERS: usize = 1200;

/// Raises the limit of this process, and of those it starts, as far as it may.
pub(crate) fn make_room(sessions: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let needed = (sessions + OTHERS) as u64;
    assert!(
        limit.maximum.is_none_or(|most| most >= needed),
        "{sessions} sessions need {needed} descriptors, and the hard limit is {:?}",
        limit.maximum
    );
}

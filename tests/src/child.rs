//! Waiting for a program, but not for ever.

use std::io;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Waits for the end of a program; one that has not ended within `limit` is killed, and has no status. Until then this costs no time of a processor,
/// so that what is measured is the program alone.
///
/// # Errors
/// What the system says.
pub fn end_within(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    let handle = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    loop {
        let left = limit.saturating_sub(begun.elapsed());
        let left = left.try_into().map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&left)) {
            Ok(0) => {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            Ok(_) => return child.wait().map(Some),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn shell(script: &str) -> Child {
        Command::new("sh").args(["-c", script]).spawn().unwrap()
    }

    #[test]
    fn the_status_of_a_program_that_ends_is_told() {
        let late = Duration::from_secs(60);
        let mut child = shell("exit 7");
        let status = end_within(&mut child, late).unwrap().unwrap();
        assert_eq!(status.code(), Some(7));
        // One that has ended before it is waited for, too; within no time at all.
        let mut child = shell("exit 8");
        while !has_ended(&child) {
            std::thread::yield_now();
        }
        let status = end_within(&mut child, Duration::ZERO).unwrap().unwrap();
        assert_eq!(status.code(), Some(8));
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let mut child = shell("exec sleep 600");
        let limit = Duration::from_millis(50);
        let since = Instant::now();
        assert_eq!(end_within(&mut child, limit).unwrap(), None);
        assert!(since.elapsed() >= limit);
        assert!(child.try_wait().unwrap().is_some(), "it is gone");
    }

    /// Whether it is a zombie: nobody has waited for it yet.
    fn has_ended(child: &Child) -> bool {
        let path = format!("/proc/{}/stat", child.id());
        let stat = std::fs::read_to_string(path).unwrap();
        stat.rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with('Z'))
    }
}

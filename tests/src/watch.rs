//! Looks at every line the drivers trace, for as long as a test binary runs: no password may be in one.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use tracing_subscriber::filter::LevelFilter;

use crate::rig::shows_canary;

/// Passwords besides the bench's.
static MORE: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// This password is looked for too.
#[cfg(target_os = "linux")]
pub(crate) fn password(password: &str) {
    let mut more = MORE.lock().unwrap_or_else(PoisonError::into_inner);
    if !more.iter().any(|known| known == password) {
        more.push(password.to_owned());
    }
}

/// From here on a line at any level that shows [`CANARY`](crate::rig::CANARY), or the password of a real server, stops whoever traces it.
pub fn traces() {
    // The second time there is one already.
    let _ = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(|| Watch)
        .try_init();
}

/// Where lines go, each in one piece.
struct Watch;

impl Write for Watch {
    #[allow(clippy::panic, reason = "a password that is traced fails the test")]
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let more = MORE.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if shows_canary(&text) || more.iter().any(|password| text.contains(password)) {
            panic!("the password is traced: {text}");
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! Sessions beside each other: the pool of the async driver, on servers that grant few sessions and on our own.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop the test they help"
)]

mod crowded;
mod embedded;
mod own;
mod sessions;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ftp_proto::Event;
use ftp_proto::client::{ClearText, Security};
use ftp_proto::pool::Note;
use ftp_proto::wire::command::Verb;
use ftp_proto_async::{Builder, Client, Pool, PoolBuilder, Secret};

use embedded::Embedded;
use own::{PASSWORD, USER};

/// What the sessions of a pool have said.
#[derive(Clone, Default)]
struct Heard {
    logins: Arc<AtomicUsize>,
    quits: Arc<AtomicUsize>,
    notes: Arc<Mutex<Vec<Note>>>,
}

impl Heard {
    fn logins(&self) -> usize {
        self.logins.load(Ordering::SeqCst)
    }

    fn quits(&self) -> usize {
        self.quits.load(Ordering::SeqCst)
    }

    fn notes(&self) -> Vec<Note> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.clone()
    }

    /// These settings, with ears.
    fn client(&self, builder: Builder) -> Builder {
        let heard = self.clone();
        builder.on_event(move |event| {
            if let Event::Sent { verb, .. } = event {
                match verb {
                    Verb::User => heard.logins.fetch_add(1, Ordering::SeqCst),
                    Verb::Quit => heard.quits.fetch_add(1, Ordering::SeqCst),
                    _ => 0,
                };
            }
        })
    }

    fn pool(&self, pool: PoolBuilder) -> PoolBuilder {
        let heard = self.clone();
        pool.on_note(move |note| {
            let mut notes = heard.notes.lock().unwrap_or_else(PoisonError::into_inner);
            notes.push(note);
        })
    }
}

fn clear() -> Builder {
    Client::builder().security(Security::clear(ClearText::Everybody))
}

/// A pool on our own server.
fn pool_on(own: &Embedded, heard: &Heard) -> PoolBuilder {
    let pool = Pool::builder(own.addr.ip().to_string(), own.addr.port())
        .login(USER, Secret::new(PASSWORD.as_bytes()))
        .client(heard.client(clear()));
    heard.pool(pool)
}

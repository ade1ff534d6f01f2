//! Values to test with: replies, commands, policies, calls, and whole sessions played in memory. Features `arbitrary` and `proptest`.
//!
//! A crate that builds on this one has rules of its own: which policy goes with which server, what is done about a failure. Here is
//! what such rules are tested against: everything a server can say and a network can do, as plain values that shrink.
//!
//! * [`Spoken`]: a reply and the form it is sent in.
//! * [`Call`]: a request of the application.
//! * [`Answer`] and [`Outcome`]: what a server says to a command, what becomes of an order.
//! * [`Dialogue`]: all of that together. [`Dialogue::play`] plays it and gives a [`Story`].
//! * With `arbitrary`: [`arbitrary::Arbitrary`](https://docs.rs/arbitrary) for all of them, for [`crate::Config`] and its parts, for
//!   commands, addresses, times and faults. For fuzzers.
//! * With `proptest`: the same values as strategies, and `any::<T>()` for each. See [`strategies`].
//!
//! # A dialogue by hand
//!
//! ```
//! use ftp_proto::client::{ClearText, Security};
//! use ftp_proto::testing::{Answer, Call, Dialogue};
//! use ftp_proto::{Config, FailureKind, Secret};
//!
//! let mut config = Config::default();
//! config.security = Security::clear(ClearText::Anonymous);
//! let mut dialogue = Dialogue::default(); // a server that does as it is told
//! dialogue.calls = vec![
//!     Call::Login { user: b"ftp".to_vec(), password: Secret::new(b"me@"), account: None },
//!     Call::Retrieve { path: b"motd".to_vec(), how: Default::default() },
//! ];
//! let story = dialogue.play(config.clone(), "192.0.2.1".parse().unwrap());
//! assert!(story.succeeded(1));
//!
//! dialogue.answers = vec![Answer::says(530, b"not you")];
//! let story = dialogue.play(config, "192.0.2.1".parse().unwrap());
//! assert_eq!(story.failure(0).unwrap().kind, FailureKind::LoginRefused);
//! ```

mod arbitrary;
mod call;
mod dialogue;
mod reply;
mod stage;
mod story;
#[cfg(feature = "proptest")]
pub mod strategies;

pub use call::Call;
pub use dialogue::{Answer, Dialogue, Outcome};
pub use reply::{Form, Spoken};
pub use story::{Act, Got, Step, Story, Told};

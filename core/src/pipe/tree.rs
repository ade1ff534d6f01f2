//! What a driver needs to carry out the plan for a tree, beside its sockets and files.

use std::io::{self, Write};

use super::error::Error;
use crate::client::TransferOptions;
use crate::error::Refusal;
use crate::tree::{Collector, CopyOrder, LocalTrouble, Summary, Trouble};

impl Write for Collector {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.feed(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Error {
    /// What it means for an order of a [`Planner`](crate::tree::Planner).
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        match self {
            Error::Failed(failed) => Trouble::of(&failed.failure),
            Error::Connect { .. } | Error::Refused(Refusal::Closed) => Trouble::SessionOver,
            Error::Refused(Refusal::Argument(_) | Refusal::UseTypedMethod) => Trouble::CannotBeSent,
            Error::Refused(_) | Error::Tls(_) => Trouble::NoSession,
            Error::Local(error) => Trouble::Local(local_trouble(error)),
            Error::Cancelled => Trouble::Cancelled,
        }
    }
}

/// What the local file system says, for an order of a [`Planner`](crate::tree::Planner).
#[must_use]
pub fn local_trouble(error: &io::Error) -> LocalTrouble {
    use io::ErrorKind as K;
    match error.kind() {
        K::NotFound => LocalTrouble::Missing,
        K::AlreadyExists => LocalTrouble::Exists,
        K::PermissionDenied | K::ReadOnlyFilesystem => LocalTrouble::Denied,
        K::StorageFull | K::QuotaExceeded => LocalTrouble::Full,
        K::NotADirectory | K::IsADirectory | K::InvalidData => LocalTrouble::Changed,
        _ => LocalTrouble::Other,
    }
}

/// How the transfer of an order is made.
#[must_use]
pub fn transfer_options(order: &CopyOrder) -> TransferOptions {
    let offset = order.offset();
    TransferOptions {
        offset,
        // The plan has compared it; it would be asked for once more.
        size: order.size().filter(|_| offset > 0 && order.is_download()),
        // A file is opened for each try.
        eager: !order.is_download(),
        ..TransferOptions::default()
    }
}

/// What came of a tree.
#[derive(Debug)]
#[must_use = "it may say that not everything was done"]
pub struct TreeDone {
    /// What was done, and what was not.
    pub summary: Summary,
    /// Why the last session broke, or could not be had: of interest if the summary is not complete.
    pub last_error: Option<Error>,
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;
    use crate::error::Malformed;
    use crate::listing::{Command, Options};
    use crate::tls::TlsSetupError;
    use crate::tree::{Found, Listing, Next, Order, Place, Planner};
    use crate::wire::date::Timestamp;

    /// What a plan orders once it knows both sides: the move of a file.
    fn copy_order(mut plan: Planner, there: &[Found], here: &[Found]) -> CopyOrder {
        loop {
            match plan.next() {
                Next::Order(Order::Read(order)) => {
                    let found = match order.place() {
                        Place::Remote(_) => there,
                        Place::Local(_) => here,
                    };
                    plan.report(order.listed(Listing::new(found.to_vec())));
                }
                Next::Order(Order::Copy(order)) => return order,
                other => panic!("{other:?}"),
            }
        }
    }

    /// A local file can be opened again for each try. What is gone on with has a size the plan has compared, which only a download can prove.
    #[test]
    fn files_of_a_mirror_are_moved_as_the_plan_says() {
        let now = Timestamp::from_unix_seconds(0).unwrap();
        let file = [Found::file("f", 9, Some(1))];
        let up = || Planner::upload(b"/d", crate::tree::Options::default(), now);
        let down = || Planner::download(b"/d", crate::tree::Options::default(), now);
        let moved = |offset, size, eager| TransferOptions {
            offset,
            size,
            eager,
            ..TransferOptions::default()
        };
        let anew = copy_order(up(), &[], &file);
        assert_eq!(transfer_options(&anew), moved(0, None, true));
        let begun = anew.remote().rsplit(|byte| *byte == b'/').next().unwrap();
        let on = copy_order(up(), &[Found::file(begun, 4, Some(1))], &file);
        assert_eq!(transfer_options(&on), moved(4, None, true));
        let anew = copy_order(down(), &file, &[]);
        assert_eq!(transfer_options(&anew), moved(0, None, false));
        let begun = anew.local().names().next_back().unwrap();
        let on = copy_order(down(), &file, &[Found::file(begun, 4, Some(1))]);
        assert_eq!(transfer_options(&on), moved(4, Some(9), false));
    }

    /// In the pieces it comes in.
    #[test]
    fn a_listing_is_written_to_its_collector_whole() {
        let listing = b"type=file;size=3; a\r\ntype=file;size=4; b\r\n";
        let mut options = Options::new(Timestamp::from_unix_seconds(0).unwrap());
        options.command = Command::Mlsd;
        let mut collector = Collector::new(&options, 10);
        for piece in listing.chunks(7) {
            assert_eq!(collector.write(piece).unwrap(), piece.len());
        }
        collector.flush().unwrap();
        assert_eq!(collector.finish().entries().len(), 2);
    }

    #[test]
    fn trouble_is_told_by_what_may_help() {
        let connect = Error::Connect {
            peer: String::new(),
            source: io::ErrorKind::ConnectionRefused.into(),
        };
        let cases = [
            (connect, Trouble::SessionOver),
            (Error::session_over(), Trouble::SessionOver),
            (
                Refusal::Argument(Malformed::ForbiddenByte).into(),
                Trouble::CannotBeSent,
            ),
            (Refusal::UseTypedMethod.into(), Trouble::CannotBeSent),
            (Refusal::Policy.into(), Trouble::NoSession),
            (TlsSetupError::NothingTrusted.into(), Trouble::NoSession),
            (
                Error::Local(io::ErrorKind::StorageFull.into()),
                Trouble::Local(LocalTrouble::Full),
            ),
            (Error::Cancelled, Trouble::Cancelled),
        ];
        for (error, trouble) in cases {
            assert_eq!(error.trouble(), trouble, "{error}");
        }
    }

    /// What decides whether an order is tried again, done in another way, or ends all of it.
    #[test]
    fn the_file_system_says_what_stands_in_the_way() {
        use io::ErrorKind as K;
        let cases: [(LocalTrouble, &[K]); 6] = [
            (LocalTrouble::Missing, &[K::NotFound]),
            (LocalTrouble::Exists, &[K::AlreadyExists]),
            (
                LocalTrouble::Denied,
                &[K::PermissionDenied, K::ReadOnlyFilesystem],
            ),
            (LocalTrouble::Full, &[K::StorageFull, K::QuotaExceeded]),
            (
                LocalTrouble::Changed,
                &[K::NotADirectory, K::IsADirectory, K::InvalidData],
            ),
            (LocalTrouble::Other, &[K::Interrupted, K::Other]),
        ];
        for (trouble, kinds) in cases {
            for kind in kinds {
                assert_eq!(local_trouble(&(*kind).into()), trouble, "{kind:?}");
            }
        }
    }
}

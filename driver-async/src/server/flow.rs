//! Payload: between the data connection and what is open in the storage.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use ftp_proto::pipe::Pipe;
use ftp_proto::server::{Listing, Refused};

use super::net::Connection;
use super::offload;
use super::storage::{Entries, Sink, Source, now};

/// What the system is told to send of a file at once, in bytes: about what a connection takes, so that a small file is gone before another
/// transfer wants to send too.
const PASSED: usize = 1024 * 1024;

/// What is open in the storage.
pub(super) enum Open {
    /// A file that is sent; no more than `left` bytes of it.
    Reading {
        source: Box<dyn Source>,
        left: Option<u64>,
    },
    /// A file that comes.
    Writing(Box<dyn Sink>),
    /// A directory that is listed; or the file that was named in its place.
    Listing {
        entries: Box<dyn Entries>,
        listing: Listing,
        single: bool,
    },
}

/// What is open, wherever it is, and how far work on it is. The storage works on the next piece while the last one is on the network.
#[derive(Default)]
pub(super) struct Working {
    open: Option<Open>,
    job: Option<Job>,
    /// Bytes from the storage that wait for the network.
    ready: Piece,
    /// The source has ended.
    ended: bool,
    /// The system cannot send it by itself.
    shown: bool,
    /// What went wrong in the storage.
    failed: Option<Refused>,
}

/// Work of the storage, which gives back what it worked on.
type Job = Pin<Box<dyn Future<Output = Done> + Send>>;

struct Done {
    open: Option<Open>,
    piece: Result<Piece, Refused>,
}

/// A buffer, and how much of it counts.
#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Piece {
    fn filled(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }
}

impl Working {
    pub(super) fn new(open: Open) -> Self {
        Working {
            open: Some(open),
            ..Working::default()
        }
    }

    /// Whether a file is to come.
    pub(super) fn is_upload(&self) -> bool {
        matches!(self.open, Some(Open::Writing(_)))
    }

    /// Ends what is under way: what is open then, and what went wrong.
    pub(super) async fn finish(mut self) -> (Option<Open>, Option<Refused>) {
        if let Some(job) = self.job.take() {
            let done = job.await;
            self.open = done.open;
            if let Err(why) = done.piece {
                self.failed.get_or_insert(why);
            }
        }
        (self.open, self.failed)
    }

    /// The session is over: what is still open was cut.
    pub(super) async fn abandon(self) {
        if let (Some(Open::Writing(sink)), _) = self.finish().await {
            // Nobody is left to be told.
            let _ = sink.cut().await;
        }
    }

    /// Moves payload from the storage to the pipe, or to the network where it can pass around it. True if something moved.
    pub(super) fn send(
        &mut self,
        pipe: &mut Pipe,
        network: &mut Connection,
        size: usize,
        cx: &mut Context<'_>,
    ) -> bool {
        let mut moved = self.poll_job(cx);
        if self.failed.is_some() {
            pipe.give_up();
            return true;
        }
        while !self.ready.filled().is_empty()
            && let Some(space) = pipe.space()
        {
            let count = space.len().min(self.ready.filled().len());
            if let (Some(to), Some(from)) =
                (space.get_mut(..count), self.ready.filled().get(..count))
            {
                to.copy_from_slice(from);
            }
            pipe.filled(count);
            self.ready.start += count;
            moved = true;
        }
        if self.ready.filled().is_empty() {
            if self.ended {
                if pipe.space().is_some() {
                    pipe.source_ended();
                    moved = true;
                }
            } else if self.job.is_none() {
                let now = self.pass_now(pipe, network);
                moved |= now.or_else(|| self.send_now(pipe)).unwrap_or_else(|| {
                    // Polled at once, so that it is under way while the network is waited for.
                    self.begin_read(size);
                    self.poll_job(cx)
                });
            }
        }
        moved
    }

    /// Moves payload from the pipe to the storage. True if something moved.
    pub(super) fn receive(&mut self, pipe: &mut Pipe, cx: &mut Context<'_>) -> bool {
        let mut moved = self.poll_job(cx);
        if self.failed.is_some() {
            pipe.give_up();
            return true;
        }
        if self.job.is_none()
            && let Some(Open::Writing(sink)) = &mut self.open
            && !pipe.plain().is_empty()
            && let Some(written) = sink.write_now(pipe.plain())
        {
            match written {
                Ok(()) => pipe.consume(pipe.plain().len()),
                Err(why) => self.failed = Some(why),
            }
            return true;
        }
        if self.job.is_none() && !pipe.plain().is_empty() {
            let mut bytes = std::mem::take(&mut self.ready).bytes;
            bytes.clear();
            bytes.extend_from_slice(pipe.plain());
            let count = bytes.len();
            pipe.consume(count);
            self.begin_write(bytes, count);
            self.poll_job(cx);
            moved = true;
        }
        moved
    }

    /// Has the system send a piece of a file, which nobody has to see. `None` if that cannot be done, or not now.
    ///
    /// It costs the processors least, which is what counts for small files and where there are many. But the client then has to fetch the
    /// file from where it lies in memory; what was copied is near already. So the rest of a file that has the server to itself is copied,
    /// and gets there sooner.
    fn pass_now(&mut self, pipe: &mut Pipe, network: &mut Connection) -> Option<bool> {
        let Some(Open::Reading { source, left }) = &mut self.open else {
            return None;
        };
        let pays = pipe.bytes() < PASSED as u64 || offload::is_crowded();
        if self.shown || !pays || !pipe.is_bare() {
            return None;
        }
        let file = source.file()?;
        let left_now = left.and_then(|left| usize::try_from(left).ok());
        let most = left_now.unwrap_or(PASSED).min(PASSED);
        match offload::pass_at_once(|| network.pass(file, most))? {
            Ok(0) => self.ended = true,
            Ok(count) => {
                pipe.passed(count);
                if let Some(left) = left {
                    *left = left.saturating_sub(count as u64);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                pipe.passed(0);
                return Some(false);
            }
            // Not every file system can do it. Where the file or the network is to blame, reading or writing tells which.
            Err(_) => {
                self.shown = true;
                return None;
            }
        }
        Some(true)
    }

    /// Reads a piece of a file into the pipe without waiting for the storage. `None` if the storage has to be waited for.
    fn send_now(&mut self, pipe: &mut Pipe) -> Option<bool> {
        let Some(Open::Reading { source, left }) = &mut self.open else {
            return None;
        };
        let most = left.map_or(usize::MAX, |left| {
            usize::try_from(left).unwrap_or(usize::MAX)
        });
        let space = pipe.space()?;
        let most = space.len().min(most);
        let space = space.get_mut(..most).filter(|space| !space.is_empty())?;
        match source.read_now(space)? {
            Ok(0) => self.ended = true,
            Ok(count) => {
                pipe.filled(count);
                if let Some(left) = left {
                    *left = left.saturating_sub(count as u64);
                }
            }
            Err(why) => self.failed = Some(why),
        }
        Some(true)
    }

    /// Whether the storage is at work.
    pub(super) fn is_busy(&self) -> bool {
        self.job.is_some()
    }

    fn poll_job(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(job) = &mut self.job else {
            return false;
        };
        let Poll::Ready(done) = job.as_mut().poll(cx) else {
            return false;
        };
        self.job = None;
        self.open = done.open;
        match done.piece {
            Ok(piece) => {
                self.ended = piece.end == 0;
                self.ready = piece;
            }
            Err(why) => self.failed = Some(why),
        }
        true
    }

    fn begin_read(&mut self, size: usize) {
        let mut bytes = std::mem::take(&mut self.ready).bytes;
        self.job = Some(match self.open.take() {
            Some(Open::Reading { source, left }) => {
                bytes.resize(size, 0);
                Box::pin(read(source, left, bytes))
            }
            Some(Open::Listing {
                entries,
                listing,
                single,
            }) => {
                bytes.clear();
                Box::pin(list(entries, listing, single, bytes))
            }
            open => Box::pin(async {
                let piece = Err(Refused::Io);
                Done { open, piece }
            }),
        });
    }

    fn begin_write(&mut self, bytes: Vec<u8>, count: usize) {
        let open = self.open.take();
        self.job = Some(Box::pin(async move {
            let Some(Open::Writing(mut sink)) = open else {
                let piece = Err(Refused::Io);
                return Done { open, piece };
            };
            let written = sink.write(bytes, count).await;
            Done {
                open: Some(Open::Writing(sink)),
                piece: written.map(|bytes| Piece {
                    bytes,
                    ..Piece::default()
                }),
            }
        }));
    }
}

async fn read(mut source: Box<dyn Source>, left: Option<u64>, mut bytes: Vec<u8>) -> Done {
    if let Some(left) = left {
        bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
    }
    let piece = if bytes.is_empty() {
        Ok(Piece::default())
    } else {
        let read = source.read(bytes).await;
        read.map(|(bytes, end)| Piece {
            bytes,
            start: 0,
            end,
        })
    };
    let count = piece.as_ref().map_or(0, |piece| piece.end as u64);
    Done {
        open: Some(Open::Reading {
            source,
            left: left.map(|left| left.saturating_sub(count)),
        }),
        piece,
    }
}

async fn list(
    mut entries: Box<dyn Entries>,
    listing: Listing,
    single: bool,
    mut bytes: Vec<u8>,
) -> Done {
    let line = match single {
        true => Listing::single,
        false => Listing::line,
    };
    let piece = loop {
        let some = match entries.next().await {
            Ok(some) => some,
            Err(why) => break Err(why),
        };
        let Some(now) = now() else {
            break Err(Refused::Io);
        };
        for entry in &some {
            line(&listing, entry, now, &mut bytes);
        }
        // All of them may be unwanted.
        if some.is_empty() || !bytes.is_empty() {
            let end = bytes.len();
            let start = 0;
            break Ok(Piece { bytes, start, end });
        }
    };
    let open = Some(Open::Listing {
        entries,
        listing,
        single,
    });
    Done { open, piece }
}

//! Transfers as `AsyncRead` and `AsyncWrite`.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ftp_proto::pipe::{Error, Wish};
use ftp_proto::{Ticket, Transfer, Transferred};
use smol::io::{AsyncRead, AsyncWrite};

use crate::client::{Client, claim};
use crate::pump::Nothing;
use crate::runtime::{Runtime, Smol};

/// A download to be read. The end of the bytes proves nothing: [`Reader::finish`] does.
///
/// Dropping it before its end aborts the transfer.
#[derive(Debug)]
#[must_use = "dropping the reader aborts the transfer"]
pub struct Reader<'a, R: Runtime = Smol> {
    stream: Stream<'a, R>,
}

/// An upload to be written. Nothing is proved before [`Writer::finish`] says so; closing it is the end of the file too.
///
/// Dropping it aborts the transfer: the file on the server is then incomplete.
#[derive(Debug)]
#[must_use = "dropping the writer aborts the transfer"]
pub struct Writer<'a, R: Runtime = Smol> {
    stream: Stream<'a, R>,
}

/// The transfer behind either.
#[derive(Debug)]
struct Stream<'a, R: Runtime> {
    client: &'a mut Client<R>,
    ticket: Ticket<Transferred>,
    result: Option<Result<Transfer, Error>>,
    spent: bool,
}

impl<'a, R: Runtime> Reader<'a, R> {
    pub(crate) async fn begin(
        client: &'a mut Client<R>,
        ticket: Ticket<Transferred>,
    ) -> Result<Self, Error> {
        let stream = Stream::begin(client, ticket).await?;
        Ok(Reader { stream })
    }

    /// The verdict on the whole transfer. What has not been read is received and dropped.
    ///
    /// # Errors
    /// What went wrong; all of it may have been read all the same.
    pub async fn finish(mut self) -> Result<Transfer, Error> {
        self.stream.finish(Nothing::Discard).await
    }
}

impl<R: Runtime> AsyncRead for Reader<'_, R> {
    /// Gives 0 only at the end of a transfer that is proved whole.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if out.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let count = self.stream.client.pump.engine.pipe().read(out);
        if count > 0 {
            return Poll::Ready(Ok(count));
        }
        ready!(self.stream.poll_wait(cx, Wish::Bytes))?;
        let count = self.stream.client.pump.engine.pipe().read(out);
        if count == 0 {
            self.stream.check()?;
        }
        Poll::Ready(Ok(count))
    }
}

impl<'a, R: Runtime> Writer<'a, R> {
    pub(crate) async fn begin(
        client: &'a mut Client<R>,
        ticket: Ticket<Transferred>,
    ) -> Result<Self, Error> {
        let stream = Stream::begin(client, ticket).await?;
        Ok(Writer { stream })
    }

    /// The end of the file: sends what is left, closes the data connection and waits for the verdict.
    ///
    /// # Errors
    /// What went wrong; the file on the server may be incomplete.
    pub async fn finish(mut self) -> Result<Transfer, Error> {
        self.stream.finish(Nothing::Caller(Wish::End)).await
    }
}

impl<R: Runtime> AsyncWrite for Writer<'_, R> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            if self.stream.result.is_none() {
                let count = self.stream.client.pump.engine.pipe().put(bytes);
                if count > 0 {
                    return Poll::Ready(Ok(count));
                }
            }
            ready!(self.stream.poll_wait(cx, Wish::Room))?;
            self.stream.check()?;
            if self.stream.result.is_some() {
                // Proved whole before it was: nobody takes these bytes.
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.stream.poll_wait(cx, Wish::Sent))?;
        Poll::Ready(self.stream.check())
    }

    /// The end of the file, and success only with the verdict.
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.stream.poll_wait(cx, Wish::End))?;
        Poll::Ready(self.stream.check())
    }
}

impl<'a, R: Runtime> Stream<'a, R> {
    /// Takes the transfer to where payload moves, so that a refusal is told at once.
    async fn begin(client: &'a mut Client<R>, ticket: Ticket<Transferred>) -> Result<Self, Error> {
        let mut stream = Stream {
            client,
            ticket,
            result: None,
            spent: false,
        };
        stream.run(Nothing::Caller(Wish::Begin)).await?;
        match stream.result.take_if(|result| result.is_err()) {
            Some(Err(error)) => Err(error),
            _ => Ok(stream),
        }
    }

    /// Goes on until the wish is fulfilled or the transfer is over.
    fn poll_wait(&mut self, cx: &mut Context<'_>, wish: Wish) -> Poll<Result<(), Error>> {
        self.poll_run(cx, &mut Nothing::Caller(wish))
    }

    fn poll_run(&mut self, cx: &mut Context<'_>, payload: &mut Nothing) -> Poll<Result<(), Error>> {
        if self.result.is_some() {
            return Poll::Ready(Ok(()));
        }
        let ticket = self.ticket;
        let mut result = None;
        let ran = ready!(
            self.client
                .pump
                .poll_run(cx, Some(ticket.id()), payload, &mut |event| claim(
                    ticket,
                    event,
                    &mut result
                ),)
        );
        match self.client.settle(ticket, ran, result) {
            Ok(result) => {
                self.result = result;
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                self.spent = true;
                if let Error::Cancelled = error {
                    self.client.pump.abandon(ticket.id());
                }
                Poll::Ready(Err(error))
            }
        }
    }

    async fn run(&mut self, mut payload: Nothing) -> Result<(), Error> {
        poll_fn(|cx| self.poll_run(cx, &mut payload)).await
    }

    /// Told once as an error of `AsyncRead` or `AsyncWrite`, and again by `finish`.
    fn check(&mut self) -> io::Result<()> {
        match &self.result {
            Some(Err(error)) => Err(io::Error::other(error.to_string())),
            _ => Ok(()),
        }
    }

    async fn finish(&mut self, payload: Nothing) -> Result<Transfer, Error> {
        self.run(payload).await?;
        self.spent = true;
        self.result
            .take()
            .unwrap_or_else(|| Err(Error::session_over()))
    }
}

impl<R: Runtime> Drop for Stream<'_, R> {
    fn drop(&mut self) {
        if self.result.is_none() && !self.spent {
            self.client.pump.abandon(self.ticket.id());
        }
    }
}

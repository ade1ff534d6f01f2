//! Transfers as `Read` and `Write`.

use std::io::{self, Read, Write};

use ftp_proto::pipe::{Call, Error, Payload, Wish};
use ftp_proto::{Ticket, Transfer, Transferred};

use crate::client::Client;

/// A download to be read. The end of the bytes proves nothing: [`Reader::finish`] does.
///
/// Dropping it before its end aborts the transfer.
#[derive(Debug)]
#[must_use = "dropping the reader aborts the transfer"]
pub struct Reader<'a> {
    stream: Stream<'a>,
}

/// An upload to be written. Nothing is proved before [`Writer::finish`] says so.
///
/// Dropping it aborts the transfer: the file on the server is then incomplete.
#[derive(Debug)]
#[must_use = "dropping the writer aborts the transfer"]
pub struct Writer<'a> {
    stream: Stream<'a>,
}

/// The transfer behind either.
#[derive(Debug)]
struct Stream<'a> {
    client: &'a mut Client,
    ticket: Ticket<Transferred>,
    result: Option<Result<Transfer, Error>>,
    spent: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn begin(
        client: &'a mut Client,
        ticket: Ticket<Transferred>,
    ) -> Result<Self, Error> {
        let stream = Stream::begin(client, ticket)?;
        Ok(Reader { stream })
    }

    /// The verdict on the whole transfer. What has not been read is received and dropped.
    ///
    /// # Errors
    /// What went wrong; all of it may have been read all the same.
    pub fn finish(mut self) -> Result<Transfer, Error> {
        self.stream.finish(Payload::Discard)
    }
}

impl Read for Reader<'_> {
    /// Gives 0 only at the end of a transfer that is proved whole.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let count = self.stream.client.pump.engine.pipe().read(out);
        if count > 0 {
            return Ok(count);
        }
        self.stream.wait(Wish::Bytes)?;
        let count = self.stream.client.pump.engine.pipe().read(out);
        if count == 0 {
            self.stream.check()?;
        }
        Ok(count)
    }
}

impl<'a> Writer<'a> {
    pub(crate) fn begin(
        client: &'a mut Client,
        ticket: Ticket<Transferred>,
    ) -> Result<Self, Error> {
        let stream = Stream::begin(client, ticket)?;
        Ok(Writer { stream })
    }

    /// The end of the file: sends what is left, closes the data connection and waits for the verdict.
    ///
    /// # Errors
    /// What went wrong; the file on the server may be incomplete.
    pub fn finish(mut self) -> Result<Transfer, Error> {
        self.stream.finish(Payload::Caller(Wish::End))
    }
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        loop {
            if self.stream.result.is_none() {
                let count = self.stream.client.pump.engine.pipe().put(bytes);
                if count > 0 {
                    return Ok(count);
                }
            }
            self.stream.wait(Wish::Room)?;
            self.stream.check()?;
            if self.stream.result.is_some() {
                // Proved whole before it was: nobody takes these bytes.
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.wait(Wish::Sent)?;
        self.stream.check()
    }
}

impl<'a> Stream<'a> {
    /// Takes the transfer to where payload moves, so that a refusal is told at once.
    fn begin(client: &'a mut Client, ticket: Ticket<Transferred>) -> Result<Self, Error> {
        let mut stream = Stream {
            client,
            ticket,
            result: None,
            spent: false,
        };
        stream.wait(Wish::Begin)?;
        match stream.result.take_if(|result| result.is_err()) {
            Some(Err(error)) => Err(error),
            _ => Ok(stream),
        }
    }

    /// Goes on until the wish is fulfilled or the transfer is over.
    fn wait(&mut self, wish: Wish) -> Result<(), Error> {
        if self.result.is_none() {
            self.run(Payload::Caller(wish))?;
        }
        Ok(())
    }

    fn run(&mut self, payload: Payload<'_>) -> Result<(), Error> {
        let call = Call::transfer(self.ticket.id(), payload);
        match self.client.advance(self.ticket, call) {
            Ok(result) => self.result = result,
            Err(error) => {
                self.spent = true;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Told once as an error of `Read` or `Write`, and again by `finish`.
    fn check(&mut self) -> io::Result<()> {
        match &self.result {
            Some(Err(error)) => Err(io::Error::other(error.to_string())),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, payload: Payload<'_>) -> Result<Transfer, Error> {
        if self.result.is_none() {
            self.run(payload)?;
        }
        self.spent = true;
        self.result
            .take()
            .unwrap_or_else(|| Err(Error::session_over()))
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        if self.result.is_none() && !self.spent {
            self.client.pump.abandon(self.ticket.id());
        }
    }
}

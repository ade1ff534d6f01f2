//! What a call of the application wants of the loop.

use std::io::{Read, Write};

use crate::ticket::TicketId;

/// What a call wants of the loop: the request it is about, if one, and the payload of a transfer.
#[derive(Debug)]
pub struct Call<'a> {
    /// The request.
    pub request: Option<TicketId>,
    /// Its payload.
    pub payload: Payload<'a>,
}

/// Where payload comes from, or goes.
pub enum Payload<'a> {
    /// The call moves none; a flow that is left over from another call ends.
    None,
    /// A download goes here. `WouldBlock` means not now.
    Sink(&'a mut dyn Write),
    /// An upload comes from here. `WouldBlock` means not now.
    Source(&'a mut dyn Read),
    /// The caller itself takes it from, or puts it into, the [`Pipe`](crate::pipe::Pipe), and is called back for that.
    Caller(Wish),
    /// The rest of a download is of no interest.
    Discard,
}

/// What a caller that moves payload itself waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The beginning of the flow.
    Begin,
    /// Bytes to read.
    Bytes,
    /// Room to write.
    Room,
    /// All that was written has left.
    Sent,
    /// The end; nothing more will be written.
    End,
}

impl<'a> Call<'a> {
    /// A call that moves no payload.
    #[must_use]
    pub fn plain(request: Option<TicketId>) -> Self {
        Call {
            request,
            payload: Payload::None,
        }
    }

    /// A transfer.
    #[must_use]
    pub fn transfer(ticket: TicketId, payload: Payload<'a>) -> Self {
        Call {
            request: Some(ticket),
            payload,
        }
    }
}

impl core::fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Payload::None => "None",
            Payload::Sink(_) => "Sink",
            Payload::Source(_) => "Source",
            Payload::Caller(_) => "Caller",
            Payload::Discard => "Discard",
        })
    }
}

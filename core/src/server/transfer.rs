//! One transfer: the join of the data connection, the storage and the replies.

use super::{Answer, Server};
use crate::order::Report;

/// The transfer that runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Transfer {}

impl Server {
    pub(super) fn on_report(&mut self, _report: Report) {}

    pub(super) fn on_answer(&mut self, _answer: Answer) {}
}

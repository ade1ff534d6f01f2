//! What a diagnosis is made from. The machines record it from the first byte; it never influences what they do.

mod evidence;

pub use evidence::{Attempt, ControlEvidence, DataEvidence, Evidence, FirstBytesKept, Phase};

//! Two pipes against each other, in memory.

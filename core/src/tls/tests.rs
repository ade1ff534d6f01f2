//! In-memory connections: every handshake, every cut.

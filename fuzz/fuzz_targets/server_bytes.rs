//! See [`ftp_proto_fuzz::server_bytes`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftp_proto_fuzz::server_bytes::check(data));

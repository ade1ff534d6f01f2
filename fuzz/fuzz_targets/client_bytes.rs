//! See [`ftp_proto_fuzz::client_bytes`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftp_proto_fuzz::client_bytes::check(data));

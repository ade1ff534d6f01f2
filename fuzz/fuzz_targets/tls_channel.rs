//! See [`ftp_proto_fuzz::tls_channel`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftp_proto_fuzz::tls_channel::check(data));

//! See [`ftp_proto_fuzz::listing`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftp_proto_fuzz::listing::check(data));

//! See [`ftp_proto_fuzz::command`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftp_proto_fuzz::command::check(data));

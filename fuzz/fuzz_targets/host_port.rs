//! See [`ftp_proto_fuzz::host_port`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftp_proto_fuzz::host_port::check(data));

//! See [`ftp_proto_fuzz::pair_ops`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftp_proto_fuzz::pair_ops::check(data));

//! See [`ftp_proto_fuzz::reply_split`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ftp_proto_fuzz::reply_split::check(data));

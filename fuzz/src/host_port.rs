//! PORT and 227: what is found can be written and read again, and port 0 is never found.

use core::net::IpAddr;

use ftp_proto::wire::host_port::{AddressClass, HostPort};

/// The bytes are an argument of PORT, and the text of a 227 reply.
///
/// # Panics
/// If the law does not hold.
pub fn check(text: &[u8]) {
    let argument = HostPort::parse_argument(text);
    let found = HostPort::find_in_reply(text);
    if let Ok(target) = argument {
        assert_eq!(found, Ok(target), "an argument is also a reply's text");
        round_trip(target);
    }
    if let Ok(target) = found {
        round_trip(target);
    }
}

fn round_trip(target: HostPort) {
    assert_ne!(target.port, 0);
    let class = AddressClass::of(IpAddr::V4(target.address));
    assert_eq!(class.is_public(), class == AddressClass::Public);
    let mut argument = Vec::new();
    target.encode(&mut argument);
    assert_eq!(HostPort::parse_argument(&argument), Ok(target));
    assert_eq!(target.to_string().as_bytes(), argument);
    let mut text = Vec::new();
    target.passive_text(&mut text);
    assert_eq!(HostPort::find_in_reply(&text), Ok(target));
}

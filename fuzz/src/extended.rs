//! EPRT, EPSV, LPRT and their replies: what is found can be written and read again, and port 0 is never found.

use core::net::IpAddr;

use ftp_proto::wire::extended::{
    ExtendedAddress, encode_229, families_in_521, families_in_522, port_in_reply,
};
use ftp_proto::wire::host_port::AddressClass;

/// The bytes are the argument of EPRT and LPRT, and the text of a 228, 229, 521 and 522 reply.
///
/// # Panics
/// If the law does not hold.
pub fn check(text: &[u8]) {
    if let Ok(target) = ExtendedAddress::parse_argument(text) {
        round_trip(target);
    }
    if let Ok(target) = ExtendedAddress::parse_long_argument(text) {
        round_trip(target);
        assert_eq!(ExtendedAddress::find_in_long_reply(text), Ok(target));
    }
    if let Ok(target) = ExtendedAddress::find_in_long_reply(text) {
        round_trip(target);
    }
    if let Ok(port) = port_in_reply(text) {
        assert_ne!(port, 0);
        let mut reply = Vec::new();
        encode_229(port, &mut reply);
        assert_eq!(port_in_reply(&reply), Ok(port));
    }
    if let Some(families) = families_in_522(text)
        && (families.v4 || families.v6)
    {
        let mut reply = Vec::new();
        families.encode_522(&mut reply);
        assert_eq!(families_in_522(&reply), Some(families));
    }
    if let Some(families) = families_in_521(text)
        && (families.v4 || families.v6)
    {
        let mut reply = Vec::new();
        families.encode_521(&mut reply);
        assert_eq!(families_in_521(&reply), Some(families));
    }
}

fn round_trip(target: ExtendedAddress) {
    assert_ne!(target.port, 0);
    let class = AddressClass::of(target.address);
    assert_eq!(class.is_public(), class == AddressClass::Public);
    let mut argument = Vec::new();
    target.encode(&mut argument);
    assert_eq!(ExtendedAddress::parse_argument(&argument), Ok(target));
    let mut long = Vec::new();
    target.encode_long(&mut long);
    let read = ExtendedAddress::parse_long_argument(&long);
    assert_eq!(read, Ok(target));
    let mut text = Vec::new();
    target.long_passive_text(&mut text);
    assert_eq!(ExtendedAddress::find_in_long_reply(&text), Ok(target));
    assert!(matches!(target.address, IpAddr::V4(_) | IpAddr::V6(_)));
}

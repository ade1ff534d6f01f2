//! Addresses as PORT and the 227 reply write them (RFC 959 section 5.3.2, RFC 1123 section 4.1.2.6), and what kind of
//! address one is.

use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::date::{decimal, push_display};
use crate::error::Malformed;

/// An IPv4 address and a port, `h1,h2,h3,h4,p1,p2`. The port is not 0 in a value that was parsed or made by
/// [`HostPort::new`].
///
/// ```
/// use ftp_proto::wire::host_port::HostPort;
///
/// let target = HostPort::find_in_reply(b"Entering Passive Mode (127,0,0,1,193,185)")?;
/// assert_eq!(target.port, 193 * 256 + 185);
/// assert_eq!(target.to_string(), "127,0,0,1,193,185");
/// # Ok::<(), ftp_proto::Malformed>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// The address.
    pub address: Ipv4Addr,
    /// The port.
    pub port: u16,
}

impl HostPort {
    /// An address and a port.
    ///
    /// # Errors
    /// [`Malformed::PortZero`].
    pub const fn new(address: Ipv4Addr, port: u16) -> Result<HostPort, Malformed> {
        if port == 0 {
            Err(Malformed::PortZero)
        } else {
            Ok(HostPort { address, port })
        }
    }

    /// Reads the argument of PORT: six numbers of one to three digits, 0 to 255, with commas between them and nothing
    /// else.
    ///
    /// RFC 959 prints the range as 1 to 255, which would forbid 127.0.0.1; 0 is accepted.
    ///
    /// # Errors
    /// [`Malformed::HostPort`] or [`Malformed::PortZero`].
    pub fn parse_argument(argument: &[u8]) -> Result<HostPort, Malformed> {
        HostPort::from_numbers(&NumberList::strict(argument))
    }

    /// Finds the address in the text of a 227 reply: the first place where exactly six numbers are separated by commas
    /// (RFC 1123 section 4.1.2.6). Blanks may stand around the commas; brackets of any kind, or none, around the list.
    ///
    /// # Errors
    /// [`Malformed::HostPort`] when there is no such place or a number is above 255, [`Malformed::PortZero`].
    pub fn find_in_reply(text: &[u8]) -> Result<HostPort, Malformed> {
        let list = NumberLists::new(text)
            .find(|list| list.len() == 6)
            .ok_or(Malformed::HostPort)?;
        HostPort::from_numbers(&list)
    }

    /// Appends `h1,h2,h3,h4,p1,p2`: the argument of PORT.
    pub fn encode(&self, out: &mut Vec<u8>) {
        push_display(out, self);
    }

    /// Appends the text of a 227 reply: `Entering Passive Mode (h1,h2,h3,h4,p1,p2).`
    pub fn passive_text(&self, out: &mut Vec<u8>) {
        push_display(out, &format_args!("Entering Passive Mode ({self})."));
    }

    fn from_numbers(list: &NumberList) -> Result<HostPort, Malformed> {
        match list.bytes() {
            Some(&[h1, h2, h3, h4, p1, p2]) => {
                HostPort::new(Ipv4Addr::new(h1, h2, h3, h4), u16::from_be_bytes([p1, p2]))
            }
            _ => Err(Malformed::HostPort),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [h1, h2, h3, h4] = self.address.octets();
        let [p1, p2] = self.port.to_be_bytes();
        write!(f, "{h1},{h2},{h3},{h4},{p1},{p2}")
    }
}

/// What kind of address one is, by the special-purpose registries of RFC 6890.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// Reachable from the whole internet, as far as the number tells.
    Public,
    /// 10/8, 172.16/12, 192.168/16 (RFC 1918).
    Private,
    /// 100.64/10 (RFC 6598).
    CarrierGrade,
    /// 127/8, ::1.
    Loopback,
    /// 169.254/16, fe80::/10.
    LinkLocal,
    /// fc00::/7 (RFC 4193).
    UniqueLocal,
    /// 0.0.0.0, ::.
    Unspecified,
    /// 224/4, ff00::/8.
    Multicast,
    /// Set aside for documentation, benchmarks, protocols or the future, and the broadcast address.
    Reserved,
}

impl AddressClass {
    /// The class of an address. An IPv6 address that stands for an IPv4 one (::ffff:0:0/96, and 64:ff9b::/96 of RFC
    /// 6052) has the class of that one.
    ///
    /// ```
    /// use ftp_proto::wire::host_port::AddressClass;
    ///
    /// assert_eq!(AddressClass::of([192, 168, 1, 2].into()), AddressClass::Private);
    /// ```
    pub fn of(address: IpAddr) -> AddressClass {
        match address {
            IpAddr::V4(address) => class_of_v4(address),
            IpAddr::V6(address) => class_of_v6(address),
        }
    }

    /// Whether packets to such an address can leave the site.
    pub fn is_public(self) -> bool {
        self == AddressClass::Public
    }
}

/// A list of numbers separated by commas, as PORT, 227 and their long forms (RFC 1639) use it.
pub(super) struct NumberList {
    /// How many numbers there are, also those that did not fit.
    len: usize,
    bytes: [u8; NumberList::MOST],
    /// A number was above 255, or none at all.
    out_of_range: bool,
}

impl NumberList {
    /// Family, length, 16 bytes of address, length, 2 bytes of port.
    const MOST: usize = 21;

    const EMPTY: NumberList = NumberList {
        len: 0,
        bytes: [0; NumberList::MOST],
        out_of_range: false,
    };

    /// The whole text as one list: commas, and what is between them. What is no number of one to three digits is out
    /// of range.
    pub(super) fn strict(text: &[u8]) -> NumberList {
        let mut list = NumberList::EMPTY;
        for digits in text.split(|byte| *byte == b',') {
            list.push(digits);
            list.out_of_range |= digits.len() > 3;
        }
        list
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The numbers, if every one of them fits into a byte and all of them into the list.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        if self.out_of_range {
            None
        } else {
            self.bytes.get(..self.len)
        }
    }

    fn push(&mut self, digits: &[u8]) {
        match decimal(digits).and_then(|number| u8::try_from(number).ok()) {
            Some(byte) => {
                if let Some(slot) = self.bytes.get_mut(self.len) {
                    *slot = byte;
                }
            }
            None => self.out_of_range = true,
        }
        self.len += 1;
    }
}

/// Every list of numbers in a text, each as long as it goes. Blanks may stand around the commas.
pub(super) struct NumberLists<'a> {
    rest: &'a [u8],
}

impl<'a> NumberLists<'a> {
    pub(super) fn new(text: &'a [u8]) -> NumberLists<'a> {
        NumberLists { rest: text }
    }
}

impl Iterator for NumberLists<'_> {
    type Item = NumberList;

    fn next(&mut self) -> Option<NumberList> {
        let start = self.rest.iter().position(u8::is_ascii_digit)?;
        let mut rest = self.rest.get(start..)?;
        let mut list = NumberList::EMPTY;
        loop {
            let end = rest
                .iter()
                .position(|byte| !byte.is_ascii_digit())
                .unwrap_or(rest.len());
            let (digits, after) = rest.split_at_checked(end)?;
            list.push(digits);
            self.rest = after;
            match skip_blanks(after).strip_prefix(b",").map(skip_blanks) {
                Some(next) if next.first().is_some_and(u8::is_ascii_digit) => rest = next,
                _ => return Some(list),
            }
        }
    }
}

fn skip_blanks(mut text: &[u8]) -> &[u8] {
    while let Some((b' ' | b'\t', rest)) = text.split_first() {
        text = rest;
    }
    text
}

fn class_of_v4(address: Ipv4Addr) -> AddressClass {
    match address.octets() {
        [0, 0, 0, 0] => AddressClass::Unspecified,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => AddressClass::Private,
        [100, 64..=127, ..] => AddressClass::CarrierGrade,
        [127, ..] => AddressClass::Loopback,
        [169, 254, ..] => AddressClass::LinkLocal,
        [224..=239, ..] => AddressClass::Multicast,
        [0 | 240..=255, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => AddressClass::Reserved,
        _ => AddressClass::Public,
    }
}

fn class_of_v6(address: Ipv6Addr) -> AddressClass {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressClass::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressClass::Loopback,
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            class_of_v4(Ipv4Addr::new(a, b, c, d))
        }
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] | [0x2001, 0..=0x01ff, ..] => {
            AddressClass::Reserved
        }
        [0x2000..=0x3fff, ..] => AddressClass::Public,
        [0xfc00..=0xfdff, ..] => AddressClass::UniqueLocal,
        [0xfe80..=0xfebf, ..] => AddressClass::LinkLocal,
        [0xff00..=0xffff, ..] => AddressClass::Multicast,
        _ => AddressClass::Reserved,
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::{String, ToString};

    use super::*;
    use crate::wire::date::tests::texts;

    fn host_port(text: &str) -> HostPort {
        HostPort::parse_argument(text.as_bytes()).unwrap()
    }

    #[test]
    fn encodes_and_reads_every_port() {
        for port in 1..=u16::MAX {
            let value = HostPort::new(Ipv4Addr::new(127, 0, 0, 1), port).unwrap();
            let mut argument = Vec::new();
            value.encode(&mut argument);
            assert_eq!(argument, value.to_string().as_bytes());
            assert_eq!(HostPort::parse_argument(&argument), Ok(value));
            assert_eq!(HostPort::find_in_reply(&argument), Ok(value));
        }
    }

    #[test]
    fn writes_the_227_text() {
        let mut text = Vec::new();
        host_port("10,0,0,2,195,80").passive_text(&mut text);
        assert_eq!(text, b"Entering Passive Mode (10,0,0,2,195,80).");
    }

    #[test]
    fn every_number_is_a_byte() {
        let good = ["127", "0", "0", "1", "4", "1"];
        for position in 0..6 {
            for number in 0..=1999_u32 {
                let mut numbers = good.map(ToString::to_string);
                numbers[position] = number.to_string();
                let text = numbers.join(",");
                let argument = HostPort::parse_argument(text.as_bytes());
                assert_eq!(argument.is_ok(), number <= 255, "{text}");
                assert_eq!(
                    HostPort::find_in_reply(text.as_bytes()).is_ok(),
                    number <= 255,
                    "{text}"
                );
                if let Ok(value) = argument {
                    let [a, b, c, d] = value.address.octets();
                    let [e, f] = value.port.to_be_bytes();
                    assert_eq!(u32::from([a, b, c, d, e, f][position]), number);
                }
            }
        }
    }

    #[test]
    fn large_numbers_do_not_wrap() {
        for number in [
            "256",
            "65536",
            "65663",
            "4294967296",
            "4294967423",
            "18446744073709551616",
            "18446744073709551743",
        ] {
            for text in [
                format!("{number},0,0,1,4,1"),
                format!("127,0,0,1,4,{number}"),
                format!("127,0,0,1,{number},1"),
            ] {
                assert_eq!(
                    HostPort::parse_argument(text.as_bytes()),
                    Err(Malformed::HostPort),
                    "{text}"
                );
                assert_eq!(
                    HostPort::find_in_reply(text.as_bytes()),
                    Err(Malformed::HostPort),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn port_0_is_refused() {
        assert_eq!(
            HostPort::new(Ipv4Addr::LOCALHOST, 0),
            Err(Malformed::PortZero)
        );
        assert_eq!(
            HostPort::parse_argument(b"127,0,0,1,0,0"),
            Err(Malformed::PortZero)
        );
        assert_eq!(
            HostPort::find_in_reply(b"Entering Passive Mode (127,0,0,1,0,0)"),
            Err(Malformed::PortZero)
        );
    }

    #[test]
    fn the_argument_of_port_is_strict() {
        assert_eq!(
            host_port("192,168,001,002,004,000"),
            host_port("192,168,1,2,4,0")
        );
        let bad = [
            "",
            "127",
            "127,0,0,1,4",
            "127,0,0,1,4,1,1",
            "127,0,0,1,4,",
            ",127,0,0,1,4",
            "127,,0,0,1,4,1",
            "127,0,0,1,4,1 ",
            " 127,0,0,1,4,1",
            "127, 0,0,1,4,1",
            "(127,0,0,1,4,1)",
            "127.0.0.1.4.1",
            "+127,0,0,1,4,1",
            "-1,0,0,1,4,1",
            "0x7f,0,0,1,4,1",
            "127,0,0,1,4,1\n",
            "127,0,0,1,4,1a",
            "127;0;0;1;4;1",
            "0127,0,0,1,4,1",
            "127,0,0,1,1025",
            "localhost,4,1",
        ];
        for argument in bad {
            assert_eq!(
                HostPort::parse_argument(argument.as_bytes()),
                Err(Malformed::HostPort),
                "{argument:?}"
            );
        }
        assert!(HostPort::parse_argument(b"127,0,0,1,4,\xb1").is_err());
    }

    #[test]
    fn finds_the_address_however_it_is_written() {
        let expected = host_port("127,0,0,1,193,185");
        for text in [
            "Entering Passive Mode (127,0,0,1,193,185)",
            "Entering Passive Mode (127,0,0,1,193,185).",
            "Entering passive mode (127,0,0,1,193,185).",
            "Entering Passive Mode 127,0,0,1,193,185",
            "=127,0,0,1,193,185",
            "127,0,0,1,193,185",
            "Entering Passive Mode [127,0,0,1,193,185]",
            "Entering Passive Mode {127,0,0,1,193,185}",
            "Entering Passive Mode <127,0,0,1,193,185>",
            "Entering Passive Mode (127, 0, 0, 1, 193, 185)",
            "Entering Passive Mode (127 , 0,\t0 ,1,  193,185 )",
            "Entering Passive Mode (127,0,0,1,193,185",
            "Mode,127,0,0,1,193,185,",
            "1,234 users, 2 of them idle (127,0,0,1,193,185)",
            "227 Entering Passive Mode (127,0,0,1,193,185)",
            "Mode (127,0,0,1,193,185) or (10,0,0,1,4,1)",
        ] {
            assert_eq!(
                HostPort::find_in_reply(text.as_bytes()),
                Ok(expected),
                "{text}"
            );
        }
        // The unspecified address is found too; who uses it decides what it means.
        assert!(HostPort::find_in_reply(b"(0,0,0,0,193,185)").is_ok());
    }

    #[test]
    fn finds_no_address_where_there_is_none() {
        for text in [
            "",
            "Entering Passive Mode",
            "Entering Passive Mode (127,0,0,1,193)",
            "Entering Passive Mode (1216,256,2,127,127,127)",
            "Entering Passive Mode (300,127,0,0,1,4,1)",
            "Entering Extended Passive Mode (|||6446|)",
            "Entering Long Passive Mode (4,4,127,0,0,1,2,207,147)",
            "Entering Passive Mode (127.0.0.1.193.185)",
            "Entering Passive Mode (127,0,0,1\n,193,185)",
            "Entering Passive Mode (127,0,0,1,-1,185)",
            "Entering Passive Mode (127,0,0,1,,193,185)",
            ",,,,,,",
        ] {
            assert_eq!(
                HostPort::find_in_reply(text.as_bytes()),
                Err(Malformed::HostPort),
                "{text}"
            );
        }
        assert!(HostPort::find_in_reply(&[0xff; 100]).is_err());
        let many = "1,".repeat(100_000);
        assert_eq!(
            HostPort::find_in_reply(many.as_bytes()),
            Err(Malformed::HostPort)
        );
    }

    #[test]
    fn finds_exactly_the_lists_of_six() {
        // Every text of commas, blanks and ones up to eleven bytes, against splitting by hand.
        for text in texts(b"1, ", 11) {
            let text = core::str::from_utf8(&text).unwrap();
            // A blank between two digits ends a list; next to a comma it does not count.
            let mut squeezed = String::new();
            for word in text.split_whitespace() {
                if squeezed.ends_with('1') && word.starts_with('1') {
                    squeezed.push(' ');
                }
                squeezed.push_str(word);
            }
            let mut lists = squeezed.split(' ').flat_map(|list| list.split(",,"));
            let found = lists.any(|list| list.trim_matches(',').split(',').count() == 6);
            assert_eq!(
                HostPort::find_in_reply(text.as_bytes()).is_ok(),
                found,
                "{text:?}"
            );
        }
    }

    #[test]
    fn classes_of_addresses() {
        use AddressClass::*;
        for (text, class) in [
            ("0.0.0.0", Unspecified),
            ("0.0.0.1", Reserved),
            ("8.8.8.8", Public),
            ("9.255.255.255", Public),
            ("10.0.0.0", Private),
            ("10.255.255.255", Private),
            ("11.0.0.0", Public),
            ("100.63.255.255", Public),
            ("100.64.0.0", CarrierGrade),
            ("100.127.255.255", CarrierGrade),
            ("100.128.0.0", Public),
            ("127.0.0.1", Loopback),
            ("127.255.255.255", Loopback),
            ("169.254.1.1", LinkLocal),
            ("172.15.255.255", Public),
            ("172.16.0.0", Private),
            ("172.31.255.255", Private),
            ("172.32.0.0", Public),
            ("192.0.2.1", Reserved),
            ("192.167.255.255", Public),
            ("192.168.1.1", Private),
            ("198.19.0.1", Reserved),
            ("198.51.100.7", Reserved),
            ("203.0.113.7", Reserved),
            ("224.0.0.1", Multicast),
            ("239.255.255.255", Multicast),
            ("240.0.0.1", Reserved),
            ("255.255.255.255", Reserved),
            ("::", Unspecified),
            ("::1", Loopback),
            ("::2", Reserved),
            ("::ffff:192.168.1.1", Private),
            ("::ffff:8.8.8.8", Public),
            ("64:ff9b::127.0.0.1", Loopback),
            ("64:ff9b:1::1", Reserved),
            ("100::1", Reserved),
            ("2001:db8::1", Reserved),
            ("2001:2::1", Reserved),
            ("2001:4860:4860::8888", Public),
            ("2a00::1", Public),
            ("3fff:fff::1", Reserved),
            ("3fff:1000::1", Public),
            ("4000::1", Reserved),
            ("fc00::1", UniqueLocal),
            ("fdff::1", UniqueLocal),
            ("fe80::1", LinkLocal),
            ("fec0::1", Reserved),
            ("ff02::1", Multicast),
        ] {
            assert_eq!(AddressClass::of(text.parse().unwrap()), class, "{text}");
            assert_eq!(class.is_public(), class == Public);
        }
    }
}

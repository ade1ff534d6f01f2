//! Addresses of either family: EPRT, 229 and 522 (RFC 2428), and the older LPRT, 228 and 521 (RFC 1639).

use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv6Addr};

use super::date::{decimal, push_display};
use super::host_port::{NumberList, NumberLists};
use crate::error::Malformed;

/// An address and a port, `|2|1080::8:800:200c:417a|5282|`. The port is not 0 in a value that was parsed or made by
/// [`ExtendedAddress::new`].
///
/// ```
/// use ftp_proto::wire::extended::ExtendedAddress;
///
/// let target = ExtendedAddress::parse_argument(b"|1|132.235.1.2|6275|")?;
/// assert_eq!((target.address, target.port), ([132, 235, 1, 2].into(), 6275));
/// # Ok::<(), ftp_proto::Malformed>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExtendedAddress {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}

impl ExtendedAddress {
    /// An address and a port.
    ///
    /// # Errors
    /// [`Malformed::PortZero`].
    pub const fn new(address: IpAddr, port: u16) -> Result<ExtendedAddress, Malformed> {
        if port == 0 {
            Err(Malformed::PortZero)
        } else {
            Ok(ExtendedAddress { address, port })
        }
    }

    /// Reads the argument of EPRT (RFC 2428 section 2): family, address and port between four equal delimiters, any
    /// byte from 33 to 126.
    ///
    /// # Errors
    /// [`Malformed::AddressFamily`] when the family is a number other than 1 and 2: answer it with 522.
    /// [`Malformed::PortZero`]; [`Malformed::ExtendedAddress`] for all else: answer them with 501.
    pub fn parse_argument(argument: &[u8]) -> Result<ExtendedAddress, Malformed> {
        let delimiter = argument
            .first()
            .filter(|byte| (33..=126).contains(*byte))
            .ok_or(Malformed::ExtendedAddress)?;
        let mut fields = argument.split(|byte| byte == delimiter);
        let mut next = || fields.next().ok_or(Malformed::ExtendedAddress);
        let (before, family, address, port, after) = (next()?, next()?, next()?, next()?, next()?);
        if !before.is_empty() || !after.is_empty() || fields.next().is_some() {
            return Err(Malformed::ExtendedAddress);
        }
        let address = core::str::from_utf8(address).map_err(|_| Malformed::ExtendedAddress)?;
        let address = match family {
            b"1" => address.parse().map(IpAddr::V4),
            b"2" => address.parse().map(IpAddr::V6),
            _ if family.iter().all(u8::is_ascii_digit) && !family.is_empty() => {
                return Err(Malformed::AddressFamily);
            }
            _ => return Err(Malformed::ExtendedAddress),
        };
        ExtendedAddress::new(
            address.map_err(|_| Malformed::ExtendedAddress)?,
            port_number(port)?,
        )
    }

    /// Appends the argument of EPRT, with `|`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        push_display(out, self);
    }

    /// Reads the argument of LPRT (RFC 1639 section 2), `af,hal,h1,h2,..,pal,p1,p2`, for families 4 and 6.
    ///
    /// # Errors
    /// [`Malformed::AddressFamily`] for other families: answer it with 521. [`Malformed::PortZero`];
    /// [`Malformed::HostPort`] for all else.
    pub fn parse_long_argument(argument: &[u8]) -> Result<ExtendedAddress, Malformed> {
        from_long_numbers(&NumberList::strict(argument))
    }

    /// Finds the address in the text of a 228 reply (RFC 1639 section 3): the first list of nine numbers or more.
    ///
    /// # Errors
    /// As [`ExtendedAddress::parse_long_argument`].
    pub fn find_in_long_reply(text: &[u8]) -> Result<ExtendedAddress, Malformed> {
        let list = NumberLists::new(text)
            .find(|list| list.len() >= 9)
            .ok_or(Malformed::HostPort)?;
        from_long_numbers(&list)
    }

    /// Appends `af,hal,h1,h2,..,pal,p1,p2`: the argument of LPRT.
    pub fn encode_long(&self, out: &mut Vec<u8>) {
        match self.address {
            IpAddr::V4(address) => {
                out.extend_from_slice(b"4,4");
                push_numbers(out, &address.octets());
            }
            IpAddr::V6(address) => {
                out.extend_from_slice(b"6,16");
                push_numbers(out, &address.octets());
            }
        }
        out.extend_from_slice(b",2");
        push_numbers(out, &self.port.to_be_bytes());
    }

    /// Appends the text of a 228 reply: `Entering Long Passive Mode (af,hal,h1,h2,..,pal,p1,p2)`.
    pub fn long_passive_text(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Entering Long Passive Mode (");
        self.encode_long(out);
        out.push(b')');
    }
}

impl fmt::Display for ExtendedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.address.is_ipv4() { 1 } else { 2 };
        write!(f, "|{family}|{}|{}|", self.address, self.port)
    }
}

/// Finds the port in the text of a 229 reply (RFC 2428 section 3).
///
/// The delimiter is any printable byte but a digit. Family and address should be empty; a server that fills them in is
/// understood and they are ignored, since the data connection goes to the control connection's peer. The last delimiter
/// and the parentheses may be missing; without parentheses the delimiter is no letter either.
///
/// # Errors
/// [`Malformed::ExtendedAddress`] when there is no such place or the port is above 65535, [`Malformed::PortZero`].
///
/// ```
/// use ftp_proto::wire::extended::port_in_reply;
///
/// assert_eq!(port_in_reply(b"Entering Extended Passive Mode (|||6446|)"), Ok(6446));
/// ```
pub fn port_in_reply(text: &[u8]) -> Result<u16, Malformed> {
    let in_parentheses = tails(text)
        .filter_map(|tail| tail.strip_prefix(b"("))
        .find_map(delimited_port);
    let anywhere = || {
        tails(text)
            .filter(|tail| tail.first().is_some_and(u8::is_ascii_punctuation))
            .find_map(delimited_port)
    };
    port_number(
        in_parentheses
            .or_else(anywhere)
            .ok_or(Malformed::ExtendedAddress)?,
    )
}

/// Appends the text of a 229 reply: `Entering Extended Passive Mode (|||port|)`.
pub fn encode_229(port: u16, out: &mut Vec<u8>) {
    push_display(
        out,
        &format_args!("Entering Extended Passive Mode (|||{port}|)"),
    );
}

/// Which address families someone can use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Families {
    /// IPv4: 1 in RFC 2428, 4 in RFC 1639.
    pub v4: bool,
    /// IPv6: 2 in RFC 2428, 6 in RFC 1639.
    pub v6: bool,
}

impl Families {
    /// Whether an address of this family can be used.
    pub fn contains(self, address: IpAddr) -> bool {
        if address.is_ipv4() { self.v4 } else { self.v6 }
    }

    /// Appends the text of a 522 reply: `Network protocol not supported, use (1,2)` (RFC 2428 section 2).
    pub fn encode_522(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Network protocol not supported, use ");
        self.encode_list("1", "2", out);
    }

    /// Appends the text of a 521 reply: `Supported address families are (4,6)` (RFC 1639 section 2).
    pub fn encode_521(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Supported address families are ");
        self.encode_list("4", "6", out);
    }

    fn encode_list(self, v4: &str, v6: &str, out: &mut Vec<u8>) {
        let (v4, v6) = (if self.v4 { v4 } else { "" }, if self.v6 { v6 } else { "" });
        let comma = if self.v4 && self.v6 { "," } else { "" };
        push_display(out, &format_args!("({v4}{comma}{v6})"));
    }
}

/// The families a 522 reply lists: the numbers in its last parentheses, where words may stand before them.
/// `None` when it lists none: 522 has other meanings too (RFC 4217 section 10.2).
///
/// ```
/// use ftp_proto::wire::extended::{Families, families_in_522};
///
/// let text = b"Network protocol not supported, use (1)";
/// assert_eq!(families_in_522(text), Some(Families { v4: true, v6: false }));
/// ```
pub fn families_in_522(text: &[u8]) -> Option<Families> {
    families_in_list(text, 1, 2)
}

/// The families a 521 reply to LPRT or LPSV lists (RFC 1639 section 2); `None` when it lists none.
pub fn families_in_521(text: &[u8]) -> Option<Families> {
    families_in_list(text, 4, 6)
}

fn families_in_list(text: &[u8], v4: u64, v6: u64) -> Option<Families> {
    let close = text.iter().rposition(|byte| *byte == b')')?;
    let inner = text.get(..close)?;
    let open = inner.iter().rposition(|byte| *byte == b'(')?;
    let mut words = inner
        .get(open + 1..)?
        .split(|byte| matches!(byte, b',' | b' ' | b'\t'));
    let mut families = None;
    // Words may come before the numbers ("use 1"), never between them.
    let numbers = words
        .by_ref()
        .skip_while(|word| !word.first().is_some_and(u8::is_ascii_digit));
    for number in numbers.filter(|word| !word.is_empty()) {
        let number = decimal(number)?;
        let families: &mut Families = families.get_or_insert_default();
        families.v4 |= number == v4;
        families.v6 |= number == v6;
    }
    families
}

fn from_long_numbers(list: &NumberList) -> Result<ExtendedAddress, Malformed> {
    match list.bytes().ok_or(Malformed::HostPort)? {
        &[4, 4, h1, h2, h3, h4, 2, p1, p2] => {
            ExtendedAddress::new(IpAddr::from([h1, h2, h3, h4]), u16::from_be_bytes([p1, p2]))
        }
        &[6, 16, ref address @ .., 2, p1, p2] => {
            let address = <[u8; 16]>::try_from(address).map_err(|_| Malformed::HostPort)?;
            ExtendedAddress::new(Ipv6Addr::from(address).into(), u16::from_be_bytes([p1, p2]))
        }
        [4 | 6, ..] => Err(Malformed::HostPort),
        _ => Err(Malformed::AddressFamily),
    }
}

fn push_numbers(out: &mut Vec<u8>, numbers: &[u8]) {
    for number in numbers {
        out.push(b',');
        push_display(out, number);
    }
}

/// The text from every position on.
fn tails(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    (0..text.len()).filter_map(|start| text.get(start..))
}

/// The digits of the port, if `text` starts with `<d>family<d>address<d>port`. The fields have a length limit, which
/// keeps the search linear.
fn delimited_port(text: &[u8]) -> Option<&[u8]> {
    let (delimiter, rest) = text.split_first()?;
    if !delimiter.is_ascii_graphic() || delimiter.is_ascii_digit() {
        return None;
    }
    let (family, rest) = field(rest, *delimiter, 1)?;
    let (address, rest) = field(rest, *delimiter, 45)?;
    if !matches!(family, b"" | b"1" | b"2") || !(address.is_empty() || looks_like_address(address))
    {
        return None;
    }
    let end = rest
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, after) = rest.split_at_checked(end)?;
    let ended = match after {
        [] | [b')' | b']' | b'}' | b'>' | b' ' | b'\t' | b'\n', ..] | [b'.'] | [b'.', b' ', ..] => {
            true
        }
        [byte, ..] => byte == delimiter,
    };
    (ended && !digits.is_empty()).then_some(digits)
}

/// A field of at most `longest` bytes, and what follows its delimiter.
fn field(text: &[u8], delimiter: u8, longest: usize) -> Option<(&[u8], &[u8])> {
    let end = text
        .iter()
        .take(longest + 1)
        .position(|byte| *byte == delimiter)?;
    let (field, rest) = text.split_at_checked(end)?;
    Some((field, rest.get(1..)?))
}

fn looks_like_address(field: &[u8]) -> bool {
    let separator = |byte: &u8| matches!(byte, b'.' | b':');
    field.iter().any(separator)
        && field
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() || separator(byte))
}

fn port_number(digits: &[u8]) -> Result<u16, Malformed> {
    match decimal(digits).map(u16::try_from) {
        Some(Ok(0)) => Err(Malformed::PortZero),
        Some(Ok(port)) => Ok(port),
        _ => Err(Malformed::ExtendedAddress),
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;
    use crate::wire::date::tests::texts;

    fn extended(address: &str, port: u16) -> ExtendedAddress {
        ExtendedAddress::new(address.parse().unwrap(), port).unwrap()
    }

    #[test]
    fn reads_the_examples_of_rfc_2428() {
        assert_eq!(
            ExtendedAddress::parse_argument(b"|1|132.235.1.2|6275|"),
            Ok(extended("132.235.1.2", 6275))
        );
        assert_eq!(
            ExtendedAddress::parse_argument(b"|2|1080::8:800:200C:417A|5282|"),
            Ok(extended("1080::8:800:200c:417a", 5282))
        );
    }

    #[test]
    fn every_delimiter_that_can_be_told_apart_works() {
        for delimiter in 33..=126_u8 {
            let d = char::from(delimiter);
            let text = format!("{d}1{d}10.0.0.2{d}2021{d}");
            let value = ExtendedAddress::parse_argument(text.as_bytes());
            // A delimiter that the fields hold themselves splits them elsewhere.
            assert_eq!(value.is_ok(), !"10.2".contains(d), "{text}");
            let text = format!("{d}2{d}::ffff:10.3.3.3{d}4567{d}");
            let value = ExtendedAddress::parse_argument(text.as_bytes());
            assert_eq!(value.is_ok(), !"012:f.34567".contains(d), "{text}");
        }
        for not_one in [0, 9, 32, 127, 128, 255] {
            let argument: Vec<u8> = b"|1|10.0.0.2|2021|"
                .map(|b| if b == b'|' { not_one } else { b })
                .into();
            assert_eq!(
                ExtendedAddress::parse_argument(&argument),
                Err(Malformed::ExtendedAddress)
            );
        }
    }

    #[test]
    fn unknown_families_are_told_from_broken_ones() {
        for argument in [
            "|3|x|40000|",
            "|0|127.0.0.1|1|",
            "|12|::1|1|",
            "|99999999999999999999999|::1|1|",
            "|01|1.2.3.4|1|",
        ] {
            assert_eq!(
                ExtendedAddress::parse_argument(argument.as_bytes()),
                Err(Malformed::AddressFamily),
                "{argument}"
            );
        }
        let broken = [
            "",
            "|",
            "||||",
            "|1|127.0.0.1|40000",
            "1|127.0.0.1|40000|",
            "|1|127.0.0.1|40000||",
            "|1|127.0.0.1|40000|x",
            "|x|127.0.0.1|40000|",
            "||127.0.0.1|40000|",
            "|-1|127.0.0.1|40000|",
            "|1||40000|",
            "|1|127.0.0.1||",
            "|1|::1|40000|",
            "|2|127.0.0.1|40000|",
            "|1|127.0.0|40000|",
            "|1|127.0.0.256|40000|",
            "|1|127.0.0.01|40000|",
            "|2|fe80::1%eth0|40000|",
            "|2|[::1]|40000|",
            "|1|127.0.0.1|65536|",
            "|1|127.0.0.1|4294967297|",
            "|1|127.0.0.1|18446744073709551617|",
            "|1|127.0.0.1|-1|",
            "|1|127.0.0.1|+1|",
            "|1| 127.0.0.1|1|",
            "|1|127.0.0.1|1 |",
            "|1|127.0.0.1|1a|",
            "|1|localhost|1|",
        ];
        for argument in broken {
            assert_eq!(
                ExtendedAddress::parse_argument(argument.as_bytes()),
                Err(Malformed::ExtendedAddress),
                "{argument}"
            );
        }
        assert_eq!(
            ExtendedAddress::parse_argument(b"|1|127.0.0.1|0|"),
            Err(Malformed::PortZero)
        );
        assert!(ExtendedAddress::parse_argument(b"|1|127.0.0.\xb1|1|").is_err());
    }

    #[test]
    fn encodes_what_it_reads() {
        for (address, port) in [
            ("127.0.0.1", 1),
            ("255.255.255.255", 65535),
            ("::", 21),
            ("2001:4860::8888", 1024),
            ("::ffff:1.2.3.4", 9),
        ] {
            let value = extended(address, port);
            let (mut short, mut long) = (Vec::new(), Vec::new());
            value.encode(&mut short);
            value.encode_long(&mut long);
            assert_eq!(short, value.to_string().as_bytes());
            assert_eq!(ExtendedAddress::parse_argument(&short), Ok(value));
            assert_eq!(ExtendedAddress::parse_long_argument(&long), Ok(value));
            let mut text = Vec::new();
            value.long_passive_text(&mut text);
            assert_eq!(ExtendedAddress::find_in_long_reply(&text), Ok(value));
        }
        assert_eq!(
            ExtendedAddress::new([127, 0, 0, 1].into(), 0),
            Err(Malformed::PortZero)
        );
    }

    #[test]
    fn every_port_makes_the_trip() {
        for port in 0..=u16::MAX {
            let mut text = Vec::new();
            encode_229(port, &mut text);
            let expected = if port == 0 {
                Err(Malformed::PortZero)
            } else {
                Ok(port)
            };
            assert_eq!(port_in_reply(&text), expected);
        }
        for above in [
            "65536",
            "70000",
            "131072",
            "4294967297",
            "1000000",
            "18446744073709551617",
            "99999999999999999999999",
        ] {
            let text = format!("Entering Extended Passive Mode (|||{above}|)");
            assert_eq!(
                port_in_reply(text.as_bytes()),
                Err(Malformed::ExtendedAddress),
                "{above}"
            );
        }
    }

    #[test]
    fn finds_the_port_however_it_is_written() {
        for (text, port) in [
            ("Entering Extended Passive Mode (|||23558|)", 23558),
            ("Extended Passive mode OK (|||25914|)", 25914),
            ("Entering extended passive mode (|||27267|).", 27267),
            ("Entering Extended Passive Mode (!!!6446!)", 6446),
            ("Entering Extended Passive Mode (aaa6446a)", 6446),
            ("Entering Extended Passive Mode (|1|1.2.3.4|99|)", 99),
            ("Entering Extended Passive Mode (|2|2001:db8::1|99|)", 99),
            ("Entering Extended Passive Mode (||1.2.3.4|99|)", 99),
            ("Entering Extended Passive Mode (|||6446)", 6446),
            ("Entering Extended Passive Mode (|||6446", 6446),
            ("Entering Extended Passive Mode |||6446|", 6446),
            ("Entering Extended Passive Mode |||6446", 6446),
            ("Entering Extended Passive Mode |||6446.", 6446),
            ("Entering Extended Passive Mode [|||6446|]", 6446),
            ("Entering Extended Passive Mode ( |||6446| )", 6446),
            ("(really) Extended (|||00021|)", 21),
            ("|||6446|", 6446),
            ("Entering Extended Passive Mode (||||6446|)", 6446),
            ("229 Entering Extended Passive Mode (|||6446|)", 6446),
        ] {
            assert_eq!(port_in_reply(text.as_bytes()), Ok(port), "{text}");
        }
    }

    #[test]
    fn finds_no_port_where_there_is_none() {
        for text in [
            "",
            "Entering Extended Passive Mode",
            "Entering Extended Passive Mode (||6446|)",
            "Entering Extended Passive Mode (|||6446x|)",
            "Entering Extended Passive Mode (||||)",
            "Entering Extended Passive Mode (|||-1|)",
            "Entering Extended Passive Mode (||| 6446|)",
            "Entering Extended Passive Mode (|x|y|6446|)",
            "Entering Extended Passive Mode (|3|1.2.3.4|6446|)",
            "Entering Extended Passive Mode (|!|6446|)",
            "Entering Extended Passive Mode (111121)",
            "Entering Extended Passive Mode (   6446 )",
            "Entering Extended Passive Mode (|1|1.2.3.x|6446|)",
            "Entering Passive Mode (127,0,0,1,193,185)",
            "Since 10:11:12:13",
        ] {
            let unreadable = text.ends_with('x');
            // Four delimiters before a port: the last three of them are a whole one.
            assert_eq!(
                port_in_reply(text.as_bytes()).is_err(),
                !unreadable,
                "{text}"
            );
        }
        assert!(port_in_reply(&[b'('; 50_000]).is_err());
        assert!(port_in_reply(&[b'|'; 50_000]).is_err());
        assert!(port_in_reply("|1".repeat(50_000).as_bytes()).is_err());
        assert!(
            port_in_reply(
                ["(|||9".repeat(20_000), "x".to_string()]
                    .concat()
                    .as_bytes()
            )
            .is_err()
        );
    }

    #[test]
    fn lists_of_families() {
        for families in [(false, false), (true, false), (false, true), (true, true)] {
            let families = Families {
                v4: families.0,
                v6: families.1,
            };
            let (mut new, mut old) = (Vec::new(), Vec::new());
            families.encode_522(&mut new);
            families.encode_521(&mut old);
            let list = match (families.v4, families.v6) {
                (true, true) => ["(1,2)", "(4,6)"],
                (true, false) => ["(1)", "(4)"],
                (false, true) => ["(2)", "(6)"],
                (false, false) => ["()", "()"],
            };
            assert_eq!(
                new,
                ["Network protocol not supported, use ", list[0]]
                    .concat()
                    .as_bytes()
            );
            assert_eq!(
                old,
                ["Supported address families are ", list[1]]
                    .concat()
                    .as_bytes()
            );
            let expected = (families != Families::default()).then_some(families);
            assert_eq!(families_in_522(&new), expected);
            assert_eq!(families_in_521(&old), expected);
            assert_eq!(families.contains([1, 2, 3, 4].into()), families.v4);
            assert_eq!(families.contains(Ipv6Addr::LOCALHOST.into()), families.v6);
        }
        let (v4, both) = (
            Families {
                v4: true,
                v6: false,
            },
            Families { v4: true, v6: true },
        );
        for (text, families) in [
            ("Network protocol not supported, use (1)", Some(v4)),
            ("Network protocol not supported, use (1,2)", Some(both)),
            ("Network protocol not supported (use 1).", Some(v4)),
            ("Network protocol not supported, use ( 1, 2 )", Some(both)),
            (
                "(really) use (2)",
                Some(Families {
                    v4: false,
                    v6: true,
                }),
            ),
            ("use (7)", Some(Families::default())),
            ("Bad network protocol.", None),
            ("SSL connection failed: session reuse required", None),
            ("SSL connection failed (session reuse required)", None),
            ("use (1", None),
            ("use 1)", None),
            ("use )1(", None),
            ("use ()", None),
            ("use (1x)", None),
            ("use (1,x)", None),
            ("", None),
        ] {
            assert_eq!(families_in_522(text.as_bytes()), families, "{text}");
        }
        assert_eq!(
            families_in_521(b"Supported address families are (4, 6)"),
            Some(both)
        );
    }

    #[test]
    fn long_addresses() {
        assert_eq!(
            ExtendedAddress::find_in_long_reply(
                b"Entering Long Passive Mode (4,4,127,0,0,1,2,207,147)"
            ),
            Ok(extended("127.0.0.1", 207 * 256 + 147))
        );
        assert_eq!(
            ExtendedAddress::parse_long_argument(b"4,4,127,0,0,1,2,200,10"),
            Ok(extended("127.0.0.1", 51210))
        );
        assert_eq!(
            ExtendedAddress::parse_long_argument(b"6,16,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,2,4,1"),
            Ok(extended("::1", 1025))
        );
        for (argument, error) in [
            ("5,4,127,0,0,1,2,200,10", Malformed::AddressFamily),
            ("4,4,127,0,0,1,2,0,0", Malformed::PortZero),
            ("", Malformed::HostPort),
            ("4,4,127,0,0,1,2,200", Malformed::HostPort),
            ("4,4,127,0,0,1,3,0,200,10", Malformed::HostPort),
            ("4,4,127,0,0,256,2,200,10", Malformed::HostPort),
            ("4,16,127,0,0,1,2,200,10", Malformed::HostPort),
            (
                "6,16,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,2,4,1",
                Malformed::HostPort,
            ),
            (
                "6,16,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,2,4,1",
                Malformed::HostPort,
            ),
            ("4,4,127,0,0,1,2,200,10 ", Malformed::HostPort),
        ] {
            assert_eq!(
                ExtendedAddress::parse_long_argument(argument.as_bytes()),
                Err(error),
                "{argument}"
            );
        }
        assert_eq!(
            ExtendedAddress::find_in_long_reply(b"(127,0,0,1,4,1)"),
            Err(Malformed::HostPort)
        );
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for text in texts(b"|1(),:", 7) {
            let _ = (
                ExtendedAddress::parse_argument(&text),
                ExtendedAddress::find_in_long_reply(&text),
            );
            let _ = (families_in_522(&text), families_in_521(&text));
            assert_ne!(port_in_reply(&text), Ok(0));
        }
    }
}

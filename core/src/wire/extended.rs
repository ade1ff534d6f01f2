//! Addresses of either family: EPRT, EPSV, 229 and 522 (RFC 2428), and the older LPRT, 228 and 521 (RFC 1639).

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
/// # Ok::<(), ftp_proto::error::Malformed>(())
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
        from_long_numbers(&NumberList::strict(argument).ok_or(Malformed::HostPort)?)
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

/// The argument of EPSV (RFC 2428 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EpsvArgument {
    /// No argument: the family of the control connection.
    None,
    /// A family by its number: 1 is IPv4, 2 is IPv6, others get 522.
    Family(u32),
    /// `ALL`: from now on nothing but EPSV.
    All,
}

impl EpsvArgument {
    /// Reads the argument. `ALL` may be in any case, blanks around it are ignored.
    ///
    /// # Errors
    /// [`Malformed::AddressFamily`] for a number above 2^32 - 1: answer it with 522. [`Malformed::Argument`] for
    /// anything but a number or `ALL`: answer it with 501.
    pub fn parse(argument: &[u8]) -> Result<EpsvArgument, Malformed> {
        let argument = argument.trim_ascii();
        if argument.is_empty() {
            Ok(EpsvArgument::None)
        } else if argument.eq_ignore_ascii_case(b"ALL") {
            Ok(EpsvArgument::All)
        } else if argument.iter().all(u8::is_ascii_digit) {
            let family = decimal(argument).and_then(|family| u32::try_from(family).ok());
            family
                .map(EpsvArgument::Family)
                .ok_or(Malformed::AddressFamily)
        } else {
            Err(Malformed::Argument)
        }
    }

    /// Appends the argument; nothing for [`EpsvArgument::None`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            EpsvArgument::None => {}
            EpsvArgument::Family(family) => push_display(out, family),
            EpsvArgument::All => out.extend_from_slice(b"ALL"),
        }
    }
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
    let rest = skip_field(rest, *delimiter, 10, u8::is_ascii_digit)?;
    let rest = skip_field(rest, *delimiter, 45, |byte| {
        byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':')
    })?;
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

/// What follows a field and its delimiter.
fn skip_field(
    text: &[u8],
    delimiter: u8,
    longest: usize,
    allowed: impl Fn(&u8) -> bool,
) -> Option<&[u8]> {
    let end = text
        .iter()
        .take(longest + 1)
        .position(|byte| *byte == delimiter)?;
    let (field, rest) = text.split_at_checked(end)?;
    field.iter().all(allowed).then(|| rest.get(1..))?
}

fn port_number(digits: &[u8]) -> Result<u16, Malformed> {
    match decimal(digits).map(u16::try_from) {
        Some(Ok(0)) => Err(Malformed::PortZero),
        Some(Ok(port)) => Ok(port),
        _ => Err(Malformed::ExtendedAddress),
    }
}

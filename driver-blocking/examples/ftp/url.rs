//! FTP URLs (RFC 1738 section 3.2), as people type them.

use std::fmt;

/// Which kind of TLS a URL asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `ftp://` and `ftpes://`: AUTH on port 21.
    Explicit,
    /// `ftps://`: from the first byte, on port 990.
    Implicit,
}

/// What `;type=` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypeCode {
    Ascii,
    Image,
    Directory,
}

/// One URL, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FtpUrl {
    pub(crate) scheme: Scheme,
    /// With brackets, if it is an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: Option<Vec<u8>>,
    pub(crate) password: Option<Vec<u8>>,
    /// Relative to the login directory unless it begins with a slash. Empty for the login directory itself.
    pub(crate) path: Vec<u8>,
    pub(crate) type_code: Option<TypeCode>,
}

/// Whether `text` is meant to be a URL.
pub(crate) fn looks_like_url(text: &str) -> bool {
    text.contains("://")
}

/// The part of an operand that would be the password if it is a URL, as it was typed.
pub(crate) fn password_in(operand: &str) -> Option<&str> {
    let (_, rest) = operand.split_once("://")?;
    let (login, _) = rest.rsplit_once('@')?;
    let (_, password) = login.split_once(':')?;
    (!password.is_empty()).then_some(password)
}

impl FtpUrl {
    /// Reads a URL. What cannot be read is told without a piece of it that may be a password. The path is split at its slashes before it is decoded, so `%2F` is part of a name; at the beginning it makes the
    /// path absolute, as a second slash does.
    pub(crate) fn parse(text: &str) -> Result<FtpUrl, String> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or("it does not begin with ftp://, ftpes:// or ftps://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "ftp" | "ftpes" => Scheme::Explicit,
            "ftps" => Scheme::Implicit,
            other if other.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                return Err(format!(
                    "{other}:// is not FTP; use ftp://, ftpes:// or ftps://"
                ));
            }
            _ => return Err("it does not begin with ftp://, ftpes:// or ftps://".to_owned()),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // A user name of its own may hold an @ that was not encoded.
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority),
        };
        let (user, password) = match login {
            None => (None, None),
            Some(login) => {
                let (user, password) = match login.split_once(':') {
                    Some((user, password)) => (user, Some(password)),
                    None => (login, None),
                };
                if user.is_empty() {
                    return Err("the user name before the @ is empty".to_owned());
                }
                (Some(decode(user)?), password.map(decode).transpose()?)
            }
        };
        let (host, port) = host_and_port(place, scheme).map_err(|reason| {
            if user.is_none() && path.contains('@') {
                format!("{reason} (in a user name or password, / is written %2F)")
            } else {
                reason
            }
        })?;
        let (path, type_code) = split_type(path)?;
        let path = path
            .split('/')
            .map(decode)
            .collect::<Result<Vec<_>, _>>()?
            .join(&b'/');
        Ok(FtpUrl {
            scheme,
            host,
            port,
            user,
            password,
            path,
            type_code,
        })
    }

    /// The name the user gave the file: what is behind the last slash. Empty for a directory.
    pub(crate) fn file_name(&self) -> &[u8] {
        self.path
            .rsplit(|byte| *byte == b'/')
            .next()
            .unwrap_or_default()
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.file_name().is_empty()
    }

    /// The path without a slash at its end; `None` for the login directory.
    pub(crate) fn listed_path(&self) -> Option<&[u8]> {
        match self.path.as_slice() {
            [] => None,
            [b'/'] => Some(b"/"),
            path => Some(path.strip_suffix(b"/").unwrap_or(path)),
        }
    }

    /// Whether both can be served by one session.
    pub(crate) fn same_session(&self, other: &FtpUrl) -> bool {
        (
            self.scheme,
            &self.host,
            self.port,
            &self.user,
            &self.password,
        ) == (
            other.scheme,
            &other.host,
            other.port,
            &other.user,
            &other.password,
        )
    }
}

/// Without the password.
impl fmt::Display for FtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = match self.scheme {
            Scheme::Explicit => ("ftp", 21),
            Scheme::Implicit => ("ftps", 990),
        };
        write!(f, "{scheme}://")?;
        if let Some(user) = &self.user {
            encode(f, user, b"")?;
            f.write_str("@")?;
        }
        f.write_str(&self.host)?;
        if self.port != usual {
            write!(f, ":{}", self.port)?;
        }
        f.write_str("/")?;
        match self.path.split_first() {
            Some((b'/', rest)) => {
                f.write_str("%2F")?;
                encode(f, rest, b"/")
            }
            _ => encode(f, &self.path, b"/"),
        }
    }
}

fn host_and_port(place: &str, scheme: Scheme) -> Result<(String, u16), String> {
    let (host, port) = if place.starts_with('[') {
        let end = place
            .find(']')
            .ok_or("the ] behind the IPv6 address is missing")?;
        let (host, rest) = place
            .split_at_checked(end + 1)
            .ok_or("the IPv6 address cannot be read")?;
        (
            host,
            rest.strip_prefix(':')
                .or_else(|| rest.is_empty().then_some("")),
        )
    } else {
        match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, Some("")),
        }
    };
    if host.is_empty() {
        return Err("the host is missing".to_owned());
    }
    if !host.is_ascii() {
        return Err("give the host name in its ASCII form (xn--...)".to_owned());
    }
    if host.contains(|c: char| c.is_ascii_control() || c == ' ' || c == '%') {
        return Err("the host name cannot be read".to_owned());
    }
    let port = match (port, scheme) {
        (Some(""), Scheme::Explicit) => 21,
        (Some(""), Scheme::Implicit) => 990,
        (Some(port), _) => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or("the port is no number from 1 to 65535")?,
        (None, _) => return Err("only a port can follow the ]".to_owned()),
    };
    Ok((host.to_owned(), port))
}

fn split_type(path: &str) -> Result<(&str, Option<TypeCode>), String> {
    let Some((before, code)) = path
        .rsplit_once(';')
        .and_then(|(before, parameter)| Some((before, parameter.split_once('=')?)))
        .filter(|(_, (name, _))| name.eq_ignore_ascii_case("type"))
        .map(|(before, (_, code))| (before, code))
    else {
        return Ok((path, None));
    };
    let code = match code {
        "a" | "A" => TypeCode::Ascii,
        "i" | "I" => TypeCode::Image,
        "d" | "D" => TypeCode::Directory,
        _ => return Err("its ;type= is none of a, i and d".to_owned()),
    };
    Ok((before, Some(code)))
}

/// Percent-decoding. What would end a command line is refused.
fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            match (digit(bytes.next()), digit(bytes.next())) {
                (Some(high), Some(low)) => u8::try_from(high * 16 + low).unwrap_or(0),
                _ => {
                    return Err("a % is not followed by two hexadecimal digits; write %25 for the character itself".to_owned());
                }
            }
        } else {
            byte
        };
        if matches!(byte, b'\r' | b'\n' | 0) {
            return Err("CR, LF or NUL is in it".to_owned());
        }
        out.push(byte);
    }
    Ok(out)
}

fn encode(f: &mut fmt::Formatter<'_>, bytes: &[u8], plain: &[u8]) -> fmt::Result {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,".contains(byte) || plain.contains(byte) {
            write!(f, "{}", char::from(*byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<u8> {
        FtpUrl::parse(text).unwrap().path
    }

    #[test]
    fn paths_are_split_before_they_are_decoded() {
        for (text, wanted) in [
            ("ftp://h", ""),
            ("ftp://h/", ""),
            ("ftp://h/a/b", "a/b"),
            ("ftp://h/a/", "a/"),
            ("ftp://h/%2Fetc/motd", "/etc/motd"),
            ("ftp://h/%2fetc/motd", "/etc/motd"),
            ("ftp://h//etc/motd", "/etc/motd"),
            ("ftp://h/%2F", "/"),
            ("ftp://h/a%2Fb", "a/b"),
            ("ftp://h/a%20b;c", "a b;c"),
            ("ftp://h/what?#1", "what?#1"),
            ("ftp://h/100%25", "100%"),
            ("ftp://h/~joe/x", "~joe/x"),
            ("ftp://h/ü", "ü"),
        ] {
            assert_eq!(path(text), wanted.as_bytes(), "{text}");
        }
        assert_eq!(path("ftp://h/caf%E9"), b"caf\xe9");
    }

    #[test]
    fn who_and_where() {
        let url = FtpUrl::parse("FTP://joe%40home:p%3Aw@[::1]:2121/x").unwrap();
        assert_eq!(url.scheme, Scheme::Explicit);
        assert_eq!(url.user.as_deref(), Some(&b"joe@home"[..]));
        assert_eq!(url.password.as_deref(), Some(&b"p:w"[..]));
        assert_eq!((url.host.as_str(), url.port), ("[::1]", 2121));
        let url = FtpUrl::parse("ftps://joe@home@h/x").unwrap();
        assert_eq!(url.user.as_deref(), Some(&b"joe@home"[..]));
        assert_eq!(url.password, None);
        assert_eq!(url.port, 990);
        assert_eq!(FtpUrl::parse("ftpes://h:/x").unwrap().port, 21);
        let empty = FtpUrl::parse("ftp://joe:@h/x").unwrap();
        assert_eq!(empty.password.as_deref(), Some(&b""[..]));
    }

    #[test]
    fn types() {
        for (text, wanted) in [
            ("ftp://h/a;type=a", Some(TypeCode::Ascii)),
            ("ftp://h/a;TYPE=I", Some(TypeCode::Image)),
            ("ftp://h/;type=D", Some(TypeCode::Directory)),
            ("ftp://h/a;kind=a", None),
        ] {
            assert_eq!(FtpUrl::parse(text).unwrap().type_code, wanted, "{text}");
        }
        assert_eq!(path("ftp://h/a;b;type=i"), b"a;b");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in [
            "h/a",
            "http://h/a",
            "ftp://",
            "ftp:///a",
            "ftp://:2121/a",
            "ftp://h:0/a",
            "ftp://h:65536/a",
            "ftp://h:x/a",
            "ftp://[::1/a",
            "ftp://[::1]x/a",
            "ftp://bücher.example/a",
            "ftp://h h/a",
            "ftp://@h/a",
            "ftp://h/a%0D%0ADELE%20b",
            "ftp://h/a%0ab",
            "ftp://h/a%00",
            "ftp://h/a\nb",
            "ftp://j%0do@h/a",
            "ftp://j:p%0aw@h/a",
            "ftp://h/100%",
            "ftp://h/%2",
            "ftp://h/%zz",
            "ftp://h/%+1",
            "ftp://h/a;type=x",
        ] {
            assert!(FtpUrl::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_password_in_what_may_be_a_url() {
        for (text, wanted) in [
            ("ftp://joe:a/b@h/c", Some("a/b")),
            ("ftp://joe:a@b@h/c", Some("a@b")),
            ("ftp://joe:@h/c", None),
            ("ftp://joe@h:21/c", None),
            ("ftp://h:21/c", None),
            ("joe:a@h", None),
        ] {
            assert_eq!(password_in(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_without_the_password() {
        for text in [
            "joe:hunter2://h/a",
            "ftp://joe:hunter2%zz@h/a",
            "ftp://joe:hunter2%0a@h/a",
            "ftp://joe:hunter2/x@h/a",
            "ftp://joe:/hunter2;type=hunter2@h/a",
            "ftp://joe:hunter2@h:hunter2/a",
        ] {
            let reason = FtpUrl::parse(text).unwrap_err();
            assert!(!reason.contains("hunter2"), "{reason}");
        }
        let reason = FtpUrl::parse("ftp://joe:hunter2/x@h/a").unwrap_err();
        assert!(reason.contains("%2F"), "{reason}");
    }

    #[test]
    fn shown_without_the_password_and_read_again_the_same() {
        let url = FtpUrl::parse("ftps://a%3Ab:secret@h:99//x/y%20%25%FF").unwrap();
        let shown = url.to_string();
        assert_eq!(shown, "ftps://a%3Ab@h:99/%2Fx/y%20%25%FF");
        let again = FtpUrl::parse(&shown).unwrap();
        assert_eq!((again.path, again.user), (url.path, url.user));
    }

    #[test]
    fn names_and_listings() {
        let url = |text| FtpUrl::parse(text).unwrap();
        assert_eq!(url("ftp://h/a/b.txt").file_name(), b"b.txt");
        assert!(url("ftp://h/a/").is_directory());
        assert_eq!(url("ftp://h/").listed_path(), None);
        assert_eq!(url("ftp://h/a/").listed_path(), Some(&b"a"[..]));
        assert_eq!(url("ftp://h//").listed_path(), Some(&b"/"[..]));
    }
}

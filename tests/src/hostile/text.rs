//! Texts of scripts: placeholders and escapes.

/// The bytes a text stands for: `\r`, `\n`, `\t`, `\0`, `\s` (a blank), `\\`, `\xHH`.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(one) = rest.next() {
        if one != '\\' {
            out.extend_from_slice(one.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        out.push(match rest.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('0') => 0,
            Some('s') => b' ',
            Some('\\') => b'\\',
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                let whole = digits.len() == 2;
                let byte = u8::from_str_radix(&digits, 16).ok().filter(|_| whole);
                byte.ok_or_else(|| format!("\\x{digits} is no byte in hexadecimal"))?
            }
            Some(other) => return Err(format!("no escape \\{other}")),
            None => return Err("a lone \\ at the end".to_owned()),
        });
    }
    Ok(out)
}

/// The text with the value of each placeholder in its place, as bytes. Escapes are those of [`bytes`]; they were checked when the script was
/// read.
pub(super) fn filled(text: &str, values: &[(&str, String)]) -> Vec<u8> {
    let mut text = text.to_owned();
    for (name, value) in values {
        text = text.replace(name, value);
    }
    bytes(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stand_for_bytes() {
        assert_eq!(bytes(r"a\r\n\0\s\\\xff\t").unwrap(), b"a\r\n\0 \\\xff\t");
        for wrong in [r"\q", r"\xg0", r"\x1", "\\"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn placeholders_are_filled_before_escapes() {
        let values = [("{port}", "2121".to_owned())];
        assert_eq!(filled(r"(|||{port}|)\r\n", &values), b"(|||2121|)\r\n");
    }
}

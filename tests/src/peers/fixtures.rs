//! What is in the login directory at the start.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::account::Account;

/// 2024-02-29 12:34:56 UTC: the modification time of `readme.txt`.
const README_MODIFIED: Duration = Duration::from_secs(1_709_210_096);

pub(super) fn fill(root: &Path, account: &Account) -> io::Result<()> {
    let inner = root.join("dir");
    fs::create_dir_all(&inner)?;
    let readme: &[u8] = b"The first line.\nThe second line.\nThe last one.\n";
    let bytes = every_byte(102_400);
    let files: [(&str, &[u8]); 6] = [
        ("readme.txt", readme),
        ("100k.bin", &bytes),
        ("empty.bin", b""),
        ("dir/inner.txt", b"Inside.\n"),
        ("a name with spaces.txt", b"Spaces.\n"),
        ("grüße-日本.txt", "Grüße.\n".as_bytes()),
    ];
    for (name, content) in files {
        let path = root.join(name);
        let mut file = File::create(&path)?;
        file.write_all(content)?;
        if name == "readme.txt" {
            file.set_modified(SystemTime::UNIX_EPOCH + README_MODIFIED)?;
        }
        chown(&path, Some(account.uid), Some(account.gid))?;
    }
    for directory in [root, &inner] {
        chown(directory, Some(account.uid), Some(account.gid))?;
    }
    // Stays root's.
    let unreadable = root.join("unreadable.txt");
    fs::write(&unreadable, "Secret.\n")?;
    fs::set_permissions(&unreadable, Permissions::from_mode(0o600))
}

/// Looks random, is the same every time, and has every byte value many times over, so also CR, LF and 255.
fn every_byte(length: usize) -> Vec<u8> {
    let mut state: u32 = 0x2545_F491;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()
    })
    .flatten()
    .take(length)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_have_every_value() {
        let bytes = every_byte(102_400);
        assert_eq!(bytes.len(), 102_400);
        assert!((0..=255_u8).all(|value| bytes.contains(&value)));
    }
}

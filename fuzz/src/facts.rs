//! MLST and MLSD entries: an entry that is read can be written and read again.

use ftp_proto::wire::facts::{Entry, EntryKind, EntryWriter, Fact, Permissions};

/// The bytes are one line of a listing.
///
/// # Panics
/// If the law does not hold.
pub fn check(line: &[u8]) {
    let _ = Entry::parse_mlst_line(line);
    let Ok(entry) = Entry::parse(line) else {
        return;
    };
    assert!(!entry.name().is_empty());
    assert!(
        !entry
            .name()
            .iter()
            .any(|byte| matches!(byte, b'\r' | b'\n' | 0))
    );
    let facts: Vec<Fact<'_>> = entry.facts().collect();
    for fact in &facts {
        assert!(entry.fact(fact.name).is_some());
    }
    typed(&entry);

    let mut written = b"before".to_vec();
    let mut writer = EntryWriter::new(&mut written);
    for fact in &facts {
        writer = writer.fact(fact.name, fact.value);
    }
    match writer.finish(entry.name()) {
        Ok(()) => {
            let line = written.strip_prefix(b"before").expect("appends");
            let again = Entry::parse(line).expect("what was written");
            assert_eq!(again.name(), entry.name());
            assert_eq!(again.facts().collect::<Vec<_>>(), facts);
        }
        Err(_) => assert_eq!(written, b"before", "refused, and yet written"),
    }
}

/// Every typed view, and that a typed value survives being written.
fn typed(entry: &Entry<'_>) {
    let kind = entry.kind();
    let _ = (
        entry.create(),
        entry.unique(),
        entry.unix_uid(),
        entry.unix_gid(),
        entry.unix_owner(),
        entry.unix_group(),
        kind.is_child(),
    );
    let mut line = Vec::new();
    let mut writer = EntryWriter::new(&mut line);
    if let Some(size) = entry.size() {
        writer = writer.size(size);
    }
    if let Some(time) = entry.modify() {
        writer = writer.modify(time);
    }
    if let Some(permissions) = entry.perm() {
        writer = writer.perm(permissions);
    }
    if let Some(mode) = entry.unix_mode() {
        writer = writer.unix_mode(mode);
    }
    writer.finish(b"name").expect("typed values are writable");
    let again = Entry::parse(&line).expect("what was written");
    assert_eq!(again.size(), entry.size());
    assert_eq!(again.modify(), entry.modify());
    assert_eq!(again.perm(), entry.perm());
    assert_eq!(again.unix_mode(), entry.unix_mode());

    let mut value = Vec::new();
    kind.encode(&mut value);
    assert_eq!(EntryKind::parse(&value), kind);
    if let Some(permissions) = entry.perm() {
        let mut letters = Vec::new();
        permissions.encode(&mut letters);
        assert_eq!(Permissions::parse(&letters), permissions);
    }
}

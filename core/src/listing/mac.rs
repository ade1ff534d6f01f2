//! Macintosh servers: Peter Lewis's FTPd and NetPresenz, WebStar. `ls -l` with other columns: the lengths of the resource
//! fork, the data fork and both, or the word `folder` and how many things are in it.
//!
//! ```text
//! -------r--         326  1391972  1392298 Nov 22  1995 MegaPhone.sit
//! drwxrwxr-x               folder        2 May 10  1996 network
//! ```

use super::entry::{Dialect, Entry, Kind, Size};
use crate::wire::date::decimal;

/// Whether the columns between permissions and date are those of a Macintosh; fills the entry if they are.
pub(super) fn claims(
    rest: &[u8],
    before: &[(usize, usize)],
    last: &[u8],
    entry: &mut Entry<'_>,
) -> bool {
    let text = |span: &(usize, usize)| rest.get(span.0..span.1);
    match before {
        [folder] if entry.kind == Kind::Directory => {
            if text(folder) != Some(b"folder") || decimal(last).is_none() {
                return false;
            }
        }
        [resource, data] if entry.kind == Kind::File => {
            let forks = text(resource)
                .and_then(decimal)
                .zip(text(data).and_then(decimal));
            let Some(((resource, data), both)) = forks.zip(decimal(last)) else {
                return false;
            };
            // Few files have as many links as a resource fork has octets, and none has no link at all.
            if resource.checked_add(data) != Some(both) || (1..32).contains(&resource) {
                return false;
            }
            entry.size = Some(Size::Octets(both));
        }
        _ => return false,
    }
    entry.dialect = Dialect::Mac;
    true
}

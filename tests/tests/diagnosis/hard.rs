//! The words of other servers: what those under test were recorded to say, and what others are known to say. The rules were not written from
//! them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use ftp_proto::diagnosis::CauseId;
use ftp_proto_tests::transcript::recordings;

use super::scene::{Dice, Words};

/// A reply with the same code that a real server was recorded to give, if one was.
pub(crate) fn recorded(line: &str, dice: &mut Dice) -> Option<String> {
    static RECORDED: OnceLock<BTreeMap<String, Vec<String>>> = OnceLock::new();
    let replies = RECORDED.get_or_init(|| {
        let mut replies: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for recording in recordings().unwrap() {
            for section in recording.sections {
                for exchange in section.exchanges() {
                    let text = String::from_utf8_lossy(&exchange.replies).into_owned();
                    let mut lines = text.lines();
                    if let (Some(line), None) = (lines.next(), lines.next())
                        && line.as_bytes().get(3) == Some(&b' ')
                    {
                        replies
                            .entry(line.get(..3).unwrap_or_default().to_owned())
                            .or_default()
                            .push(line.to_owned());
                    }
                }
            }
        }
        replies
    });
    let code = line.get(..3)?;
    // Where the text carries something it stays: ports, sizes, names, and what only one command says.
    if ["211", "213", "227", "229", "257", "350"].contains(&code) || line.contains(['\r', '|']) {
        return None;
    }
    let known = replies.get(code)?;
    let at = dice.roll(known.len() as u64);
    known.get(usize::try_from(at).ok()?).cloned()
}

/// How servers that no rule was made from tell of this cause: other makes, other languages.
pub(crate) fn words(id: CauseId) -> Words {
    match id {
        CauseId::TlsDemanded => &[
            "530 This server does not allow plain FTP. You have to use FTP over TLS.",
            "503 Use of plain, unencrypted FTP is not allowed on this server: explicit FTP over TLS required.",
            "534 Policy requires SSL.",
            "530 SSL required for this account.",
            "550 SSL/TLS required on the control channel",
            "421 Plain FTP is insecure; TLS is mandatory here.",
            "530 USER rejected: unencrypted sessions are not permitted",
        ],
        CauseId::DataProtectionDemanded => &[
            "521 PROT P required",
            "522 This server requires the data channel to be private.",
            "425 Unable to open the data connection: PROT P is mandatory",
            "534 Protection level denied for policy reasons.",
            "522 SSL data channel required by site policy",
            "521 Data channel protection level is not private",
        ],
        CauseId::ReuseDemanded => &[
            "425 Unable to build data connection: TLS session of data connection not resumed",
            "450 TLS session of data connection has not resumed or the session does not match the control connection",
            "425 TLS session of data connection not resumed or does not match",
            "522 SSL connection failed: session reuse required: see require_ssl_reuse option in vsftpd.conf man page",
            "425 Data channel must reuse the TLS session of the control channel.",
        ],
        CauseId::TooMany => &[
            "421 Too many users are connected, please try again later.",
            "421 Sorry, the maximum number of connections (2) for your IP has been reached.",
            "530 Too many users connected, please try again later.",
            "421 Maximum session limit for this user reached.",
            "530 maximum login limit has been reached.",
            "421 Refused connection: server is busy",
            "421 Only 5 simultaneous logins allowed",
        ],
        CauseId::IdleLimit => &[
            "421 Connection timed out.",
            "421 Login time exceeded. Closing control connection.",
            "421 No-transfer-time exceeded. Closing control connection.",
            "421 Session idle for too long, goodbye",
            "421 Timeout (900 seconds): closing control connection.",
            "421 Zeit\u{fc}berschreitung",
        ],
        CauseId::ServerBroken => &[
            "500 OOPS: vsftpd: refusing to run with writable root inside chroot ()",
            "500 OOPS: child died",
            "500 OOPS: vsf_sysutil_recv_peek: no data",
            "500 OOPS: failed to open vsftpd log file:/var/log/vsftpd.log",
        ],
        CauseId::LoginRefused => &[
            "530 User cannot log in, home directory inaccessible.",
            "530 Login or password incorrect!",
            "530 Sorry, no ANONYMOUS access allowed.",
            "530 Not logged in, user or password incorrect!",
            "530 Anmeldung fehlgeschlagen.",
            "430 Invalid username or password.",
            "530 Valid hostname is expected.",
        ],
        CauseId::NoTls => &[
            "504 Unsupported AUTH type",
            "500 Syntax error, command unrecognized.",
            "502 Explicit TLS authentication not allowed",
            "534 Local policy on server does not allow TLS secure connections.",
            "431 Unable to negotiate secure command connection.",
            "500 AUTH not understood",
        ],
        CauseId::NoDataPorts => &[
            "425 Can't bind a listening socket: address already in use",
            "425 No free ports in the passive range",
            "421 Unable to listen for a passive connection, too many sockets in use",
            "425 Can't open passive connection.",
            "425 Passive port range exhausted",
        ],
        CauseId::CannotWrite => &[
            "550 Access is denied.",
            "550 Permission denied.",
            "552 There is not enough space on the disk.",
            "552 Transfer aborted. Quota exceeded.",
            "553 Filename not allowed",
            "452 Error writing file: No space left on device",
            "550 The process cannot access the file because it is being used by another process.",
        ],
        CauseId::ActiveRefused => &[
            "501 Server cannot accept argument.",
            "500 Invalid PORT command.",
            "421 Rejected command, requested IP address does not match control connection IP.",
            "504 Command not implemented for that parameter",
            "530 Only client IP address allowed for PORT command.",
        ],
        CauseId::LateComplaint => &[
            "426 Connection closed; transfer aborted (TLS connection was not closed properly).",
            "450 TLS shutdown was not clean",
            "426 The data connection was closed without a TLS close notification",
            "451 Error while closing the data connection",
        ],
        CauseId::NoRestart => &[
            "501 Invalid number of parameters",
            "504 Reply marker is invalid.",
            "554 Requested action not taken: invalid REST parameter.",
            "502 Command not implemented",
        ],
        CauseId::AsciiMode => &[
            "550 SIZE not allowed in ASCII mode",
            "550 Could not get the file size: ASCII transfers have none",
        ],
        CauseId::FilesOnly => &[
            "550 The system cannot find the file specified.",
            "550 Access is denied.",
            "550 Could not open file for reading",
            "450 Blocked by anti-virus policy",
            "550 Datei nicht gefunden",
        ],
        CauseId::NameEncoding => &[
            "550 The filename, directory name, or volume label syntax is incorrect.",
            "550 File not found",
            "501 Parameter syntax error: not valid UTF-8",
            "553 Invalid filename",
        ],
        CauseId::Account => &[
            "532 Need account for storing files.",
            "532 No account was given",
        ],
        CauseId::EmptyListing => &[
            "550 No files found",
            "450 Empty directory",
            "550 *: no match",
        ],
        // The others are told by what happens and not by what is said.
        _ => &[],
    }
}

//! What others say about the servers: OpenSSL and sockets, and the configurations.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use ftp_proto_tests::peers::{Kind, Versions};

use crate::servers::{Mode, Surveyed};

/// What `peers/ask.py` finds out.
pub(crate) fn asked(server: &Surveyed) -> BTreeMap<String, String> {
    let mode = match server.mode {
        Mode::Explicit => "explicit",
        Mode::Implicit => "implicit",
        Mode::Clear => "clear",
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/ask.py");
    let output = Command::new("python3")
        .arg(script)
        .args([
            &server.address.ip().to_string(),
            &server.address.port().to_string(),
            mode,
        ])
        .arg(&server.ca)
        .args([&server.user, &server.password])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}: {}",
        server.name,
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What was written into the configuration.
pub(crate) fn configured(server: &Surveyed) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let mut put = |column: &str, fact: &str| facts.insert(column.to_owned(), fact.to_owned());
    let options = &server.options;
    if server.mode == Mode::Clear {
        return facts;
    }
    let newest = match options.versions {
        Versions::Tls12Only => "TLSv1.2",
        Versions::Both | Versions::Tls13Only => "TLSv1.3",
    };
    put("tls", newest);
    if server.mode == Mode::Implicit {
        put("implicit", newest);
    }
    put("certificate", "trusted");
    put("certificate_sha256", &sha256(&server.certificate));
    put(
        "client_certificate",
        if options.client_certificate {
            "yes"
        } else {
            "no"
        },
    );
    if options.require_reuse {
        let code = if server.kind == Some(Kind::Vsftpd) {
            "yes: 522"
        } else {
            "yes: 425"
        };
        put("reuse_required", code);
    }
    facts
}

fn sha256(der: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, der);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn s_client(server: &Surveyed, options: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args([
        "s_client",
        "-connect",
        &server.address.to_string(),
        "-CAfile",
    ]);
    command.arg(&server.ca);
    if server.mode == Mode::Explicit {
        command.args(["-starttls", "ftp"]);
    }
    let output = command.args(options).stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The SHA-256 of the certificate that `openssl s_client` is shown.
pub(crate) fn fingerprint_by_openssl(server: &Surveyed) -> String {
    let shown = s_client(server, &[]);
    let begin = shown.find("-----BEGIN CERTIFICATE-----").unwrap();
    let mut x509 = Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    use std::io::Write;
    x509.stdin
        .take()
        .unwrap()
        .write_all(shown.get(begin..).unwrap().as_bytes())
        .unwrap();
    let output = x509.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, digits) = text.trim().split_once('=').unwrap();
    digits.replace(':', "").to_lowercase()
}

/// Whether OpenSSL, offering this suite alone, agrees on it with the server.
pub(crate) fn suite_works(server: &Surveyed, column: &str, suite: &str) -> bool {
    let (version, option, name) = match column {
        "tls_1_3" => ("-tls1_3", "-ciphersuites", suite.replace("TLS13_", "TLS_")),
        _ => ("-tls1_2", "-cipher", openssl_name(suite)),
    };
    let shown = s_client(server, &[version, option, &name]);
    shown.contains(&format!("Cipher is {name}"))
}

/// OpenSSL has names of its own for suites of TLS 1.2: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 is ECDHE-RSA-AES128-GCM-SHA256.
fn openssl_name(suite: &str) -> String {
    let short = suite.trim_start_matches("TLS_").replace("_WITH_", "_");
    let short = short.replace("AES_", "AES").replace('_', "-");
    short.replace("CHACHA20-POLY1305-SHA256", "CHACHA20-POLY1305")
}

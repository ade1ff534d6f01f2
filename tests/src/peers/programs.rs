//! How each program is configured and started.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::account::write_secret;
use super::{Kind, Site, Tls, Versions};

/// The command that runs the server in the foreground. Writes its configuration.
pub(super) fn command(kind: Kind, site: &Site<'_>) -> io::Result<Command> {
    match kind {
        Kind::Vsftpd => vsftpd(site),
        Kind::ProFtpd => proftpd(site),
        Kind::PureFtpd => pure_ftpd(site),
        Kind::Pyftpdlib => pyftpdlib(site),
        Kind::Inetutils => Ok(inetutils(site)),
    }
}

fn vsftpd(site: &Site<'_>) -> io::Result<Command> {
    let options = site.options;
    let yes = |on: bool| if on { "YES" } else { "NO" };
    let (listen, address) = match options.ipv6 {
        true => ("listen=NO\nlisten_ipv6=YES", "listen_address6"),
        false => ("listen=YES", "listen_address"),
    };
    // Anonymous users become "daemon": a user with a home that exists, who may not write in the root.
    let mut text = format!(
        "{listen}
{address}={host}
listen_port={port}
background=NO
{passive}
port_enable={active}
local_enable=YES
write_enable=YES
local_umask=022
local_root={root}
chroot_local_user=YES
allow_writeable_chroot=YES
check_shell=NO
pam_service_name=other
secure_chroot_dir={nothing}
seccomp_sandbox=NO
isolate_network=NO
delay_failed_login=0
ascii_upload_enable=YES
ascii_download_enable=YES
anonymous_enable={anonymous}
ftp_username=daemon
anon_root={root}
xferlog_enable={loud}
vsftpd_log_file={log}
log_ftp_protocol={loud}
lock_upload_files={loud}
max_clients=0
max_per_ip=0
",
        host = site.host,
        port = site.port,
        passive = match options.quiet {
            true => String::new(),
            false => format!(
                "pasv_min_port={}\npasv_max_port={}",
                site.passive.start(),
                site.passive.end()
            ),
        },
        active = yes(options.allow_active),
        root = site.root.display(),
        nothing = site.file("nothing").display(),
        anonymous = yes(options.anonymous),
        loud = yes(!options.quiet),
        log = site.file("vsftpd.log").display(),
    );
    if let Some(sessions) = options.sessions_per_address {
        text += &format!("max_per_ip={sessions}\n");
    }
    if options.tls != Tls::Off {
        text += &format!(
            "ssl_enable=YES
ssl_tlsv1=YES
ssl_ciphers=HIGH
rsa_cert_file={certificate}
rsa_private_key_file={key}
ca_certs_file={ca}
implicit_ssl={implicit}
allow_anon_ssl=YES
require_ssl_reuse={reuse}
force_local_logins_ssl={control}
force_anon_logins_ssl={control}
force_local_data_ssl={data}
force_anon_data_ssl={data}
strict_ssl_read_eof={strict}
strict_ssl_write_shutdown={strict}
ssl_request_cert={client}
require_cert={client}
validate_cert={client}
",
            certificate = site.file("cert.pem").display(),
            key = site.file("key.pem").display(),
            ca = site.file("ca.pem").display(),
            implicit = yes(options.tls == Tls::Implicit),
            reuse = yes(options.require_reuse),
            control = yes(options.require_tls_control),
            data = yes(options.require_tls_data),
            strict = yes(options.strict_close),
            client = yes(options.client_certificate),
        );
    }
    let file = site.file("vsftpd.conf");
    fs::write(&file, text)?;
    let mut command = Command::new(site.home.join("usr/sbin/vsftpd"));
    command.arg(file);
    Ok(command)
}

fn proftpd(site: &Site<'_>) -> io::Result<Command> {
    let options = site.options;
    let account = site.account;
    let mut text = format!(
        "ServerName ftp-proto
ServerType standalone
ModulePath {modules}
LoadModule mod_tls.c
LoadModule mod_digest.c
LoadModule mod_deflate.c
DeflateEngine on
UseIPv6 on
DefaultAddress {host}
Port {port}
SocketBindTight on
{passive}
User {user}
Group {user}
AuthUserFile {users}
AuthOrder mod_auth_file.c
AuthPAM off
RequireValidShell off
UseFtpUsers off
DefaultRoot ~
Umask 022
AllowOverwrite on
AllowStoreRestart on
AllowRetrieveRestart on
TimesGMT on
UseReverseDNS off
DelayEngine off
WtmpLog off
TransferLog none
MaxInstances none
PidFile {pid}
ScoreboardFile {scoreboard}
SystemLog {log}
{commands}
",
        modules = site.home.join("usr/lib/proftpd").display(),
        host = site.host,
        port = site.port,
        passive = match options.quiet {
            true => String::new(),
            false => format!(
                "PassivePorts {} {}",
                site.passive.start(),
                site.passive.end()
            ),
        },
        user = account.user,
        users = site.file("users").display(),
        pid = site.file("pid").display(),
        scoreboard = site.file("scoreboard").display(),
        log = site.file("proftpd.log").display(),
        commands = match options.quiet {
            true => String::new(),
            false => format!("ExtendedLog {} ALL", site.file("commands.log").display()),
        },
    );
    if !options.allow_active {
        text += "<Limit PORT EPRT>\nDenyAll\n</Limit>\n";
    }
    if let Some(sessions) = options.sessions_per_address {
        text += &format!("MaxClientsPerHost {sessions}\n");
    }
    if options.anonymous {
        text += &format!(
            "<Anonymous {root}>
User {user}
Group {user}
UserAlias anonymous {user}
AuthAliasOnly on
<Limit WRITE>
DenyAll
</Limit>
</Anonymous>
",
            root = site.root.display(),
            user = account.user,
        );
    }
    if options.tls != Tls::Off {
        let versions = match options.versions {
            Versions::Both => "TLSv1.2 TLSv1.3",
            Versions::Tls12Only => "TLSv1.2",
            Versions::Tls13Only => "TLSv1.3",
        };
        let required = match (options.require_tls_control, options.require_tls_data) {
            (true, true) => "on",
            (true, false) => "ctrl",
            (false, true) => "data",
            (false, false) => "off",
        };
        let verify = if options.client_certificate {
            "on"
        } else {
            "off"
        };
        text += &format!(
            "TLSEngine on
TLSLog {log}
TLSProtocol {versions}
TLSECCertificateFile {certificate}
TLSECCertificateKeyFile {key}
TLSCACertificateFile {ca}
TLSVerifyClient {verify}
TLSRequired {required}
TLSRenegotiate none
",
            log = site.file("tls.log").display(),
            certificate = site.file("cert.pem").display(),
            key = site.file("key.pem").display(),
            ca = site.file("ca.pem").display(),
        );
        if !options.require_reuse {
            text += "TLSOptions NoSessionReuseRequired\n";
        }
        if options.tls == Tls::Implicit {
            text += "TLSOptions UseImplicitSSL\n";
        }
    }
    write_secret(
        &site.file("users"),
        &format!(
            "{}:{}:{}:{}::{}:/bin/sh\n",
            account.user,
            account.hash,
            account.uid,
            account.gid,
            site.root.display()
        ),
    )?;
    let file = site.file("proftpd.conf");
    fs::write(&file, text)?;
    let mut command = Command::new(site.home.join("usr/sbin/proftpd"));
    command.arg("-n").arg("-c").arg(file);
    Ok(command)
}

fn pure_ftpd(site: &Site<'_>) -> io::Result<Command> {
    let options = site.options;
    let account = site.account;
    let users = site.file("users");
    let database = site.file("users.pdb");
    write_secret(
        &users,
        &format!(
            "{}:{}:{}:{}::{}/./::::::::::::\n",
            account.user,
            account.hash,
            account.uid,
            account.gid,
            site.root.display()
        ),
    )?;
    let made = Command::new(site.home.join("usr/bin/pure-pw"))
        .arg("mkdb")
        .arg(&database)
        .arg("-f")
        .arg(&users)
        .env("LD_LIBRARY_PATH", site.home.join("libraries"))
        .output()?;
    if !made.status.success() {
        return Err(io::Error::other(format!("pure-pw mkdb failed: {made:?}")));
    }
    let sessions = options.sessions_per_address.unwrap_or(2000).to_string();
    let mut command = Command::new(site.home.join("usr/sbin/pure-ftpd"));
    command
        .args(["-S", &format!("{},{}", site.host, site.port)])
        .arg(if options.ipv6 { "-6" } else { "-4" })
        .args(["-l", &format!("puredb:{}", database.display())])
        .args(["-c", "2000", "-C", &sessions, "-u", "1", "-U", "133:022"])
        .args(["-A", "-E", "-H"])
        .args(["-g", &site.file("pid").display().to_string()]);
    if !options.quiet {
        let ports = format!("{}:{}", site.passive.start(), site.passive.end());
        command.args(["-p", &ports]);
        let log = site.file("transfers.log");
        command.args(["-O", &format!("clf:{}", log.display())]);
    }
    if options.tls != Tls::Off {
        let level = match (options.require_tls_control, options.require_tls_data) {
            (true, true) => "3",
            (true, false) => "2",
            (false, _) => "1",
        };
        command.args(["-Y", level]);
        // The certificates in this file are also those it takes client certificates from.
        let bundle = site.file("bundle.pem");
        let parts =
            ["key.pem", "cert.pem", "ca.pem"].map(|name| fs::read_to_string(site.file(name)));
        let text: String = parts.into_iter().collect::<io::Result<_>>()?;
        write_secret(&bundle, &text)?;
        command.arg("-2").arg(bundle);
        let mut ciphers = String::new();
        if options.client_certificate {
            ciphers += "-C:";
        }
        ciphers += "HIGH";
        command.args(["-J", &ciphers]);
    }
    Ok(command)
}

fn pyftpdlib(site: &Site<'_>) -> io::Result<Command> {
    let options = site.options;
    let account = site.account;
    let tls = match options.tls {
        Tls::Off => "off",
        Tls::Explicit => "explicit",
        Tls::Implicit => "implicit",
    };
    let versions = match options.versions {
        Versions::Both => "both",
        Versions::Tls12Only => "1.2",
        Versions::Tls13Only => "1.3",
    };
    let file = site.file("pyftpdlib.json");
    // No text here needs more than quotes: hexadecimal passwords, paths of our own making.
    let text = format!(
        r#"{{"address": "{host}", "port": {port}, "passive_first": {first}, "passive_last": {last},
"root": {root:?}, "user": "{user}", "password": "{password}", "uid": {uid}, "gid": {gid},
"anonymous": {anonymous}, "active": {active}, "tls": "{tls}", "tls_versions": "{versions}",
"certificate": {certificate:?}, "key": {key:?}, "authority": {ca:?},
"client_certificate": {client}, "control_required": {control}, "data_required": {data},
"sessions": {sessions}}}
"#,
        host = site.host,
        port = site.port,
        first = site.passive.start(),
        last = site.passive.end(),
        root = site.root,
        user = account.user,
        password = account.password,
        uid = account.uid,
        gid = account.gid,
        anonymous = options.anonymous,
        active = options.allow_active,
        certificate = site.file("cert.pem"),
        key = site.file("key.pem"),
        ca = site.file("ca.pem"),
        client = options.client_certificate,
        control = options.require_tls_control,
        data = options.require_tls_data,
        sessions = options.sessions_per_address.unwrap_or(2000),
    );
    write_secret(&file, &text)?;
    let mut command = Command::new(site.home.join("bin/python"));
    command.arg(script("pyftpdlib_server.py")).arg(file);
    Ok(command)
}

fn inetutils(site: &Site<'_>) -> Command {
    // -I and -S start faster: it needs nothing but the standard library.
    let mut command = Command::new("python3");
    command
        .args(["-I", "-S"])
        .arg(script("accept.py"))
        .arg(site.host.to_string())
        .arg(site.port.to_string())
        .arg(site.home.join("usr/sbin/ftpd"))
        .args(["-u", "022"]);
    command
}

fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("peers")
        .join(name)
}

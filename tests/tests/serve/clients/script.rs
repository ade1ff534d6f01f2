//! Clients that are given a script.

use std::fs;
use std::process::Command;

use super::command::{ONLY_KILLED, cut, run};
use super::{Act, Client, Did, NO_IPV6, NO_TLS, Place, Tls, keep_listing};
use crate::server::{PASSWORD, USER};

pub(crate) const LFTP: Client = Client {
    name: "lftp",
    lacks: |place| {
        let six = place.active && place.address.is_ipv6();
        six.then_some("names the address :: in EPRT")
    },
    act: |place, act| match act {
        Act::Abort(_) if place.tls == Tls::Off => Did::Cannot(ONLY_KILLED),
        _ => lftp(place, act).into(),
    },
};

fn lftp(place: &Place, act: &Act) -> Result<(), String> {
    let scheme = if place.tls == Tls::Implicit {
        "ftps"
    } else {
        "ftp"
    };
    let mut script = format!(
        "set net:max-retries 1; set net:timeout 20; set cmd:fail-exit true; set ssl:ca-file {}; set ftp:passive-mode {}; set ftp:ssl-force {}; \
         set ftp:ssl-allow {}; set ftp:ssl-protect-data true; set ftp:use-abor true; open -u {USER},'{PASSWORD}' {scheme}://{}:{}; ",
        place.authority.display(),
        !place.active,
        place.tls == Tls::Explicit,
        place.tls != Tls::Off,
        place.host(),
        place.port(),
    );
    script += &match *act {
        Act::Upload(name) => format!("put {name}"),
        Act::List => "ls > listing".to_owned(),
        Act::Download(name) => format!("get {name}"),
        Act::ResumeDownload(name) => format!("get -c {name}"),
        Act::ResumeUpload(name) => format!("put -c {name}"),
        Act::Rename(from, to) => format!("mv {from} {to}"),
        Act::Delete(name) => format!("rm {name}"),
        Act::Abort(name) => format!("set net:limit-rate 100000; put {name}"),
    };
    let mut lftp = Command::new("lftp");
    lftp.args(["--norc", "-c", &script])
        .current_dir(&place.local);
    match act {
        Act::Abort(_) => cut(&mut lftp),
        _ => run(&mut lftp).map(drop),
    }
}

pub(crate) const FTPLIB: Client = Client {
    name: "ftplib",
    lacks: |place| {
        if place.tls == Tls::Implicit {
            Some("no implicit TLS")
        } else if place.reuse {
            Some("does not resume sessions")
        } else {
            None
        }
    },
    act: |place, act| ftplib(place, act).into(),
};

fn ftplib(place: &Place, act: &Act) -> Result<(), String> {
    let action = match *act {
        Act::Upload(name) => format!("ftp.storbinary('STOR {name}', open('{name}', 'rb'))"),
        Act::List => "ftp.dir(open('listing', 'w').write)".to_owned(),
        Act::Download(name) => format!("ftp.retrbinary('RETR {name}', open('{name}', 'wb').write)"),
        Act::ResumeDownload(name) => format!(
            "file = open('{name}', 'ab'); ftp.retrbinary('RETR {name}', file.write, rest=file.tell())"
        ),
        Act::ResumeUpload(name) => format!(
            "at = ftp.size('{name}'); file = open('{name}', 'rb'); file.seek(at); ftp.storbinary('STOR {name}', file, rest=at)"
        ),
        Act::Rename(from, to) => format!("ftp.rename('{from}', '{to}')"),
        Act::Delete(name) => format!("ftp.delete('{name}')"),
        Act::Abort(name) => format!(
            "data = ftp.transfercmd('STOR {name}'); data.sendall(open('{name}', 'rb').read(100000)); ftp.abort(); data.close(); ftp.pwd()"
        ),
    };
    let script = format!(
        "import ftplib, ssl\n\
         if {tls}:\n    context = ssl.create_default_context(cafile='{authority}')\n    ftp = ftplib.FTP_TLS(context=context, timeout=20)\n\
         else:\n    ftp = ftplib.FTP(timeout=20)\n\
         ftp.connect('{host}', {port})\n\
         if {tls}: ftp.auth()\n\
         ftp.login('{USER}', '{PASSWORD}')\n\
         if {tls}: ftp.prot_p()\n\
         ftp.set_pasv({passive})\n\
         ftp.voidcmd('TYPE I')\n\
         {action}\n\
         {quit}\n",
        tls = if place.tls == Tls::Explicit {
            "True"
        } else {
            "False"
        },
        authority = place.authority.display(),
        host = place.bare_host(),
        port = place.port(),
        passive = if place.active { "False" } else { "True" },
        quit = if matches!(act, Act::Abort(_)) {
            "ftp.close()"
        } else {
            "ftp.quit()"
        },
    );
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-c", &script]).current_dir(&place.local);
    run(&mut python).map(drop)
}

pub(crate) const KERMIT: Client = Client {
    name: "kermit",
    lacks: |place| {
        if place.address.is_ipv6() {
            Some(NO_IPV6)
        } else {
            None
        }
    },
    act: kermit,
};

fn kermit(place: &Place, act: &Act) -> Did {
    let action = match *act {
        Act::Upload(name) => format!("ftp put {name}"),
        Act::List => "ftp directory > listing".to_owned(),
        Act::Download(name) => format!("ftp get {name}"),
        Act::ResumeDownload(name) => format!("ftp reget {name}"),
        Act::ResumeUpload(name) => format!("ftp reput {name}"),
        Act::Rename(from, to) => format!("ftp rename {from} {to}"),
        Act::Delete(name) => format!("ftp delete {name}"),
        Act::Abort(_) => return Did::Cannot("sends no ABOR from a script"),
    };
    let action = match *act {
        Act::List => {
            "set session-log text\nlog session listing\nftp directory\nclose session".to_owned()
        }
        _ => action,
    };
    let script = format!(
        "set quiet on\nset exit warning off\nset ftp error-action quit\nset ftp timeout 20\nset ftp collision overwrite\nset file collision overwrite\n\
         set auth tls verify-file {authority}\nset auth tls verify on\nset ftp autoauthentication {auto}\nset ftp authtype tls\n\
         set ftp passive-mode {passive}\nset ftp get-filetype-switching off\n\
         ftp open {implicit}{host} {port} /user:{USER} /password:{{{PASSWORD}}}\n\
         if fail exit 1\nif not \\v(ftp_loggedin) exit 2\nftp type binary\n{action}\nif fail exit 3\nftp bye\nexit 0\n",
        authority = place.authority.display(),
        auto = if place.tls == Tls::Explicit {
            "on"
        } else {
            "off"
        },
        passive = if place.active { "off" } else { "on" },
        implicit = if place.tls == Tls::Implicit {
            "/ssl "
        } else {
            ""
        },
        // It looks at the name alone.
        host = "localhost",
        port = place.port(),
    );
    let path = place.local.join("script");
    if let Err(error) = fs::write(&path, script) {
        return Did::Failed(error.to_string());
    }
    let mut kermit = Command::new("kermit");
    kermit.arg("+").arg(&path).current_dir(&place.local);
    let ran = run(&mut kermit);
    if *act == Act::List
        && let Ok(output) = &ran
    {
        let _ = fs::write(place.local.join("listing"), output);
    }
    ran.map(drop).into()
}

pub(crate) const TNFTP: Client = Client {
    name: "tnftp",
    lacks: |place| (place.tls != Tls::Off).then_some(NO_TLS),
    act: tnftp,
};

fn tnftp(place: &Place, act: &Act) -> Did {
    let action = match *act {
        Act::Upload(name) => format!("put {name}"),
        Act::List => "ls".to_owned(),
        Act::Download(name) => format!("get {name}"),
        Act::ResumeDownload(name) => format!("reget {name}"),
        Act::ResumeUpload(name) => {
            format!("!tail -c +500001 {name} > rest\nappend rest {name}")
        }
        Act::Rename(from, to) => format!("rename {from} {to}"),
        Act::Delete(name) => format!("delete {name}"),
        Act::Abort(_) => return Did::Cannot(ONLY_KILLED),
    };
    let script = format!(
        "set prompt\n{mode}\nuser {USER} \"{PASSWORD}\"\nbinary\n{action}\nquit\n",
        mode = if place.active {
            "passive off"
        } else {
            "passive on"
        },
    );
    let path = place.local.join("script");
    if let Err(error) = fs::write(&path, script) {
        return Did::Failed(error.to_string());
    }
    let mut tnftp = Command::new("sh");
    tnftp
        .args(["-c", "exec tnftp -n -v -q 20 \"$0\" \"$1\" < script"])
        .args([place.bare_host(), place.port().to_string()])
        .current_dir(&place.local);
    match act {
        Act::List => run(&mut tnftp).and_then(|output| keep_listing(&place.local, &output)),
        _ => run(&mut tnftp).map(drop),
    }
    .into()
}

pub(crate) const NCFTP: Client = Client {
    name: "ncftp",
    lacks: |place| {
        if place.tls != Tls::Off {
            Some(NO_TLS)
        } else if place.address.is_ipv6() {
            Some(NO_IPV6)
        } else {
            None
        }
    },
    act: ncftp,
};

fn ncftp(place: &Place, act: &Act) -> Did {
    let (program, host, port) = match act {
        Act::List => ("ncftpls", place.bare_host(), place.port()),
        Act::Download(_) | Act::ResumeDownload(_) => ("ncftpget", place.bare_host(), place.port()),
        Act::ResumeUpload(_) => return Did::Cannot("sends the whole file behind REST"),
        Act::Rename(..) => return Did::Cannot("renames only by hand"),
        Act::Delete(_) => return Did::Cannot("deletes only by hand"),
        _ => ("ncftpput", place.bare_host(), place.port()),
    };
    let mut ncftp = Command::new(program);
    ncftp
        .args([
            "-u",
            USER,
            "-p",
            PASSWORD,
            "-P",
            &port.to_string(),
            "-t",
            "20",
        ])
        .arg(if place.active { "-E" } else { "-F" })
        .current_dir(&place.local);
    let ran = match *act {
        Act::List => run(ncftp.args(["-l", &format!("ftp://{host}/")]))
            .and_then(|listing| keep_listing(&place.local, &listing)),
        // They continue what is there unless told otherwise.
        Act::Download(name) => run(ncftp.args(["-Z", &host, ".", name])).map(drop),
        Act::ResumeDownload(name) => run(ncftp.args(["-z", &host, ".", name])).map(drop),
        Act::Upload(name) => run(ncftp.args(["-Z", &host, "/", name])).map(drop),
        _ => return Did::Cannot("does not slow down to be cut"),
    };
    ran.into()
}

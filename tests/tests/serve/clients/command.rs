//! Clients with all they need on the command line.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::{Act, Client, Did, Place, Tls, keep_listing};
use crate::server::{PASSWORD, USER};

/// Runs it to its end, no longer than half a minute; what it wrote if it failed.
pub(super) fn run(command: &mut Command) -> Result<Vec<u8>, String> {
    run_for(command, Duration::from_secs(30))
}

pub(super) fn run_for(command: &mut Command, limit: Duration) -> Result<Vec<u8>, String> {
    let mut limited = Command::new("timeout");
    limited
        .args(["--kill-after=2", &format!("{}", limit.as_secs_f64())])
        .arg(command.get_program())
        .args(command.get_args())
        .env("HOME", std::env::temp_dir());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            limited.env(name, value);
        }
    }
    if let Some(directory) = command.get_current_dir() {
        limited.current_dir(directory);
    }
    let output = limited.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!(
        "{limited:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}

pub(crate) const CURL: Client = Client {
    name: "curl",
    // It stops at an address family it does not know, where the server has connected already.
    lacks: |place| match (place.tls, place.active) {
        (Tls::Off, _) | (_, false) => None,
        (_, true) => Some("fails by itself in active mode under TLS"),
    },
    act: |place, act| match act {
        Act::Abort(_) if place.tls == Tls::Off => Did::Cannot(ONLY_KILLED),
        _ => curl(place, act).into(),
    },
};

fn curl(place: &Place, act: &Act) -> Result<(), String> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "30", "--user"])
        .arg(format!("{USER}:{PASSWORD}"))
        .arg("--cacert")
        .arg(&place.authority)
        .current_dir(&place.local);
    if place.tls == Tls::Explicit {
        curl.arg("--ssl-reqd");
    }
    if place.active {
        curl.args(["--ftp-port", "-"]);
    }
    let scheme = if place.tls == Tls::Implicit {
        "ftps"
    } else {
        "ftp"
    };
    let url = |name| format!("{scheme}://{}:{}/{name}", place.host(), place.port());
    let commands = |curl: &mut Command, lines: &[String]| {
        for line in lines {
            curl.args(["--quote", line]);
        }
        run(curl.args(["--list-only", &url("")])).map(drop)
    };
    match *act {
        Act::Upload(name) => run(curl.args(["--upload-file", name, &url("")]))?,
        Act::List => {
            let listing = run(curl.arg(url("")))?;
            return keep_listing(&place.local, &listing);
        }
        Act::Download(name) => run(curl.args(["--output", name, &url(name)]))?,
        Act::ResumeDownload(name) => {
            run(curl.args(["--continue-at", "-", "--output", name, &url(name)]))?
        }
        Act::ResumeUpload(name) => {
            run(curl.args(["--continue-at", "-", "--upload-file", name, &url("")]))?
        }
        Act::Rename(from, to) => {
            return commands(&mut curl, &[format!("RNFR {from}"), format!("RNTO {to}")]);
        }
        Act::Delete(name) => return commands(&mut curl, &[format!("DELE {name}")]),
        Act::Abort(name) => {
            curl.args(["--limit-rate", "100k", "--upload-file", name, &url("")]);
            return cut(&mut curl);
        }
    };
    Ok(())
}

/// In clear the end of the data is the end of the file, whatever it came from; under TLS close_notify would be missing.
pub(super) const ONLY_KILLED: &str =
    "in clear, sends no ABOR, and looks as if it was done when it is killed";

/// A client that is too slow to end by itself, and is ended.
pub(super) fn cut(command: &mut Command) -> Result<(), String> {
    match run_for(command, Duration::from_millis(1500)) {
        Err(_) => Ok(()),
        Ok(_) => Err("it ended by itself".to_owned()),
    }
}

pub(crate) const WGET: Client = Client {
    name: "wget",
    lacks: |place| match (place.tls, place.active) {
        (Tls::Off, _) | (_, false) => None,
        (_, true) => Some("no active mode under TLS"),
    },
    act: wget,
};

fn wget(place: &Place, act: &Act) -> Did {
    let mut wget = Command::new("wget");
    wget.args(["--no-verbose", "--tries=1", "--timeout=20"])
        .arg(format!("--ftp-user={USER}"))
        .arg(format!("--ftp-password={PASSWORD}"))
        .arg("--ca-certificate")
        .arg(&place.authority)
        .current_dir(&place.local);
    if place.active {
        wget.arg("--no-passive-ftp");
    }
    if place.tls == Tls::Implicit {
        wget.arg("--ftps-implicit");
    }
    let scheme = if place.tls == Tls::Off { "ftp" } else { "ftps" };
    let url = |name: &str| format!("{scheme}://{}:{}/{name}", place.host(), place.port());
    let ran = match *act {
        Act::List => {
            wget.args(["--no-remove-listing", "--output-document=index", &url("")]);
            run(&mut wget).and_then(|_| {
                let index =
                    fs::read(place.local.join("index")).map_err(|error| error.to_string())?;
                keep_listing(&place.local, &index)
            })
        }
        Act::Download(name) => run(wget.args(["--output-document", name, &url(name)])).map(drop),
        Act::ResumeDownload(name) => run(wget.args(["--continue", &url(name)])).map(drop),
        _ => return Did::Cannot("only downloads"),
    };
    ran.into()
}

//! `ftp`: a command-line client.
//!
//! ```text
//! cargo run --release -p ftp-proto-blocking --example ftp -- get ftp://ftp.example.org/pub/README
//! ```

mod advice;
mod args;
mod explain;
mod local;
mod mirror;
mod report;
mod run;
mod session;
mod survey;
mod url;

use std::process::ExitCode;

use clap::Parser;

use args::Arguments;
use report::Report;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come here too, with status 0; what is wrong with usage with 2.
            let text = without_passwords(error.render().to_string());
            if error.use_stderr() {
                eprint!("{text}");
            } else {
                print!("{text}");
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let mut report = Report::new(&arguments);
    let result = run::run(&arguments, &mut report);
    report.finish(result)
}

/// The parser quotes what it does not understand: not so the passwords in URLs.
fn without_passwords(text: String) -> String {
    std::env::args_os().fold(text, |text, argument| {
        match url::password_in(&argument.to_string_lossy()) {
            Some(password) => text.replace(password, report::HIDDEN),
            None => text,
        }
    })
}

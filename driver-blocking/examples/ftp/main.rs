//! `ftp`: a command-line client.
//!
//! ```text
//! cargo run --release -p ftp-proto-blocking --example ftp -- get ftp://ftp.example.org/pub/README
//! ```

mod args;
mod local;
mod report;
mod run;
mod session;
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
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let mut report = Report::new(&arguments);
    let result = run::run(&arguments, &mut report);
    report.finish(result)
}

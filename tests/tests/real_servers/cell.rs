//! One cell: a file and an empty one there and back.

use std::fs;
use std::path::Path;

use crate::client::Client;
use crate::payload::{Payload, Source};

/// Uploads, lists, downloads, compares, deletes.
///
/// # Errors
/// What went wrong first, with the dialogue. Nothing stays on the server then either.
pub(crate) fn run(client: &Client<'_>, file: &Source, empty: &Source) -> Result<(), String> {
    let sources = [file, empty];
    let back = client.server.ca_path().with_file_name("back");
    fs::create_dir_all(&back).map_err(|error| error.to_string())?;
    let result = there_and_back(client, sources, &back);
    let _ = fs::remove_dir_all(&back);
    if result.is_err() {
        for source in sources {
            let _ = fs::remove_file(client.server.root().join(source.name));
        }
    }
    result
}

fn there_and_back(client: &Client<'_>, sources: [&Source; 2], back: &Path) -> Result<(), String> {
    let sizes = sources.map(|source| source.payload.size);
    let urls = sources.map(|source| client.url(source.name));
    let [file, empty] = sources.map(|source| source.path.to_str().unwrap_or_default());
    let [file_url, empty_url] = urls.each_ref().map(String::as_str);
    let directory = client.url("");

    let put = client.transfer(&["put", "--json", file, empty, &directory], &sizes)?;
    for source in sources {
        let stored = client.server.root().join(source.name);
        compare(source, &stored).map_err(|problem| format!("{problem}\n{put}"))?;
    }

    let ls = client.succeed(&["ls", &directory])?;
    for source in sources {
        if !ls.output.lines().any(|line| line == source.name) {
            return Err(format!("{} is not listed\n{ls}", source.name));
        }
    }

    let target = format!("{}/", back.display());
    let get = client.transfer(&["get", "--json", file_url, empty_url, &target], &sizes)?;
    for source in sources {
        compare(source, &back.join(source.name)).map_err(|problem| format!("{problem}\n{get}"))?;
    }

    let rm = client.succeed(&["rm", file_url, empty_url])?;
    for source in sources {
        if client.server.root().join(source.name).exists() {
            return Err(format!("{} is still there\n{rm}", source.name));
        }
    }
    Ok(())
}

fn compare(source: &Source, copy: &Path) -> Result<(), String> {
    let copied = Payload::of(copy)?;
    if copied.size != source.payload.size {
        return Err(format!(
            "{} has {} bytes instead of {}",
            copy.display(),
            copied.size,
            source.payload.size
        ));
    }
    if copied.sha256 != source.payload.sha256 {
        return Err(format!("{} has another SHA-256", copy.display()));
    }
    Ok(())
}

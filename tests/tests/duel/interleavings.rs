//! Every order in which things can happen in a short session.

use ftp_proto::client::{self, ClearText};
use ftp_proto::server;
use ftp_proto_tests::pair::{Choices, Pair, Script, Trouble, Wish};

/// No more ways than this are walked for one session.
const WAYS: usize = 30_000;

fn short(wishes: &[Wish], change: impl Fn(&mut Script)) -> Script {
    let mut script = Script::of(1);
    script.client = client::Config::default();
    script.client.security = client::Security::clear(ClearText::Everybody);
    script.server = server::Config::default();
    script.server.security = server::Security::clear();
    script.wishes = wishes.to_vec();
    script.trouble = Trouble::None;
    script.at_once = false;
    script.quits = true;
    script.chunk = 1400;
    script.unlimited = true;
    script.keeps_parts = false;
    script.addresses = (
        "192.0.2.7:40000".parse().unwrap(),
        "192.0.2.1:21".parse().unwrap(),
    );
    change(&mut script);
    script
}

/// Walks all ways; says how many, and whether those were all.
fn walk(name: &str, script: &Script, wanted: impl Fn(&str, &str) -> bool) {
    let mut choices = Some(Choices::default());
    let mut ways = 0;
    while let Some(way) = choices.take() {
        let outcome = Pair::new(script.clone()).with_choices(way).run();
        for verdict in &outcome.results {
            assert!(
                wanted(verdict.wish, &verdict.end),
                "{name}: {verdict:?} on way {:?}",
                outcome.choices
            );
        }
        ways += 1;
        if ways == WAYS {
            println!("{name}: {ways} ways, and there are more");
            return;
        }
        choices = outcome.choices.and_then(Choices::next);
    }
    println!("{name}: all {ways} ways");
}

fn done(_: &str, end: &str) -> bool {
    end == "done"
}

#[test]
fn a_download_in_clear_text() {
    let script = short(&[Wish::Retrieve(13, 0, false)], |_| {});
    walk("download, passive", &script, done);
    let script = short(&[Wish::Retrieve(13, 0, false)], |script| {
        script.client.data_modes = client::DataModes::new(&[client::DataMode::Port]).unwrap();
    });
    walk("download, active", &script, done);
}

#[test]
fn an_upload_in_clear_text() {
    let script = short(&[Wish::Store(13, false)], |_| {});
    walk("upload, passive", &script, done);
    let script = short(&[Wish::Store(13, false)], |script| {
        script.client.data_modes = client::DataModes::new(&[client::DataMode::Eprt]).unwrap();
    });
    walk("upload, active", &script, done);
}

#[test]
fn a_listing_and_a_refused_download_under_tls() {
    let secure = |script: &mut Script| {
        script.client.security = client::Security::required();
        script.server.security = server::Security::required();
    };
    walk("listing, TLS", &short(&[Wish::List], secure), done);
    walk(
        "missing file, TLS",
        &short(&[Wish::RetrieveMissing], secure),
        // The listener goes with the refusal; whoever connects behind it finds nobody there.
        |wish, end| {
            end == "done" || (wish == "missing file" && matches!(end, "Refused" | "DataOpen"))
        },
    );
}

#[test]
fn an_abort_at_any_time() {
    for upload in [false, true] {
        let script = short(
            &[Wish::Abort(5000, upload, std::time::Duration::ZERO)],
            |_| {},
        );
        walk("abort", &script, |wish, end| {
            end == "done" || (wish == "aborted transfer" && end == "Aborted")
        });
    }
}

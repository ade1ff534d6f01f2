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
    script.eager = false;
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
    match count(name, script, wanted) {
        (ways, true) => println!("{name}: all {ways} ways"),
        (ways, false) => println!("{name}: {ways} ways, and there are more"),
    }
}

/// Walks all ways: how many, and whether those were all.
fn count(name: &str, script: &Script, wanted: impl Fn(&str, &str) -> bool) -> (usize, bool) {
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
        choices = outcome.choices.and_then(Choices::next);
        if ways == WAYS && choices.is_some() {
            return (ways, false);
        }
    }
    (ways, true)
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

/// Each verb that moves data, in every order of what happens on both connections: walked to the last one, and counted.
#[test]
fn each_verb_in_every_order_of_control_and_data() {
    let verbs: [(&str, Wish); 9] = [
        ("STOR, eager", Wish::Store(13, false)),
        ("RETR", Wish::Retrieve(13, 0, false)),
        ("RETR, TYPE A", Wish::Retrieve(13, 0, true)),
        ("STOR", Wish::Store(13, false)),
        ("APPE", Wish::Append(13)),
        ("STOU", Wish::StoreUnique(13)),
        ("LIST", Wish::List),
        ("NLST", Wish::Names),
        ("MLSD", Wish::Facts),
    ];
    let worlds: [(&str, client::DataMode, bool); 4] = [
        ("passive", client::DataMode::Epsv, false),
        ("active", client::DataMode::Eprt, false),
        ("passive, TLS", client::DataMode::Epsv, true),
        ("active, TLS", client::DataMode::Eprt, true),
    ];
    let mut total = 0;
    let mut cut = Vec::new();
    println!("| verb | passive | active | passive, TLS | active, TLS |\n|---|---|---|---|---|");
    for (verb, wish) in verbs {
        let mut row = format!("| {verb} |");
        for (world, mode, tls) in worlds {
            let script = short(std::slice::from_ref(&wish), |script| {
                if tls {
                    script.client.security = client::Security::required();
                    script.server.security = server::Security::required();
                }
                script.client.data_modes = client::DataModes::new(&[mode]).unwrap();
                script.quits = false;
                script.eager = verb.ends_with("eager");
            });
            let (ways, all) = count(&format!("{verb}, {world}"), &script, done);
            if !all {
                cut.push(format!("{verb}, {world}"));
            }
            total += ways;
            row.push_str(&format!(" {ways} |"));
        }
        println!("{row}");
    }
    println!("{total} orders of control and data");
    assert!(cut.is_empty(), "not walked to the end: {cut:?}");
}

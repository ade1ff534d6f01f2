//! Every future of the async client goes to another thread, with any runtime, if what it reads from and writes to does: executors with
//! several threads take nothing else. It is asserted by compiling this.

use ftp_proto::wire::date::Timestamp;
use ftp_proto::{HashOptions, Secret, TransferOptions};
use ftp_proto_async::{
    AsyncRead, AsyncWrite, Builder, CancelHandle, Client, Error, Pool, Queued, QueuedStore, Reader,
    Runtime, Smol, Tree, Writer,
};

fn goes<T: Send>(_future: T) {}

fn goes_and_is_shared<T: Send + Sync>() {}

/// What the methods of [`Client`] take.
struct Given<'a, S, T> {
    sink: &'a mut S,
    source: &'a mut T,
    queued: Queued,
    upload: QueuedStore,
    how: TransferOptions,
    secret: Secret,
    time: Timestamp,
}

fn client<R, S, T>(client: &mut Client<R>, given: Given<'_, S, T>)
where
    R: Runtime,
    S: AsyncWrite + Unpin + Send,
    T: AsyncRead + Unpin + Send,
{
    let (sink, source, how) = (given.sink, given.source, given.how);
    let secret = || given.secret.clone();
    goes(client.ready());
    goes(client.login("user", secret()));
    goes(client.login_with_account("user", secret(), Some(secret())));
    goes(client.retrieve("path", sink));
    goes(client.retrieve_with("path", how, sink));
    goes(client.reader("path"));
    goes(client.reader_with("path", how));
    goes(client.receive(given.queued, sink));
    goes(client.store("path", source));
    goes(client.send(given.upload, source));
    goes(client.store_with("path", how, source));
    goes(client.writer("path"));
    goes(client.writer_with("path", how));
    goes(client.append("path", source));
    goes(client.append_with("path", how, source));
    goes(client.store_unique(source, how));
    goes(client.list("path"));
    goes(client.list_to("path", sink));
    goes(client.names("path"));
    goes(client.names_to("path", sink));
    goes(client.facts("path"));
    goes(client.facts_to("path", sink));
    goes(client.entry("path"));
    goes(client.size("path"));
    goes(client.hash("path"));
    goes(client.hash_with("path", HashOptions::default()));
    goes(client.modified("path"));
    goes(client.set_modified("path", given.time));
    goes(client.change_directory("path"));
    goes(client.change_to_parent());
    goes(client.working_directory());
    goes(client.make_directory("path"));
    goes(client.remove_directory("path"));
    goes(client.delete("path"));
    goes(client.rename("path", "other"));
    goes(client.status("path"));
    goes(client.help("topic"));
    goes(client.system());
    goes(client.noop());
    goes(client.features());
    goes(client.options("UTF8 ON"));
    goes(client.site("command"));
    goes(client.account(&given.secret));
    goes(client.command("line"));
    goes(client.reinitialize());
    goes(client.clear_command_channel());
}

fn whole<R: Runtime>(client: Client<R>, reader: Reader<'_, R>, writer: Writer<'_, R>) {
    goes(client.quit());
    goes(reader.finish());
    goes(writer.finish());
}

fn builder<R: Runtime>(builder: fn() -> Builder, runtime: R) {
    goes(Client::connect("host", 21));
    goes(builder().connect("host", 21));
    goes(builder().connect_on(runtime, "host", 21));
    goes(builder());
    goes_and_is_shared::<CancelHandle>();
    goes_and_is_shared::<Error>();
}

/// Trees over sessions of their own, and over those of a pool.
fn trees<R: Runtime + Clone + Sync>(tree: fn() -> Tree<'static>, pool: Pool<R>, runtime: R) {
    goes(tree().run(async || Client::connect("host", 21).await));
    goes(tree().run_on(runtime, async move || pool.session().await));
}

#[test]
fn every_future_of_the_async_client_is_send() {
    // They are compiled for every runtime; these are no calls.
    let _ = (
        client::<Smol, Vec<u8>, &[u8]>,
        whole::<Smol>,
        builder::<Smol>,
        trees::<Smol>,
    );
    let own = include_str!("send.rs");
    let (mut methods, mut absent) = (0, Vec::new());
    for source in [
        include_str!("../../../driver-async/src/builder.rs"),
        include_str!("../../../driver-async/src/client.rs"),
        include_str!("../../../driver-async/src/stream.rs"),
        include_str!("../../../driver-async/src/tree.rs"),
    ] {
        for rest in source.split("    pub async fn ").skip(1) {
            let name: &str = rest.split(['(', '<']).next().unwrap_or_default();
            methods += 1;
            if !own.contains(&format!(".{name}(")) && !own.contains(&format!("::{name}(")) {
                absent.push(name);
            }
        }
    }
    println!("{methods} async methods, the futures of all of them Send");
    assert!(methods > 40, "{methods}");
    assert!(absent.is_empty(), "not asserted here: {absent:?}");
}

//! A server that names things to do harm: what is on the disk afterwards, through either driver.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;

use ftp_proto::Secret;
use ftp_proto::client::{ClearText, Security};
use ftp_proto::listing::LocalName;
use ftp_proto::tree::{Delete, Options, Summary};

/// What every directory of the server holds, whatever its path: names that reach elsewhere, names of devices, one name twice, a
/// directory that has itself in it, and something good.
const LISTING: &[u8] = b"type=cdir; .\r\n\
type=file;size=5;modify=20260101000000; ../escaped\r\n\
type=dir; ..\r\n\
type=dir; ../outside\r\n\
type=file;size=5;modify=20260101000000; ../../escaped\r\n\
type=file;size=5;modify=20260101000000; /tmp/ftp-escaped\r\n\
type=dir; /\r\n\
type=file;size=5;modify=20260101000000; a/../../escaped\r\n\
type=file;size=5;modify=20260101000000; ..\\escaped\r\n\
type=file;size=5;modify=20260101000000; C:\\escaped\r\n\
type=file;size=5;modify=20260101000000; C:escaped\r\n\
type=file;size=5;modify=20260101000000; nul\r\n\
type=file;size=5;modify=20260101000000; COM1.txt\r\n\
type=file;size=5;modify=20260101000000; dots..\r\n\
type=file;size=5;modify=20260101000000; blank \r\n\
type=file;size=5;modify=20260101000000; nul\0byte\r\n\
type=file;size=5;modify=20260101000000; \x1b[2Jbell\x07\r\n\
type=file;size=5;modify=20260101000000; |touch escaped\r\n\
type=OS.unix=slink:/etc/passwd;size=5; twice\r\n\
type=dir; twice\r\n\
type=OS.unix=slink:../outside;size=5; link\r\n\
type=dir; door\r\n\
type=file;size=5;modify=20260101000000; window\r\n\
type=file;size=5;modify=20260101000000; -rf\r\n\
type=file;size=5;modify=20260101000000; good.txt\r\n\
type=dir; deep\r\n";

const CONTENT: &[u8] = b"owned";

/// A server that says the same about every directory and has the same in every file.
fn hostile_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for session in listener.incoming() {
            let session = session.unwrap();
            thread::spawn(move || {
                // A client that leaves is no failure of the server.
                let _ = serve(session);
            });
        }
    });
    address
}

fn serve(control: TcpStream) -> std::io::Result<()> {
    control.set_nodelay(true)?;
    let mut lines = BufReader::new(control.try_clone()?);
    let mut replies = control;
    replies.write_all(b"220 come in\r\n")?;
    let mut data: Option<TcpListener> = None;
    let mut offset = 0;
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let mut payload = None;
        match verb {
            "USER" => replies.write_all(b"331 and?\r\n")?,
            "PASS" => replies.write_all(b"230 in\r\n")?,
            "FEAT" => {
                replies.write_all(b"211-all:\r\n MLST type*;size*;modify*;\r\n211 end\r\n")?;
            }
            "PWD" => replies.write_all(b"257 \"/\" is here\r\n")?,
            "SIZE" => replies.write_all(b"213 5\r\n")?,
            "REST" => {
                offset = argument.parse().unwrap_or(0);
                replies.write_all(b"350 go on\r\n")?;
            }
            "EPSV" => {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                let port = listener.local_addr()?.port();
                data = Some(listener);
                replies.write_all(format!("229 here (|||{port}|)\r\n").as_bytes())?;
            }
            "MLSD" => payload = Some(LISTING),
            "RETR" => payload = Some(CONTENT.get(offset..).unwrap_or_default()),
            "QUIT" => {
                replies.write_all(b"221 gone\r\n")?;
                return Ok(());
            }
            "TYPE" | "CWD" | "NOOP" | "OPTS" => replies.write_all(b"200 yes\r\n")?,
            _ => replies.write_all(b"502 no\r\n")?,
        }
        if let Some(payload) = payload {
            offset = 0;
            replies.write_all(b"150 look\r\n")?;
            if let Some(listener) = data.take() {
                let (mut connection, _) = listener.accept()?;
                connection.write_all(payload)?;
            }
            replies.write_all(b"226 that was it\r\n")?;
        }
    }
}

/// A directory with a target in it, and something beside that must stay.
struct Scene {
    directory: PathBuf,
}

impl Scene {
    fn new(name: &str) -> Scene {
        let directory =
            std::env::temp_dir().join(format!("ftp-hostile-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(directory.join("target")).unwrap();
        fs::create_dir_all(directory.join("outside")).unwrap();
        fs::write(directory.join("outside/kept"), "kept").unwrap();
        // Links that were in the target before, to places the server would like to write to.
        symlink("../outside", directory.join("target/door")).unwrap();
        symlink("../outside/kept", directory.join("target/window")).unwrap();
        Scene { directory }
    }

    fn target(&self) -> PathBuf {
        self.directory.join("target")
    }

    /// Everything below a directory that is no directory, links as what they are.
    fn things(&self, of: &str) -> BTreeMap<String, String> {
        let mut things = BTreeMap::new();
        let root = self.directory.join(of);
        let mut directories = vec![root.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory).unwrap() {
                let path = entry.unwrap().path();
                let kind = path.symlink_metadata().unwrap().file_type();
                let shown = path
                    .strip_prefix(&root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                if kind.is_symlink() {
                    let to = fs::read_link(&path).unwrap();
                    things.insert(shown, format!("-> {}", to.display()));
                } else if kind.is_dir() {
                    things.insert(format!("{shown}/"), String::new());
                    directories.push(path);
                } else {
                    things.insert(shown, fs::read_to_string(&path).unwrap());
                }
            }
        }
        things
    }

    /// What the file system is like after the server had its way.
    fn judge(&self, summary: &Summary, depth: usize) {
        println!("{summary}");
        assert_eq!(
            self.things("outside"),
            BTreeMap::from([("kept".to_owned(), "kept".to_owned())])
        );
        assert!(!self.directory.join("escaped").exists());
        assert!(!self.directory.parent().unwrap().join("escaped").exists());
        assert!(!Path::new("/tmp/ftp-escaped").exists());
        let beside: Vec<_> = fs::read_dir(&self.directory).unwrap().collect();
        assert_eq!(beside.len(), 2, "{beside:?}");
        let mut files = 0;
        let things = self.things("target");
        for (path, content) in &things {
            match path.as_str() {
                "door" => assert_eq!(content, "-> ../outside"),
                "window" => assert_eq!(content, "-> ../outside/kept"),
                _ => {
                    for name in path.trim_end_matches('/').split('/') {
                        assert!(LocalName::from_remote(name.as_bytes()).is_ok(), "{path}");
                        let good = ["deep", "door", "window", "-rf", "good.txt"];
                        assert!(good.contains(&name), "{path}");
                    }
                    assert!(path.matches("deep").count() + path.matches("door").count() <= depth);
                    if !path.ends_with('/') {
                        files += 1;
                        assert_eq!(content, "owned", "{path}");
                    }
                }
            }
        }
        assert_eq!(summary.copied, files);
        assert!(things.contains_key("good.txt") && things.contains_key("deep/deep/good.txt"));
        assert!(!summary.is_complete() && summary.failed > 10);
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.bounds.depth = 4;
    options.delete = Delete::AfterAll;
    // `door` and `window` are in the listing: they are in the way, and stay.
    options
}

/// Directories that may be within each other: `deep` and, below the first level, `door`.
const DEPTH: usize = 4;

#[test]
fn blocking() {
    use ftp_proto_blocking::{Client, Tree};
    for sessions in [1, 4] {
        let scene = Scene::new("blocking");
        let address = hostile_server();
        let tree = Tree::download("/", scene.target(), options()).unwrap();
        let done = tree.sessions(sessions).run(|| {
            let mut client = Client::builder()
                .security(Security::clear(ClearText::Everybody))
                .connect(&address.ip().to_string(), address.port())?;
            client.begin_login("u", Secret::new(b"p"), None)?;
            Ok(client)
        });
        scene.judge(&done.summary, DEPTH);
    }
}

#[test]
fn asynchronous() {
    use ftp_proto_async::{Client, Tree};
    for sessions in [1, 4] {
        let scene = Scene::new("async");
        let address = hostile_server();
        let tree = Tree::download("/", scene.target(), options()).unwrap();
        let run = tree.sessions(sessions).run(async || {
            let mut client = Client::builder()
                .security(Security::clear(ClearText::Everybody))
                .connect(&address.ip().to_string(), address.port())
                .await?;
            client.begin_login("u", Secret::new(b"p"), None)?;
            Ok(client)
        });
        let done = smol::block_on(run);
        scene.judge(&done.summary, DEPTH);
    }
}

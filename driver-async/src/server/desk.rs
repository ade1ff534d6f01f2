//! The machine's questions, put to the storage and the authenticator.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ftp_proto::server::{
    Account as Login, Answer, Authenticate, Close, Ending, Entry, Listing, OpenListing, OpenRead,
    OpenWrite, Question, Refused, SelectHost, StatListing, UserId, VirtualPath,
};
use smol::lock::Semaphore;

use super::accounts::{Account, Authenticator, Login as Attempt};
use super::digest::digest;
use super::flow::{Open, Working};
use super::storage::{Entries, Promise, Storage, Write, now};

/// Users of a process, counted: the number tells sessions of a log apart.
static LOGINS: AtomicU64 = AtomicU64::new(1);

/// A question that is being answered.
pub(super) type Asking = Pin<Box<dyn Future<Output = Answered> + Send>>;

/// The answer, and what came with it.
pub(super) struct Answered {
    pub(super) answer: Answer,
    /// What was opened.
    pub(super) open: Option<Open>,
    /// Who logged in.
    pub(super) account: Option<Account>,
}

impl From<Answer> for Answered {
    fn from(answer: Answer) -> Self {
        Answered {
            answer,
            open: None,
            account: None,
        }
    }
}

/// Whom to ask.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) authenticator: Arc<dyn Authenticator>,
    pub(super) peer: IpAddr,
    /// The virtual host the client chose.
    pub(super) host: Option<Vec<u8>>,
    /// The host the client named in its TLS handshake.
    pub(super) server_name: Option<String>,
    /// Of the user who is logged in.
    pub(super) storage: Option<Arc<dyn Storage>>,
    /// How many digests may be under way at once, in all sessions.
    pub(super) digests: Arc<Semaphore>,
}

impl Desk {
    /// Puts a question; `working` is what is open, for the question that closes it.
    pub(super) fn ask(&self, question: Question, working: Option<Box<Working>>) -> Asking {
        let question = match question {
            Question::Authenticate(question) => return Box::pin(self.clone().login(question)),
            Question::SelectHost(question) => return Box::pin(self.clone().select(question)),
            Question::Close(question) => return Box::pin(close(question, working)),
            other => other,
        };
        match &self.storage {
            Some(storage) => {
                let (storage, digests) = (Arc::clone(storage), Arc::clone(&self.digests));
                Box::pin(answer(question, storage, digests))
            }
            None => {
                let answer = question.refused(Refused::Denied);
                Box::pin(async { answer.into() })
            }
        }
    }

    async fn login(self, question: Authenticate) -> Answered {
        let Some(password) = question.password() else {
            return question.needs_password().into();
        };
        let attempt = Attempt {
            user: question.name(),
            password,
            host: self.host.as_deref(),
            peer: self.peer,
            secure: question.is_secure(),
        };
        let Some(account) = self.authenticator.authenticate(attempt).await else {
            return question.rejected().into();
        };
        let user = UserId(LOGINS.fetch_add(1, Ordering::Relaxed));
        let login = Login::new(user)
            .with_rights(account.rights)
            .with_home(account.home.clone());
        Answered {
            answer: question.accepted(login),
            open: None,
            account: Some(account),
        }
    }
}

impl Desk {
    /// Under TLS the certificate was shown for the host the handshake named: another one cannot be chosen (RFC 7151 section 4).
    async fn select(self, question: SelectHost) -> Answered {
        let name = self.server_name.as_deref().unwrap_or_default();
        if question.is_secure() && !name.as_bytes().eq_ignore_ascii_case(question.name()) {
            question.conflicts().into()
        } else if self.authenticator.host(question.name()).await {
            question.selected().into()
        } else {
            question.unknown().into()
        }
    }
}

async fn answer(
    question: Question,
    storage: Arc<dyn Storage>,
    digests: Arc<Semaphore>,
) -> Answered {
    /// `question.refused(why)`, or what else there is to say.
    macro_rules! settle {
        ($question:ident, $result:expr, $done:expr) => {
            match $result {
                Ok(value) => $done(value).into(),
                Err(why) => $question.refused(why).into(),
            }
        };
    }
    match question {
        Question::ChangeDirectory(question) => {
            let entry = storage.stat(question.path()).await;
            let directory = entry.and_then(|entry| match entry.is_directory() {
                true => Ok(()),
                false => Err(Refused::NotDirectory),
            });
            settle!(question, directory, |()| question.done())
        }
        Question::OpenRead(question) => open_read(question, &*storage).await,
        Question::OpenWrite(question) => open_write(question, &*storage).await,
        Question::OpenListing(question) => open_listing(question, &*storage).await,
        Question::Stat(question) => {
            let entry = storage.stat(question.path()).await;
            settle!(question, entry, |entry| question.entry(entry))
        }
        Question::StatListing(question) => stat_listing(question, &*storage).await.into(),
        Question::MakeDirectory(question) => {
            let made = storage.make_directory(question.path()).await;
            settle!(question, made, |()| question.done())
        }
        Question::RemoveDirectory(question) => {
            let removed = storage.remove_directory(question.path()).await;
            settle!(question, removed, |()| question.done())
        }
        Question::Delete(question) => {
            let removed = storage.remove_file(question.path()).await;
            settle!(question, removed, |()| question.done())
        }
        Question::Rename(question) => {
            let may_replace = question.may_replace();
            let renamed = storage.rename(question.from(), question.to(), may_replace);
            settle!(question, renamed.await, |()| question.done())
        }
        Question::SetModified(question) => {
            let stored = storage.set_modified(question.path(), question.time()).await;
            settle!(question, stored, |stored| question.set(stored))
        }
        Question::SetMode(question) => {
            let set = storage.set_mode(question.path(), question.mode()).await;
            settle!(question, set, |()| question.done())
        }
        Question::Checksum(question) => {
            let digest = digest(&question, &*storage, &digests).await;
            settle!(question, digest, |(digest, bytes): (Vec<u8>, u64)| question
                .digest(&digest, bytes))
        }
        // Not asked of storages.
        other @ (Question::SelectHost(_) | Question::Authenticate(_) | Question::Close(_)) => {
            other.refused(Refused::Unsupported).into()
        }
    }
}

async fn open_read(question: OpenRead, storage: &dyn Storage) -> Answered {
    match storage.read(question.path(), question.offset()).await {
        Ok(source) => {
            let left = question.length();
            Answered {
                answer: question.opened(source.size()),
                open: Some(Open::Reading { source, left }),
                account: None,
            }
        }
        Err(why) => question.refused(why).into(),
    }
}

async fn open_write(question: OpenWrite, storage: &dyn Storage) -> Answered {
    let how = Write {
        mode: question.mode(),
        may_create: question.may_create(),
        may_change: question.may_change(),
        announced: question.announced(),
    };
    match storage.write(question.path(), how).await {
        Ok(sink) => Answered {
            answer: match sink.name() {
                Some(name) => question.opened_as(name),
                None => question.opened(),
            },
            open: Some(Open::Writing(sink)),
            account: None,
        },
        Err(why) => question.refused(why).into(),
    }
}

async fn open_listing(question: OpenListing, storage: &dyn Storage) -> Answered {
    let listing = question.listing().clone();
    match entries(question.path(), &listing, storage).await {
        Ok((entries, single)) => Answered {
            answer: question.opened(),
            open: Some(Open::Listing {
                entries,
                listing,
                single,
            }),
            account: None,
        },
        Err(why) => question.refused(why).into(),
    }
}

/// What is to be listed, and whether it is a single file.
async fn entries(
    path: &VirtualPath,
    listing: &Listing,
    storage: &dyn Storage,
) -> Result<(Box<dyn Entries>, bool), Refused> {
    use ftp_proto::server::Form;
    match storage.list(path).await {
        Err(Refused::NotDirectory) if listing.form() != Form::Facts => {
            let entry = storage.stat(path).await?;
            Ok((Box::new(One(Some(entry))), true))
        }
        entries => Ok((entries?, false)),
    }
}

async fn stat_listing(question: StatListing, storage: &dyn Storage) -> Answer {
    match directory(question.path(), question.limit(), storage).await {
        Err(why) => question.refused(why),
        Ok(found) => match (found, now()) {
            (Ok(entries), Some(now)) => question.directory(entries, now),
            (Err(entry), Some(now)) => question.file(entry, now),
            (_, None) => question.refused(Refused::Io),
        },
    }
}

/// What is in a directory, or the file itself.
async fn directory(
    path: &VirtualPath,
    limit: usize,
    storage: &dyn Storage,
) -> Result<Result<Vec<Entry>, Entry>, Refused> {
    let mut listed = match storage.list(path).await {
        Err(Refused::NotDirectory) => return Ok(Err(storage.stat(path).await?)),
        listed => listed?,
    };
    let mut all = Vec::new();
    // One more than are shown says that there are more.
    while all.len() <= limit {
        let some = listed.next().await?;
        if some.is_empty() {
            break;
        }
        all.extend(some);
    }
    Ok(Ok(all))
}

/// A file, listed as the one line it is.
struct One(Option<Entry>);

impl Entries for One {
    fn next(&mut self) -> Promise<'_, Vec<Entry>> {
        let entry = self.0.take();
        Box::pin(async { Ok(entry.into_iter().collect()) })
    }
}

async fn close(question: Close, working: Option<Box<Working>>) -> Answered {
    let (open, failed) = match working {
        Some(working) => working.finish().await,
        None => (None, None),
    };
    let closed = match (open, question.ending()) {
        (Some(Open::Writing(sink)), Ending::Commit) if failed.is_none() => sink.commit().await,
        (Some(Open::Writing(sink)), _) => sink.cut().await,
        _ => Ok(()),
    };
    match failed.map_or(closed, Err) {
        Ok(()) => question.done().into(),
        Err(why) => question.refused(why).into(),
    }
}

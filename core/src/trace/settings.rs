//! What a machine was told before the session, in a record.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::json::{Object, Problem, Writer};
use super::words::Named;
use crate::client::{AuthMethod, ClearText, Config, DataMode, Ordered, Security};
use crate::limits::Limits;
use crate::wire::command::ProtectionLevel;

macro_rules! limits {
    (numbers $($number:ident)*; durations $($duration:ident)*) => {
        fn write_limits(limits: &Limits, out: &mut Writer) {
            $(out.number(stringify!($number), u64::try_from(limits.$number).unwrap_or(u64::MAX));)*
            $(out.number(stringify!($duration), millis(limits.$duration));)*
        }

        fn read_limits(from: &Object) -> Result<Limits, Problem> {
            let mut limits = Limits::default();
            $(limits.$number = from.fits(stringify!($number))?;)*
            $(limits.$duration = Duration::from_millis(from.number(stringify!($duration))?);)*
            Ok(limits)
        }
    };
}

// What a client asks for; the others are a server's.
limits! {
    numbers reply_line reply_bytes reply_lines preliminary_replies command_line requests pending_commands failure_text lowest_data_port
        renewals;
    durations greeting_wait handshake_wait reply_wait digest_wait data_open_wait data_handshake_wait stall_wait download_drain upload_drain
        abort_wait abort_gap guard_wait quiet close_wait
}

pub(super) fn write(config: &Config, out: &mut Writer) {
    let security = &config.security;
    let start = if security.is_implicit() {
        "implicit"
    } else if security.is_clear() {
        "clear"
    } else {
        "explicit"
    };
    let methods = (0..4).filter_map(|index| security.method(index));
    out.text("security", start)
        .text("methods", &list(methods))
        .text("data_level", security.data_level().name())
        .flag("ccc", security.ccc_allowed())
        .flag("accept_334", security.takes_334());
    if let Some(allowed) = security.clear_text() {
        out.text("clear_text", allowed.name());
    }
    out.text("data_modes", &list(config.data_modes.iter()))
        .text("passive_address", config.passive_address.name())
        .text("batching", config.batching.name())
        .text("size_check", config.size_check.name())
        .text("missing_close_notify", config.missing_close_notify.name())
        .text("spent_tickets", config.spent_tickets.name());
    if let Some(interval) = config.keepalive {
        out.number("keepalive", millis(interval));
    }
    write_limits(&config.limits, out);
}

pub(super) fn read(from: &Object) -> Result<Config, Problem> {
    Ok(Config {
        security: read_security(from)?,
        data_modes: read_list::<DataMode>(from, "data_modes")?,
        passive_address: named(from, "passive_address")?,
        batching: named(from, "batching")?,
        size_check: named(from, "size_check")?,
        missing_close_notify: named(from, "missing_close_notify")?,
        spent_tickets: named(from, "spent_tickets")?,
        keepalive: from.optional("keepalive")?.map(Duration::from_millis),
        limits: read_limits(from)?,
    })
}

fn read_security(from: &Object) -> Result<Security, Problem> {
    let clear_text = if from.has("clear_text") {
        Some(named::<ClearText>(from, "clear_text")?)
    } else {
        None
    };
    let start = match (from.text("security")?, clear_text) {
        ("explicit", _) => Security::required(),
        ("implicit", _) => Security::implicit(),
        ("clear", Some(allowed)) => Security::clear(allowed),
        _ => return Err(Problem::Value("security")),
    };
    let methods: Vec<AuthMethod> = read_list::<AuthMethod>(from, "methods")?.iter().collect();
    let mut security = start
        .methods(&methods)
        .map_err(|_| Problem::Value("methods"))?;
    if let Some(allowed) = clear_text {
        security = security.or_clear(allowed);
    }
    match named(from, "data_level")? {
        ProtectionLevel::Clear => security = security.clear_data(),
        ProtectionLevel::Private if !security.is_clear() => {}
        _ => return Err(Problem::Value("data_level")),
    }
    if from.flag("ccc")? {
        security = security.allow_ccc();
    }
    if from.flag("accept_334")? {
        security = security.accept_334();
    }
    Ok(security)
}

pub(super) fn named<T: Named>(from: &Object, key: &'static str) -> Result<T, Problem> {
    T::named(from.text(key)?).ok_or(Problem::Value(key))
}

fn list<T: Named>(values: impl Iterator<Item = T>) -> String {
    values.fold(String::new(), |list, value| {
        if list.is_empty() {
            String::from(value.name())
        } else {
            format!("{list},{}", value.name())
        }
    })
}

fn read_list<T: Named>(from: &Object, key: &'static str) -> Result<Ordered<T>, Problem> {
    let values: Option<Vec<T>> = from.text(key)?.split(',').map(T::named).collect();
    values
        .and_then(|values| Ordered::new(&values).ok())
        .ok_or(Problem::Value(key))
}

/// Durations are whole milliseconds, as the machine's clock is.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

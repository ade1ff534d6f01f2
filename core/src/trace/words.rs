//! Names of values in a record: each enumeration is one table.

use alloc::format;
use alloc::string::String;
use core::str::FromStr;

use super::RequestKind;
use crate::client::{
    AuthMethod, Batching, ClearText, DataMode, MissingCloseNotify, PassiveAddress, SizeCheck,
    SpentTickets,
};
use crate::order::{DataEnd, Fault, Tickets, TlsFault, TlsVersion};
use crate::wire::command::ProtectionLevel;

/// Values with names.
pub(super) trait Named: Copy + PartialEq + 'static {
    const NAMES: &'static [(&'static str, Self)];

    fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(_, value)| *value == self)
            .map_or("", |(name, _)| name)
    }

    fn named(wanted: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| *value)
    }
}

macro_rules! named {
    ($($type:ident { $($variant:ident = $name:literal),* $(,)? })*) => {
        $(impl Named for $type {
            const NAMES: &'static [(&'static str, Self)] = &[$(($name, $type::$variant)),*];
        })*
    };
}

named! {
    AuthMethod { Tls = "TLS", Ssl = "SSL", TlsC = "TLS-C", TlsP = "TLS-P" }
    Batching { LockStep = "lock-step", Independent = "independent" }
    ClearText { Anonymous = "anonymous", Everybody = "everybody" }
    DataMode { Epsv = "EPSV", Pasv = "PASV", Eprt = "EPRT", Port = "PORT" }
    MissingCloseNotify { IfSizeAgrees = "if size agrees", Refuse = "refuse" }
    PassiveAddress { Peer = "peer", Trusted = "trusted" }
    ProtectionLevel { Clear = "C", Safe = "S", Confidential = "E", Private = "P" }
    SizeCheck { Never = "never", WhenFree = "when free", Always = "always" }
    SpentTickets { Renew = "renew", GoOn = "go on" }
    TlsVersion { Tls12 = "1.2", Tls13 = "1.3" }
    Fault {
        Refused = "refused",
        Unreachable = "unreachable",
        TimedOut = "timed out",
        Reset = "reset",
        AddressInUse = "address in use",
        Denied = "denied",
        Other = "other",
    }
    TlsFault {
        NotTls = "not TLS",
        ClosedAtHello = "closed at hello",
        ClosedInHandshake = "closed in handshake",
        Reset = "reset",
        UnknownIssuer = "unknown issuer",
        WrongName = "wrong name",
        Expired = "expired",
        PinMismatch = "pin mismatch",
        Certificate = "certificate",
        ClientCertificate = "client certificate",
        Version = "version",
        NoCommonCipher = "no common cipher",
        ApplicationProtocol = "application protocol",
        Corrupt = "corrupt",
        Local = "local",
        Other = "other",
    }
    RequestKind {
        Login = "login",
        Transfer = "transfer",
        Simple = "simple",
        Size = "size",
        Hash = "hash",
        Rename = "rename",
        Account = "account",
        Raw = "raw",
        Reinitialize = "reinitialize",
        ClearChannel = "clear channel",
        Quit = "quit",
    }
}

const ALERT: &str = "alert ";

pub(super) fn tls_fault(fault: TlsFault) -> String {
    match fault {
        TlsFault::Alert(number) => format!("{ALERT}{number}"),
        other => String::from(other.name()),
    }
}

pub(super) fn read_tls_fault(text: &str) -> Option<TlsFault> {
    match text.strip_prefix(ALERT) {
        Some(number) => number.parse().ok().map(TlsFault::Alert),
        None => TlsFault::named(text),
    }
}

pub(super) fn tickets(tickets: Tickets) -> String {
    match tickets {
        Tickets::None => String::from("none"),
        Tickets::Left(count) => format!("{count}"),
        Tickets::Unlimited => String::from("unlimited"),
    }
}

pub(super) fn read_tickets(text: &str) -> Option<Tickets> {
    match text {
        "none" => Some(Tickets::None),
        "unlimited" => Some(Tickets::Unlimited),
        count => u8::from_str(count).ok().map(Tickets::Left),
    }
}

const FAILED: &str = "failed: ";
const TLS: &str = "TLS: ";

pub(super) fn data_end(end: DataEnd) -> String {
    match end {
        DataEnd::CloseNotify => String::from("close_notify"),
        DataEnd::Fin => String::from("closed"),
        DataEnd::Local => String::from("local"),
        DataEnd::Failed(fault) => format!("{FAILED}{}", fault.name()),
        DataEnd::Tls(fault) => format!("{TLS}{}", tls_fault(fault)),
    }
}

pub(super) fn read_data_end(text: &str) -> Option<DataEnd> {
    match text {
        "close_notify" => Some(DataEnd::CloseNotify),
        "closed" => Some(DataEnd::Fin),
        "local" => Some(DataEnd::Local),
        other => match (other.strip_prefix(FAILED), other.strip_prefix(TLS)) {
            (Some(fault), _) => Fault::named(fault).map(DataEnd::Failed),
            (_, Some(fault)) => read_tls_fault(fault).map(DataEnd::Tls),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back<T: Named + core::fmt::Debug>() {
        for (name, value) in T::NAMES {
            assert!(!name.is_empty());
            assert_eq!(value.name(), *name);
            assert_eq!(T::named(name), Some(*value));
        }
        assert_eq!(T::named("nothing of the kind"), None);
    }

    #[test]
    fn every_name_is_read_again() {
        there_and_back::<Fault>();
        there_and_back::<TlsFault>();
        there_and_back::<RequestKind>();
        there_and_back::<DataMode>();
        there_and_back::<SpentTickets>();
        for fault in [TlsFault::Alert(0), TlsFault::Alert(255), TlsFault::Reset] {
            assert_eq!(read_tls_fault(&tls_fault(fault)), Some(fault));
        }
        for end in [
            DataEnd::Fin,
            DataEnd::Failed(Fault::TimedOut),
            DataEnd::Tls(TlsFault::Alert(40)),
        ] {
            assert_eq!(read_data_end(&data_end(end)), Some(end));
        }
        for left in [Tickets::None, Tickets::Left(7), Tickets::Unlimited] {
            assert_eq!(read_tickets(&tickets(left)), Some(left));
        }
        assert_eq!(read_tls_fault("alert 256"), None);
        assert_eq!(read_data_end("failed: badly"), None);
    }
}

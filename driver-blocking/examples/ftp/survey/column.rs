//! The questions of a survey, and what is known of each: a value that was seen, or that there is none.

use serde_json::{Map, Value, json};

macro_rules! columns {
    ($($name:ident $id:literal $title:literal),* $(,)?) => {
        /// What is asked of every server.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Column { $($name),* }

        impl Column {
            /// All of them, in the order in which they are shown.
            pub(crate) const ALL: &'static [Column] = &[$(Column::$name),*];

            /// The name for programs.
            pub(crate) const fn id(self) -> &'static str {
                match self { $(Column::$name => $id),* }
            }

            /// The name for people.
            pub(crate) const fn title(self) -> &'static str {
                match self { $(Column::$name => $title),* }
            }
        }
    };
}

columns! {
    Greeting "greeting" "greeting",
    FeatBeforeLogin "feat_before_login" "FEAT before login",
    AuthAdvertised "auth_advertised" "FEAT names AUTH",
    AuthTls "auth_tls" "AUTH TLS",
    AuthSsl "auth_ssl" "AUTH SSL",
    AuthTlsC "auth_tls_c" "AUTH TLS-C",
    AuthTlsP "auth_tls_p" "AUTH TLS-P",
    AuthUnknown "auth_unknown" "AUTH with an unknown method",
    AuthAgain "auth_again" "a second AUTH, inside TLS",
    BehindAuth "behind_auth" "a command in one packet with AUTH",
    PbszBeforeAuth "pbsz_before_auth" "PBSZ before AUTH",
    ProtBeforeAuth "prot_before_auth" "PROT before AUTH",
    Host "host" "HOST",
    ClearUser "clear_user" "USER anonymous in clear text",
    Implicit "implicit" "implicit TLS",
    Tls "tls" "TLS",
    Tls12 "tls_1_2" "TLS 1.2",
    Tls13 "tls_1_3" "TLS 1.3",
    HelloRetry "hello_retry" "asks for another group than P-256",
    Certificate "certificate" "certificate",
    CertificateSha256 "certificate_sha256" "its SHA-256",
    ClientCertificate "client_certificate" "asks for a client certificate",
    ProtBeforePbsz "prot_before_pbsz" "PROT P before PBSZ",
    Pbsz "pbsz" "PBSZ 8192",
    ProtC "prot_c" "PROT C",
    ProtS "prot_s" "PROT S",
    ProtE "prot_e" "PROT E",
    ProtX "prot_x" "PROT X",
    ProtP "prot_p" "PROT P",
    ControlClose "control_close" "end of control behind QUIT",
    Login "login" "login",
    System "syst" "SYST",
    FeatAfterLogin "feat_after_login" "FEAT after login",
    Utf8 "opts_utf8" "OPTS UTF8 ON",
    Mlst "mlst" "MLST",
    Rest "rest" "REST 1",
    Epsv "epsv" "EPSV",
    Pasv "pasv" "PASV",
    PassiveAddress "passive_address" "address in the reply to PASV",
    Batching "batching" "four commands in one packet",
    AborIdle "abor_idle" "ABOR without a transfer",
    AborRunning "abor_running" "ABOR in a download",
    Rein "rein" "REIN",
    DataAfterAuthTls "data_after_auth_tls" "data without PROT, after AUTH TLS",
    DataAfterAuthSsl "data_after_auth_ssl" "data without PROT, after AUTH SSL",
    DataImplicit "data_implicit" "data without PROT, implicit TLS",
    ListEpsv "list_epsv" "listing by EPSV",
    ListPasv "list_pasv" "listing by PASV",
    ListEprt "list_eprt" "listing by EPRT",
    ListPort "list_port" "listing by PORT",
    Mlsd "mlsd" "MLSD",
    DataClose "data_close" "end of data",
    Resumed12 "resumed_1_2" "data resumes the session, TLS 1.2",
    Resumed13 "resumed_1_3" "data resumes the session, TLS 1.3",
    ReuseRequired "reuse_required" "demands resumption on data",
    Ccc "ccc" "CCC",
}

/// What is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It was seen.
    Value(String),
    /// It was asked, and nothing came that would tell.
    NoAnswer(String),
    /// Nobody asked.
    NotAsked(String),
}

/// What is known, and what was said and seen for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) known: Known,
    pub(crate) evidence: Vec<String>,
}

impl Cell {
    pub(crate) fn not_asked(why: &str) -> Cell {
        Cell {
            known: Known::NotAsked(why.to_owned()),
            evidence: Vec::new(),
        }
    }

    /// In a table.
    pub(crate) fn shown(&self) -> &str {
        match &self.known {
            Known::Value(value) => value,
            Known::NoAnswer(_) => "no answer",
            Known::NotAsked(_) => "not asked",
        }
    }

    /// For programs.
    pub(crate) fn to_json(&self) -> Value {
        let mut map = Map::new();
        let (state, key, text) = match &self.known {
            Known::Value(value) => ("value", "value", value),
            Known::NoAnswer(why) => ("no answer", "why", why),
            Known::NotAsked(why) => ("not asked", "why", why),
        };
        map.insert("state".to_owned(), state.into());
        map.insert(key.to_owned(), text.as_str().into());
        map.insert("evidence".to_owned(), json!(self.evidence));
        map.into()
    }
}

//! Data connections: to whom, under which protection, how many, and when payload moves on them.

use std::net::IpAddr;

use ftp_proto::server::{Access, Config, Note, Rights, Security};
use ftp_proto::{DataEnd, DataTarget, Fault, TlsFault};
use ftp_proto_tests::bench_server::{Bench, Seen, in_clear};
use ftp_proto_tests::rig::{Act, FULL_HANDSHAKE, RESUMED, USER};

fn connects(bench: &Bench) -> Vec<DataTarget> {
    bench
        .acts()
        .into_iter()
        .filter_map(|act| match act {
            Act::Connect(target) => Some(target),
            _ => None,
        })
        .collect()
}

#[test]
fn is_08_active_connections_go_to_the_client_and_to_no_low_port() {
    let hosts = [
        "192,0,2,7",
        "192,0,2,1",
        "192,0,2,8",
        "127,0,0,1",
        "10,0,0,1",
        "0,0,0,0",
        "255,255,255,255",
        "224,0,0,1",
        "169,254,169,254",
    ];
    for host in hosts {
        for port in [
            0_u32, 1, 20, 21, 25, 80, 443, 1023, 1024, 3306, 40_000, 65_535,
        ] {
            let (high, low) = (port / 256, port % 256);
            for line in [
                format!("PORT {host},{high},{low}"),
                format!("EPRT |1|{}|{port}|", host.replace(',', ".")),
            ] {
                let mut bench = Bench::clear();
                bench.checks_silence = false;
                let code = bench.cmd(&line);
                bench.line(b"RETR motd");
                let good = host == "192,0,2,7" && port >= 1024;
                if good {
                    assert_eq!(code, 200, "{line}");
                    let port = u16::try_from(port).unwrap();
                    assert_eq!(connects(&bench), [DataTarget::Peer { port }], "{line}");
                } else {
                    assert!(matches!(code, 500 | 501 | 504), "{code} to {line}");
                    assert_eq!(connects(&bench), [], "{line}");
                }
            }
        }
    }
}

#[test]
fn is_08_an_ipv6_client_is_reached_at_its_own_address_alone() {
    for (line, good) in [
        ("EPRT |2|2001:db8::7|50000|", true),
        ("EPRT |2|2001:DB8:0:0::7|50000|", true),
        ("EPRT |2|2001:db8::8|50000|", false),
        ("EPRT |2|::1|50000|", false),
        ("EPRT |2|::ffff:192.0.2.7|50000|", false),
        ("EPRT |1|192.0.2.7|50000|", false),
        ("PORT 192,0,2,7,200,1", false),
    ] {
        let mut bench = Bench::from(in_clear(), "[2001:db8::7]:40000", "[2001:db8::1]:21");
        bench.log_in(USER);
        bench.forget();
        let code = bench.cmd(line);
        bench.line(b"RETR motd");
        assert_eq!(code == 200, good, "{code} to {line}");
        assert_eq!(!connects(&bench).is_empty(), good, "{line}");
    }
}

#[test]
fn is_08_third_parties_are_reached_only_if_the_policy_names_them() {
    let mut config = in_clear();
    config.active.third_parties = vec!["198.51.100.9".parse().unwrap()];
    let mut bench = Bench::clear_with(config);
    assert_eq!(bench.cmd("PORT 198,51,100,10,200,1"), 501);
    assert_eq!(bench.cmd("PORT 198,51,100,9,0,25"), 504);
    assert_eq!(bench.cmd("PORT 198,51,100,9,200,1"), 200);
    bench.auto_data = false;
    bench.line(b"RETR motd");
    let target = "198.51.100.9:51201".parse().unwrap();
    assert_eq!(connects(&bench), [DataTarget::Address(target)]);
}

#[test]
fn is_09_a_stranger_gets_and_gives_nothing_and_the_client_still_comes() {
    for line in ["RETR motd", "STOR new", "LIST"] {
        let mut bench = Bench::clear();
        assert_eq!(bench.cmd("EPSV"), 229);
        bench.auto_data = false;
        bench.auto_flow = false;
        bench.line(line.as_bytes());
        for stranger in ["203.0.113.9", "192.0.2.8", "::1", "127.0.0.1"] {
            bench.accepted(stranger);
            let stranger: IpAddr = stranger.parse().unwrap();
            assert!(bench.notes().contains(&Note::StrangerRefused(stranger)));
            assert!(bench.desk().flow.is_none() && bench.desk().accept.is_some());
        }
        bench.accepted("192.0.2.7");
        assert!(bench.desk().flow.is_some(), "{bench:?}");
        bench.flow_finished(0, DataEnd::Fin);
        assert_eq!(bench.codes().last(), Some(&226));
    }
}

#[test]
fn is_09_too_many_strangers_give_the_port_up() {
    let mut bench = Bench::clear();
    assert_eq!(bench.cmd("PASV"), 227);
    bench.auto_data = false;
    bench.line(b"RETR motd");
    let mut strangers = 0;
    while bench.desk().accept.is_some() {
        bench.accepted("203.0.113.9");
        strangers += 1;
        assert!(strangers < 100);
    }
    assert_eq!(bench.codes().last(), Some(&425));
    assert_eq!(bench.open_data(), 0);
    assert!(!bench.tree.is_open());
}

#[test]
fn is_10_each_new_setting_closes_what_the_one_before_it_had() {
    let mut bench = Bench::clear();
    for round in 0..50 {
        for line in [
            "PASV",
            "EPSV",
            "PORT 192,0,2,7,200,1",
            "EPRT |1|192.0.2.7|50000|",
            "EPSV 1",
        ] {
            let code = bench.cmd(line);
            assert!(code < 300, "{code} to {line} in round {round}");
            // The bench refuses a second one while there is one.
            assert!(bench.open_data() <= 1);
        }
    }
    for line in ["ABOR", "REIN"] {
        assert!(bench.cmd("PASV") == 227 || line == "REIN");
        bench.cmd(line);
        assert_eq!(bench.open_data(), 0, "{line}");
    }
    for end in ["QUIT", ""] {
        let mut bench = Bench::clear();
        assert_eq!(bench.cmd("EPSV"), 229);
        if end.is_empty() {
            bench.eof();
        } else {
            bench.cmd(end);
        }
        assert!(bench.is_closed());
        assert_eq!(bench.open_data(), 0);
    }
}

#[test]
fn is_10_a_refused_transfer_takes_its_listener_with_it() {
    for line in [
        "RETR missing",
        "STOR no/such/place",
        "LIST missing",
        "MLSD motd",
    ] {
        let mut bench = Bench::clear();
        let codes = bench.transfer(line);
        assert!(
            matches!(codes[..], [501 | 550 | 553]),
            "{codes:?} to {line}"
        );
        assert_eq!(bench.open_data(), 0, "{line}");
    }
}

#[test]
fn is_11_a_data_connection_that_resumes_nothing_carries_nothing() {
    let mut config = Config::default();
    config.security = Security::required().require_reuse();
    for line in ["RETR motd", "STOR new", "LIST", "APPE motd"] {
        let mut bench = Bench::secure_with(config.clone());
        bench.data_facts = FULL_HANDSHAKE;
        let codes = bench.transfer(line);
        assert_eq!(codes, [150, 522], "{line}");
        assert!(
            !bench
                .acts()
                .iter()
                .any(|act| matches!(act, Act::Flow { .. }))
        );
        assert!(
            bench
                .notes()
                .iter()
                .any(|note| matches!(note, Note::ReuseMissing(_)))
        );
        assert_eq!(bench.tree.commits, 0);
        assert!(!bench.tree.is_open());
        bench.data_facts = RESUMED;
        assert_eq!(bench.transfer(line), [150, 226], "{line}");
    }
}

#[test]
fn is_13_payload_moves_under_the_last_prot_in_every_order_of_commands() {
    // What each step may be; every order of three of them before the transfer.
    let steps = ["PROT P", "PROT C", "EPSV", "PBSZ 0", "PORT 192,0,2,7,200,1"];
    for policy in [Security::required().or_clear_data(), Security::required()] {
        for a in steps {
            for b in steps {
                for c in steps {
                    for line in ["RETR motd", "STOR new", "LIST", "MLSD"] {
                        one_order(policy, &[a, b, c], line);
                    }
                }
            }
        }
    }
}

fn one_order(policy: Security, steps: &[&str], line: &str) {
    let mut config = Config::default();
    config.security = policy;
    let mut bench = Bench::new(config);
    bench.checks_silence = false;
    bench.checks_secrets = false;
    assert_eq!(bench.cmd("AUTH TLS"), 234);
    bench.log_in(USER);
    bench.forget();
    let (mut private, mut ready) = (false, false);
    for step in steps {
        let code = bench.cmd(step);
        match *step {
            "PROT P" => private = true,
            // A server that does not allow it may say so at once.
            "PROT C" if code == 200 => private = false,
            "EPSV" | "PORT 192,0,2,7,200,1" => ready = true,
            _ => {}
        }
    }
    let code = bench.cmd(line);
    let flows: Vec<bool> = bench
        .acts()
        .iter()
        .filter_map(|act| match act {
            Act::Flow { protected, .. } => Some(*protected),
            _ => None,
        })
        .collect();
    let told = || format!("{policy:?} {steps:?} {line}: {bench:?}");
    if policy.needs_private_data() && !private {
        assert!(matches!(code, 521 | 522 | 534), "{code}; {}", told());
        assert_eq!(bench.tree.opens, 0, "{}", told());
        assert!(flows.is_empty());
    } else if ready {
        assert_eq!(code, 226, "{}", told());
        assert_eq!(flows, [private], "{}", told());
        assert_eq!(bench.did(Act::SecureData), private);
    } else {
        assert_eq!(code, 425, "{}", told());
    }
}

#[test]
fn is_13_rfc_4217_section_10_2_a_failed_data_handshake_is_522_and_moves_nothing() {
    for fault in [
        TlsFault::NotTls,
        TlsFault::Reset,
        TlsFault::ClosedAtHello,
        TlsFault::Alert(42),
    ] {
        let mut bench = Bench::secure();
        assert_eq!(bench.cmd("EPSV"), 229);
        bench.auto_data = false;
        bench.line(b"STOR new").accepted("192.0.2.7");
        bench.data_insecure(fault);
        assert_eq!(bench.codes().last(), Some(&522));
        assert_eq!((bench.tree.commits, bench.tree.aborts), (0, 1));
        assert_eq!(bench.open_data(), 0);
        assert_eq!(bench.cmd("NOOP"), 200);
    }
}

#[test]
fn is_27_payload_moves_between_the_preliminary_and_the_final_reply() {
    for secure in [false, true] {
        for line in [
            "RETR motd",
            "STOR new",
            "APPE motd",
            "STOU",
            "LIST",
            "NLST",
            "MLSD",
        ] {
            let mut bench = if secure {
                Bench::secure()
            } else {
                Bench::clear()
            };
            assert_eq!(bench.cmd("EPSV"), 229);
            bench.forget();
            // The client connects before it asks, as it may.
            bench.line(line.as_bytes());
            let preliminary = bench.place(|seen| matches!(seen, Seen::Replied(_, 125 | 150, _)));
            let flow = bench.place(|seen| matches!(seen, Seen::Did(Act::Flow { .. })));
            let last = bench.place(|seen| matches!(seen, Seen::Replied(_, 226, _)));
            assert!(preliminary < flow && flow < last, "{line}: {bench:?}");
            if secure {
                let secured = bench.place(|seen| matches!(seen, Seen::Did(Act::SecureData)));
                assert!(preliminary < secured && secured < flow);
            }
        }
        // What is refused moves nothing.
        let mut bench = if secure {
            Bench::secure()
        } else {
            Bench::clear()
        };
        bench.transfer("RETR missing");
        assert!(
            !bench
                .acts()
                .iter()
                .any(|act| matches!(act, Act::Flow { .. }))
        );
    }
}

#[test]
fn is_33_the_address_in_227_is_the_servers_own() {
    // Whatever the client says before: neither PORT nor HOST nor EPRT makes another one of it.
    let mut config = in_clear();
    config.virtual_hosts = true;
    let mut bench = Bench::new(config);
    bench
        .line(b"HOST 203.0.113.1")
        .line(b"HOST ftp.example.org");
    bench.log_in(USER);
    for line in [
        "PORT 203,0,113,1,200,1",
        "EPRT |1|203.0.113.1|50000|",
        "PORT 192,0,2,7,200,1",
    ] {
        bench.line(line.as_bytes());
    }
    let text = bench.text_of("PASV");
    assert!(text.contains("(192,0,2,1,195,101)"), "{text}");

    let mut config = in_clear();
    config.passive.address = Some("198.51.100.77".parse().unwrap());
    let mut bench = Bench::clear_with(config);
    let text = bench.text_of("PASV");
    assert!(text.contains("(198,51,100,77,195,101)"), "{text}");

    let mut bench = Bench::from(in_clear(), "[2001:db8::7]:40000", "[2001:db8::1]:21");
    bench.log_in(USER);
    let code = bench.cmd("PASV");
    assert!(code >= 400, "{code}");
    assert_eq!(bench.open_data(), 0);

    // IPv4 in IPv6 clothes is IPv4.
    let mut bench = Bench::from(
        in_clear(),
        "[::ffff:192.0.2.7]:40000",
        "[::ffff:192.0.2.1]:21",
    );
    bench.log_in(USER);
    bench.auto_data = false;
    bench.line(b"PASV").listening("[::ffff:192.0.2.1]:50021");
    let said = bench.said();
    assert!(
        said.last().unwrap().contains("(192,0,2,1,195,101)"),
        "{said:?}"
    );
}

#[test]
fn ix_06_every_failure_of_the_system_leaves_a_session_in_step() {
    for fault in [
        Fault::Refused,
        Fault::Unreachable,
        Fault::TimedOut,
        Fault::Reset,
        Fault::AddressInUse,
        Fault::Denied,
        Fault::Other,
    ] {
        for set_up in ["PASV", "EPSV"] {
            let mut bench = Bench::clear();
            bench.auto_data = false;
            bench.line(set_up.as_bytes()).data_failed(fault);
            assert_eq!(bench.codes(), [425], "{set_up} {fault:?}");
            assert_eq!(bench.cmd("NOOP"), 200);
        }
        for line in ["RETR motd", "STOR new", "LIST"] {
            // Accepting fails.
            let mut bench = Bench::clear();
            assert_eq!(bench.cmd("EPSV"), 229);
            bench.auto_data = false;
            bench.line(line.as_bytes()).data_failed(fault);
            assert_eq!(bench.codes(), [150, 425], "{line} {fault:?}");
            assert_eq!(bench.open_data(), 0);
            assert_eq!(bench.cmd("NOOP"), 200);
            // Connecting fails.
            assert_eq!(bench.cmd("PORT 192,0,2,7,200,1"), 200);
            bench.line(line.as_bytes()).data_failed(fault);
            assert_eq!(bench.codes(), [150, 425], "{line} {fault:?}");
            assert_eq!(bench.cmd("NOOP"), 200);
            // The connection breaks.
            bench.auto_data = true;
            bench.auto_flow = false;
            assert_eq!(bench.cmd("EPSV"), 229);
            bench
                .line(line.as_bytes())
                .flow_finished(0, DataEnd::Failed(fault));
            let codes = bench.codes();
            assert!(matches!(codes[..], [125 | 150, 426]), "{codes:?} to {line}");
            assert!(!bench.tree.is_open());
            assert_eq!(bench.cmd("NOOP"), 200);
            // The control connection breaks, in mid-transfer.
            assert_eq!(bench.cmd("EPSV"), 229);
            bench.line(line.as_bytes());
            bench.handle(ftp_proto::server::Input::ControlFailed(fault));
            assert!(bench.is_closed());
            assert_eq!(bench.open_data(), 0);
        }
    }
}

#[test]
fn a_user_without_the_right_to_read_costs_no_data_connection() {
    let mut bench = Bench::new(in_clear());
    bench
        .tree
        .set_rights(USER, Rights::ALL.without(Access::Read));
    bench.log_in(USER);
    let codes = bench.transfer("RETR motd");
    assert_eq!(codes, [550]);
    assert_eq!(bench.open_data(), 0);
}

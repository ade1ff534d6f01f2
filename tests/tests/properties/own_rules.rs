//! How a crate that is built on the core tests rules of its own: here a small one that decides which policy goes with which host, what is
//! tried again, and what a person is told.

use ftp_proto::client::{ClearText, Config, Security};
use ftp_proto::testing::{Call, Told, strategies};
use ftp_proto::{Category, Failure, FailureKind};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};

use crate::{Play, prove};

/// The rules under test: what such a crate would have in its own sources.
mod mirror {
    use super::*;

    /// Clear text is for the machine next door, and nobody else.
    pub(super) fn policy(host: std::net::IpAddr) -> Config {
        let mut config = Config::default();
        if matches!(host, std::net::IpAddr::V4(host) if host.is_private()) {
            config.security = Security::required().or_clear(ClearText::Everybody);
        }
        config
    }

    /// What is worth another connection: never what the server has decided about us or our protection.
    pub(super) fn is_worth_another_try(failure: &Failure) -> bool {
        matches!(failure.category(), Category::Connect | Category::TimedOut)
            || matches!(failure.category(), Category::Transfer)
                && !matches!(failure.kind, FailureKind::Aborted { .. })
    }
}

#[test]
fn no_password_leaves_in_clear_text_for_a_host_far_away() {
    let hosts = prop_oneof![
        any::<[u8; 4]>().prop_map(std::net::IpAddr::from),
        any::<[u8; 16]>().prop_map(std::net::IpAddr::from),
        Just("10.1.2.3".parse().unwrap()),
        Just("192.168.0.9".parse().unwrap()),
    ];
    prove((hosts, strategies::dialogue()), |(host, dialogue)| {
        let near = matches!(host, std::net::IpAddr::V4(host) if host.is_private());
        let story = dialogue.play(mirror::policy(host), host);
        for (line, secure) in story.lines() {
            prop_assert!(secure || near || !line.starts_with(b"PASS"));
        }
        Ok(())
    });
}

#[test]
fn nothing_is_tried_again_that_the_server_has_refused() {
    prove(strategies::dialogue(), |dialogue| {
        let story = dialogue.play(mirror::policy(Play::ipv4()), Play::ipv4());
        for told in story.told() {
            if let Told::Finished(_, Err(failure)) = told
                && mirror::is_worth_another_try(failure)
            {
                prop_assert_ne!(failure.kind, FailureKind::LoginRefused);
                prop_assert_ne!(failure.kind, FailureKind::SecurityRefused);
                prop_assert_ne!(failure.kind, FailureKind::Injected);
            }
        }
        Ok(())
    });
}

#[test]
fn a_rule_that_is_wrong_is_found_and_made_small() {
    // A rule nobody should have: everything that fails is tried again. The strategy finds what speaks against it, and shrinks it to a
    // dialogue with little more than a refused login.
    let config = ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 50_000,
        ..ProptestConfig::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let found = runner.run(&strategies::dialogue(), |dialogue| {
        let story = dialogue.play(mirror::policy(Play::ipv4()), Play::ipv4());
        let refused = story
            .failure(0)
            .is_some_and(|failure| failure.kind == FailureKind::LoginRefused);
        prop_assert!(!refused);
        Ok(())
    });
    let Err(TestError::Fail(_, dialogue)) = found else {
        panic!("not found: {found:?}");
    };
    assert!(dialogue.calls.len() == 1, "{dialogue:#?}");
    assert!(matches!(dialogue.calls[0], Call::Login { .. }));
}

//! Faults of a network that knows nothing of the rules: both machines in one process, the network between them broken in one place, every size and
//! delay another one. What the network did is the truth.

use std::collections::BTreeMap;

use ftp_proto::diagnosis::CauseId;
use ftp_proto_tests::pair::{Cut, Explained, Outcome, Pair, Script, Side, Trouble, Wish};

/// Sessions for each kind of trouble in which it did harm.
const RUNS: u32 = 100;

/// Seeds to look at for them, at most.
const SEEDS: u64 = 40_000;

/// A kind of trouble: how it is made from a seed, and which causes are right for it.
struct Kind {
    name: &'static str,
    make: fn(u64) -> Trouble,
    /// By what the harm was done to.
    truth: fn(&Explained) -> &'static [CauseId],
}

const CUTS: [Cut; 2] = [Cut::Reset, Cut::Fin];

const KINDS: &[Kind] = &[
    Kind {
        name: "a firewall cuts TLS on the control connection",
        make: |seed| Trouble::ControlTls(CUTS[(seed % 2) as usize]),
        truth: |_| &[CauseId::CutAtTls],
    },
    Kind {
        name: "a firewall swallows TLS on the control connection",
        make: |_| Trouble::ControlTls(Cut::Silent),
        truth: |_| &[CauseId::NoServerHello],
    },
    Kind {
        name: "a firewall cuts TLS on data connections",
        make: |seed| Trouble::DataTls(CUTS[(seed % 2) as usize]),
        truth: |_| &[CauseId::DataCutAtTls],
    },
    Kind {
        name: "data ports refuse",
        make: |_| Trouble::DataPorts(true),
        truth: |_| &[CauseId::PassiveRefused, CauseId::ActiveBlocked],
    },
    Kind {
        name: "data ports do not answer",
        make: |_| Trouble::DataPorts(false),
        truth: |_| &[CauseId::PassiveFiltered, CauseId::ActiveBlocked],
    },
    Kind {
        name: "data is cut in mid-transfer",
        make: |seed| {
            let side = Side::BOTH[(seed / 2 % 2) as usize];
            Trouble::Data(1, side, 1 + seed % 4990, CUTS[(seed % 2) as usize])
        },
        truth: |explained| match explained.wish {
            "upload" => &[CauseId::UploadReset],
            _ => &[CauseId::Truncated],
        },
    },
    Kind {
        name: "data stands still in mid-transfer",
        make: |seed| {
            Trouble::Data(
                1,
                Side::BOTH[(seed % 2) as usize],
                1 + seed % 4990,
                Cut::Silent,
            )
        },
        truth: |explained| match explained.wish {
            "upload" => &[CauseId::UploadReset, CauseId::NothingMoves],
            _ => &[CauseId::Truncated, CauseId::NothingMoves],
        },
    },
    Kind {
        name: "the storage fails",
        make: |_| Trouble::Storage,
        truth: |_| &[CauseId::CannotWrite],
    },
];

#[test]
fn what_the_network_did_is_named_first() {
    println!(
        "{:<50} {:>5} {:>6} {:>7}  named first in its place",
        "what the network does", "harm", "first", "first 3"
    );
    let mut poor = Vec::new();
    for kind in KINDS {
        let (mut harmed, mut first, mut three) = (0, 0, 0);
        let mut confused: BTreeMap<String, u32> = BTreeMap::new();
        for seed in 1..=SEEDS {
            if harmed == RUNS {
                break;
            }
            let Some(explained) = harm(seed, (kind.make)(seed)) else {
                continue;
            };
            harmed += 1;
            let right = (kind.truth)(&explained);
            let causes = explained.diagnosis.causes();
            match causes.iter().position(|cause| right.contains(&cause.id)) {
                Some(0) => {
                    first += 1;
                    three += 1;
                    continue;
                }
                Some(1 | 2) => three += 1,
                _ => {}
            }
            let instead = causes.first().map_or("nothing", |cause| cause.id.as_str());
            let what = format!(
                "{instead} ({}, {}, seed {seed})",
                explained.wish, explained.failure
            );
            if confused.len() < 6 || confused.contains_key(&what) {
                *confused.entry(what).or_default() += 1;
            }
        }
        let shown: Vec<&str> = confused.keys().map(String::as_str).collect();
        println!(
            "{:<50} {harmed:>5} {first:>6} {three:>7}  {}",
            kind.name,
            shown.join(", ")
        );
        assert!(
            harmed >= 50,
            "{}: too little harm to judge by: {harmed}",
            kind.name
        );
        if first * 100 < harmed * 95 || three * 100 < harmed * 99 {
            poor.push(kind.name);
        }
    }
    assert!(poor.is_empty(), "not found often enough: {poor:?}");
}

/// The first thing that fails in this session because of the trouble: something that does not fail without it.
fn harm(seed: u64, trouble: Trouble) -> Option<Explained> {
    let well = run(seed, Trouble::None);
    if !well.explained.is_empty() {
        // Policies that do not fit each other, or a file that is not there.
        return None;
    }
    run(seed, trouble).explained.into_iter().next()
}

fn run(seed: u64, trouble: Trouble) -> Outcome {
    let mut script = Script::of(seed);
    let size = 5000;
    script.wishes = (0..3)
        .map(|index| match (seed >> (2 * index)) % 4 {
            0 => Wish::Store(size, false),
            1 => Wish::List,
            2 => Wish::Facts,
            _ => Wish::Retrieve(size, 0, false),
        })
        .collect();
    script.at_once = false;
    script.quits = true;
    // Not all day.
    script.pace = script.pace.min(20);
    script.chunk = script.chunk.max(100);
    script.trouble = trouble;
    Pair::new(script).run()
}

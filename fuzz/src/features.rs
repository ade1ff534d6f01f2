//! FEAT and OPTS MLST: a list that is read can be written and read again.

use ftp_proto::wire::features::{
    Feature, FeatureSet, Features, MlstFact, MlstFacts, encode_feat, encode_mlst_facts,
    encode_opts_mlst,
};

/// The bytes are the text of a 211 reply to FEAT, and the facts of MLST.
///
/// # Panics
/// If the law does not hold.
pub fn check(text: &[u8]) {
    feat(text);
    facts(text);
}

fn feat(text: &[u8]) {
    let features: Vec<Feature<'_>> = Features::new(text).collect();
    assert!(features.len() <= text.len());
    let set = FeatureSet::read(text);
    assert_eq!(set.is_empty(), set.iter().next().is_none());
    for known in set.iter() {
        assert!(set.contains(known));
    }
    let mut written = Vec::new();
    let listed = features.iter().copied();
    if encode_feat(listed, &mut written).is_err() {
        assert!(written.is_empty(), "refused, and yet written");
        return;
    }
    let again: Vec<Feature<'_>> = Features::new(&written).collect();
    // A label that looks like the reply code is not read back as one.
    if features
        .iter()
        .all(|feature| !feature.label.starts_with(b"211"))
    {
        assert_eq!(again, features);
        assert_eq!(FeatureSet::read(&written), set);
    }
    let mut own = Vec::new();
    encode_feat(set.iter().map(|known| known.feature()), &mut own).expect("our own names");
    assert_eq!(FeatureSet::read(&own), set);
}

fn facts(text: &[u8]) {
    let facts: Vec<MlstFact<'_>> = MlstFacts::new(text).collect();
    for fact in &facts {
        assert!(MlstFacts::new(text).contains(fact.name));
    }
    let mut written = Vec::new();
    match encode_mlst_facts(facts.iter().copied(), &mut written) {
        Ok(()) => {
            let again: Vec<MlstFact<'_>> = MlstFacts::new(&written).collect();
            assert_eq!(again, facts);
        }
        Err(_) => assert!(written.is_empty(), "refused, and yet written"),
    }
    if let Ok(asked) = MlstFacts::parse_argument(text) {
        let names: Vec<&[u8]> = asked.map(|fact| fact.name).collect();
        let mut argument = Vec::new();
        encode_opts_mlst(names.iter().copied(), &mut argument).expect("an argument is writable");
        let argument = argument.strip_prefix(b"MLST ").expect("the sub-command");
        let again: Vec<&[u8]> = MlstFacts::parse_argument(argument)
            .expect("what was written")
            .map(|fact| fact.name)
            .collect();
        assert_eq!(again, names);
    }
}
